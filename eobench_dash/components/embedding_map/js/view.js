// Where the map looks: {x, y, k} = centre in map units and zoom against "all of it" (k = 1). Pure functions.
// A frame {w, h, bounds, fit} is the window in CSS pixels, the data's bounds, and pixels per unit at k = 1.
// Map y grows upwards, screen y downwards.

export const MIN_ZOOM = 0.5;
export const MAX_ZOOM = 20000;
const PADDING = 28;

export function makeFrame(w, h, bounds) {
  const spanX = Math.max(bounds.x1 - bounds.x0, 1e-12);
  const spanY = Math.max(bounds.y1 - bounds.y0, 1e-12);
  // One point (or none) has no extent: any scale shows it.
  const flat = bounds.x1 === bounds.x0 && bounds.y1 === bounds.y0;
  const fit = flat ? 1 : Math.min(Math.max(w - 2 * PADDING, 16) / spanX, Math.max(h - 2 * PADDING, 16) / spanY);
  return { w, h, bounds, fit };
}

export const fitView = (frame) => ({
  x: (frame.bounds.x0 + frame.bounds.x1) / 2,
  y: (frame.bounds.y0 + frame.bounds.y1) / 2,
  k: 1,
});

export const scaleOf = (view, frame) => frame.fit * view.k;

export function toScreen(view, frame, x, y) {
  const s = scaleOf(view, frame);
  return [(x - view.x) * s + frame.w / 2, frame.h / 2 - (y - view.y) * s];
}

export function toMap(view, frame, px, py) {
  const s = scaleOf(view, frame);
  return [(px - frame.w / 2) / s + view.x, (frame.h / 2 - py) / s + view.y];
}

const clamp = (v, lo, hi) => Math.min(Math.max(v, lo), hi);

/** Keep the centre on the data and the zoom in range, so that nobody gets lost. */
export function clampView(view, frame) {
  const { x0, x1, y0, y1 } = frame.bounds;
  return { x: clamp(view.x, x0, x1), y: clamp(view.y, y0, y1), k: clamp(view.k, MIN_ZOOM, MAX_ZOOM) };
}

/** Move the picture by (dx, dy) CSS pixels. */
export function panBy(view, frame, dx, dy) {
  const s = scaleOf(view, frame);
  return clampView({ x: view.x - dx / s, y: view.y + dy / s, k: view.k }, frame);
}

/** Zoom by a factor with the map point under (px, py) staying there. */
export function zoomAt(view, frame, px, py, factor) {
  const k = clamp(view.k * factor, MIN_ZOOM, MAX_ZOOM);
  const [x, y] = toMap(view, frame, px, py);
  const s = frame.fit * k;
  return clampView({ x: x - (px - frame.w / 2) / s, y: y + (py - frame.h / 2) / s, k }, frame);
}

/** A view t of the way from a to b: straight in place on the screen, geometric in zoom. */
export function between(a, b, t) {
  const k = a.k * Math.pow(b.k / a.k, t);
  // The centre moves with the zoom's progress, else a far flight at high zoom passes everything in one frame.
  const f = Math.abs(b.k - a.k) < 1e-9 * a.k ? t : (1 / a.k - 1 / k) / (1 / a.k - 1 / b.k);
  return { x: a.x + (b.x - a.x) * f, y: a.y + (b.y - a.y) * f, k };
}

/** The raster's transform in device pixels: px = x * s + tx, py = ty - y * s. */
export function transformOf(view, frame, dpr) {
  const s = scaleOf(view, frame) * dpr;
  return { s, tx: (frame.w * dpr) / 2 - view.x * s, ty: (frame.h * dpr) / 2 + view.y * s };
}

/** Radius of a point in CSS pixels: by how much room a point has, growing slower than the map does. */
export function pointRadius(frame, n, k) {
  const room = Math.sqrt((frame.w * frame.h) / Math.max(n, 1));
  const base = clamp(0.3 * room, 0.75, 3.4);
  return clamp(base * Math.pow(Math.max(k, 0.6), 0.42), 0.7, 9);
}

/** Opacity: large points read as discs; the more small ones lie over each other, the more they let density show. */
export function pointAlpha(frame, n, k) {
  const radius = pointRadius(frame, n, k);
  const layers = (n * Math.PI * radius * radius) / (frame.w * frame.h * Math.max(k, 1) ** 2);
  return clamp(0.58 + 0.1 * radius, 0.62, 0.93) / (1 + 0.4 * layers);
}

const LEAST_TOP = 1.5; // CSS pixels: what must not be buried is not drawn as dust either

/** How points look at a view, in device pixels: {radius, alpha} and the same for the codes that are drawn last. */
export function styleOf(frame, n, k, dpr) {
  const radius = pointRadius(frame, n, k);
  // Hundredths of a pixel, so that a tiny zoom step does not make new stamps for nothing.
  const device = (r) => Math.round(r * dpr * 100) / 100;
  return {
    radius: device(radius), alpha: pointAlpha(frame, n, k),
    topRadius: device(Math.max(radius, LEAST_TOP)), topAlpha: clamp(0.7 + 0.1 * radius, 0.8, 0.93),
  };
}
