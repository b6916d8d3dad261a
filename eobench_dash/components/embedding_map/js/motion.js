// What moves by itself: one colouring fading into the next, points travelling from one embedding to another.

import { styleOf, transformOf } from "./view.js";

const FADE_MS = 200;
const TRAVEL_MS = 600;
const TRAVELLERS = 100000; // more points are stood for by a sample, until the exact picture takes over

export const calm = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Leave the canvas's picture as it is above it, fading out. */
export function crossfade(canvas) {
  endFades(canvas.parentNode);
  if (calm() || !canvas.width) return;
  const ghost = document.createElement("canvas");
  ghost.className = "eob-map__ghost";
  ghost.width = canvas.width;
  ghost.height = canvas.height;
  Object.assign(ghost.style, { width: canvas.style.width, height: canvas.style.height });
  ghost.getContext("2d").drawImage(canvas, 0, 0);
  canvas.after(ghost);
  const fade = ghost.animate([{ opacity: 1 }, { opacity: 0 }], { duration: FADE_MS, easing: "ease-in-out" });
  fade.onfinish = fade.oncancel = () => discard(ghost);
}

/** A picture that fades does not move with the map: away with it. */
export function endFades(root) {
  for (const ghost of root?.querySelectorAll(".eob-map__ghost") ?? []) discard(ghost);
}

function discard(ghost) {
  ghost.remove();
  ghost.width = ghost.height = 0;
}

/** Points on their way from the places they had to those they have now. */
export class Travel {
  /** from: {scene, view, frame, dpr}; null is returned where no patch is on both maps or nobody wants motion. */
  static between(from, map) {
    if (!from?.view || !map.camera.view || calm()) return null;
    const travel = new Travel(from, map);
    return travel.met ? travel : null;
  }

  constructor(from, { scene, camera }) {
    const { grid } = scene;
    const { view, frame, dpr } = camera;
    const t0 = transformOf(from.view, from.frame, from.dpr), t1 = transformOf(view, frame, dpr);
    const step = Math.max(Math.ceil(grid.placed / TRAVELLERS), 1), m = Math.ceil(grid.placed / step);
    this.height = Math.round(frame.h * dpr);
    this.ends = [0, 1, 2, 3].map(() => new Float32Array(m)); // x, y at first; x, y at last
    const [ax, ay, bx, by] = this.ends;
    const paint = new Uint16Array(m), flags = new Uint8Array(m), last = [];
    this.met = 0;
    for (let i = 0; i < m; i++) {
      const s = i * step, old = from.scene.slotOf(scene.ordinalOf(s));
      const known = from.scene.isPlaced(old);
      this.met += known;
      bx[i] = grid.gx[s] * t1.s + t1.tx;
      by[i] = this.height - (t1.ty - grid.gy[s] * t1.s);
      ax[i] = known ? from.scene.grid.gx[old] * t0.s + t0.tx : bx[i];
      ay[i] = known ? this.height - (t0.ty - from.scene.grid.gy[old] * t0.s) : by[i];
      paint[i] = scene.paint[s];
      flags[i] = scene.flags[s];
      if (scene.above[paint[i]]) last.push(i);
    }
    const all = { c0: 0, c1: 0, r0: 0, r1: 0 };
    this.scene = {
      n: m, paint, flags, above: scene.above, last: Uint32Array.from(last), selected: scene.selected,
      grid: { n: m, placed: m, gx: new Float32Array(m), gy: new Float32Array(m), start: Uint32Array.of(0, m), side: 1, cellsIn: () => all },
    };
    this.style = styleOf(frame, grid.n, view.k, dpr);
    this.began = null;
  }

  /** Draw the points where they are now; false when they have arrived. */
  frame(now, renderer) {
    this.began ??= now;
    const t = Math.min(Math.max((now - this.began) / TRAVEL_MS, 0), 1);
    const e = t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
    const [ax, ay, bx, by] = this.ends, { gx, gy } = this.scene.grid;
    for (let i = 0; i < gx.length; i++) {
      gx[i] = ax[i] + (bx[i] - ax[i]) * e;
      gy[i] = ay[i] + (by[i] - ay[i]) * e;
    }
    renderer.still(this.scene, { s: 1, tx: 0, ty: this.height }, this.style);
    return t < 1;
  }
}
