// The software renderer: keeps the picture, moves it, refines it. gpu.js offers the same: resize, setScene, invalidate,
// frame, repaint, still, destroy, and `painted`, which counts up whenever the canvas was painted on (what others drew
// on it then is gone).

import { Raster } from "./raster.js";
import { styleOf, transformOf } from "./view.js";

const DIRECT_MS = 11; // a whole picture expected to take at most this is drawn at once, at every frame
const SLICE_MS = 8; // else the old picture stands in, and the new one is made in slices of this length
const REFINE_AFTER_MS = 70; // … once the view has rested that long
const BANDS = 24;
const FEW_SLOTS = 400; // up to so many recoloured points are repainted one by one

export class SoftwareRenderer {
  constructor(canvas) {
    this.canvas = canvas;
    this.kind = "software";
    this.painted = 0;
    // Not "willReadFrequently": composing such a canvas took 2-5 times as long per frame in software GL.
    this.context = canvas.getContext("2d", { alpha: false });
    this.raster = new Raster();
    this.image = new ImageData(this.raster.bytes, 1, 1);
    this.kept = document.createElement("canvas"); // the last whole picture, to stand in while zooming
    this.keptContext = this.kept.getContext("2d", { alpha: false });
    this.msPerUnit = 6e-6; // cost of one pixel of one point; measured as we go
    this.stats = { full: 0, fullMs: 0, frames: 0, frameMs: 0, strips: 0, approximate: 0, slices: 0 };
    this.scene = null;
    this.exact = null; // transform of the picture in the raster; null while it is being made or is out of date
  }

  get palette() {
    return this.raster.palette;
  }

  resize(width, height, dpr) {
    const w = Math.max(Math.round(width * dpr), 1), h = Math.max(Math.round(height * dpr), 1);
    this.dpr = dpr;
    if (w === this.raster.width && h === this.raster.height && this.canvas.width === w && this.canvas.height === h) return;
    this.canvas.width = this.kept.width = w;
    this.canvas.height = this.kept.height = h;
    this.raster.resize(w, h);
    this.image = new ImageData(this.raster.bytes, w, h);
    this.keptAt = null;
    this.invalidate();
  }

  /** scene: see scene.js; or null. */
  setScene(scene) {
    this.scene = scene;
    this.keptAt = null;
    this.invalidate();
  }

  /** The picture no longer shows the scene (colours, filter, selection): the next frame draws all of it. */
  invalidate() {
    this.exact = this.job = null;
    this.stale = true;
  }

  /** Bring the canvas to the view. Returns true where another frame is wanted. */
  frame(view, frame, now) {
    const began = performance.now();
    const more = this._frame(view, frame, now);
    this.stats.frames++;
    this.stats.frameMs = performance.now() - began;
    return more;
  }

  _frame(view, frame, now) {
    const { scene } = this;
    if (!scene) return this._blank();
    const t = transformOf(view, frame, this.dpr);
    const style = styleOf(frame, scene.grid.n, view.k, this.dpr);
    if (this.exact && !this.stale && sameTransform(this.exact, t)) return false;
    if (this.exact && !this.stale && this._moveTo(t)) return false;
    const cost = this._cost(t, style.radius);
    if (this.stale || !this.keptAt || cost <= DIRECT_MS) {
      // A stale picture must not linger: at a million points this one frame takes some 20-40 ms.
      this._whole(t, style);
      return false;
    }
    return this._standIn(t, style, now);
  }

  /** Draw a scene at a transform once, and keep nothing of it. */
  still(scene, t, style) {
    this.raster.setStyle(style);
    this.raster.drawAll(scene, t);
    this.context.putImageData(this.image, 0, 0);
    this.painted++;
    this.invalidate();
  }

  _blank() {
    this.painted++;
    this.context.fillStyle = `rgb(${this.palette.ground.join(",")})`;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    return false;
  }

  _cost(t, radius) {
    const { width, height } = this.raster;
    const seen = this.scene.grid.countIn(-t.tx / t.s, (t.ty - height) / t.s, (width - t.tx) / t.s, t.ty / t.s);
    return seen * (Math.PI * (radius + 0.5) ** 2 + 2) * this.msPerUnit;
  }

  _whole(t, style) {
    const began = performance.now();
    this.raster.setStyle(style);
    const seen = this.raster.drawAll(this.scene, t);
    this._learn(seen, style.radius, performance.now() - began);
    this._finish(t);
    this.stats.full++;
    this.stats.fullMs = performance.now() - began;
  }

  _learn(seen, radius, ms) {
    if (seen < 20000) return;
    const measured = ms / (seen * (Math.PI * (radius + 0.5) ** 2 + 2));
    this.msPerUnit += (measured - this.msPerUnit) * 0.3;
  }

  _finish(t) {
    this.context.putImageData(this.image, 0, 0);
    this.painted++;
    this.exact = this.keptAt = t;
    this.keptFresh = false;
    this.stale = false;
    this.job = null;
  }

  /** The same scale, moved by whole pixels: shift the picture and draw the strips that come into sight. Exact. */
  _moveTo(t) {
    const { raster, exact, scene } = this;
    const dx = Math.round(t.tx - exact.tx), dy = Math.round(t.ty - exact.ty);
    if (t.s !== exact.s || Math.abs(t.tx - exact.tx - dx) > 1e-3 || Math.abs(t.ty - exact.ty - dy) > 1e-3) return false;
    const { width, height } = raster;
    if (Math.abs(dx) > width / 2 || Math.abs(dy) > height / 2) return false;
    // Exactly whole: no rounding piles up while a drag goes on.
    const to = { s: t.s, tx: exact.tx + dx, ty: exact.ty + dy };
    raster.shift(dx, dy);
    if (dx) raster.drawRect(scene, to, dx > 0 ? 0 : width + dx, 0, dx > 0 ? dx : width, height);
    if (dy) raster.drawRect(scene, to, 0, dy > 0 ? 0 : height + dy, width, dy > 0 ? dy : height);
    this._finish(to);
    this.stats.strips++;
    return true;
  }

  /** Show the kept picture where it would lie now; when the view rests, make the new one in slices. */
  _standIn(t, style, now) {
    if (!this.keptFresh) {
      this.keptContext.putImageData(this.image, 0, 0); // not from the canvas: others may have drawn on it
      this.keptFresh = true;
    }
    if (!this.job || !sameTransform(this.job.t, t)) {
      this.exact = null;
      this.job = { t, style, since: now, row: 0 };
      this._drawKept(t);
      this.stats.approximate++;
      return true;
    }
    if (now - this.job.since < REFINE_AFTER_MS) return true;
    return this._slice();
  }

  _slice() {
    const { raster, job } = this;
    const began = performance.now();
    raster.setStyle(job.style);
    const step = Math.ceil(raster.height / BANDS);
    while (job.row < raster.height && performance.now() - began < SLICE_MS) {
      raster.drawRect(this.scene, job.t, 0, job.row, raster.width, Math.min(job.row + step, raster.height));
      job.row += step;
    }
    this.stats.slices++;
    if (job.row < raster.height) return true;
    this._finish(job.t);
    return false;
  }

  _drawKept(t) {
    const { context, canvas, keptAt } = this;
    const zoom = t.s / keptAt.s;
    this._blank();
    context.imageSmoothingEnabled = zoom < 4;
    context.drawImage(this.kept, t.tx - keptAt.tx * zoom, t.ty - keptAt.ty * zoom, canvas.width * zoom, canvas.height * zoom);
  }

  /** Some points changed colour: repaint where they lie, or everything where they are many. */
  repaint(slots) {
    if (!this.exact || this.stale || slots.length > FEW_SLOTS) return this.invalidate();
    const { raster, exact, scene } = this;
    const { reach } = raster;
    this.painted++;
    for (const slot of slots) {
      const px = Math.floor(scene.grid.gx[slot] * exact.s + exact.tx), py = Math.floor(exact.ty - scene.grid.gy[slot] * exact.s);
      const x0 = Math.max(px - reach, 0), y0 = Math.max(py - reach, 0);
      const x1 = Math.min(px + reach + 1, raster.width), y1 = Math.min(py + reach + 1, raster.height);
      if (x0 >= x1 || y0 >= y1) continue;
      raster.drawRect(scene, exact, x0, y0, x1, y1);
      this.context.putImageData(this.image, 0, 0, x0, y0, x1 - x0, y1 - y0);
    }
    this.keptFresh = false;
  }

  /** keep: the canvas, for another renderer. */
  destroy({ keep = false } = {}) {
    this.scene = this.image = this.job = null;
    this.raster.resize(1, 1);
    // Frees the pixels at once instead of with the next collection.
    this.kept.width = this.kept.height = 0;
    if (!keep) this.canvas.width = this.canvas.height = 0;
  }
}

const sameTransform = (a, b) => a.s === b.s && Math.abs(a.tx - b.tx) < 1e-3 && Math.abs(a.ty - b.ty) < 1e-3;
