// Draws points as small anti-aliased discs into a typed array of pixels. Needs no GPU and no DOM.
// Pixels are opaque 0xAABBGGRR in an Int32Array (integers stay integers in the inner loop).
// gpu.js draws the same picture; what makes a point's look is said in both, in the same terms.

import { packColor, Palette, SHADES } from "./palette.js";
import { lowerBound } from "./scene.js";

export { packColor, Palette };
export const PHASES = 4; // sub-pixel positions per axis
export const RIM_FROM = 2.6; // device pixels; smaller discs would be all rim
export const LEAST_COVER = 0.1;
export const DIMMED = 0.22; // share of its opacity that a point keeps while others are selected
const FIELDS = 5;
const BIAS = 64; // more than the largest disc reaches beyond the canvas

/** How wide the rim of a disc is, and how far the disc reaches beyond the pixel of its centre. */
export const rimOf = (radius) => (radius >= RIM_FROM ? Math.min(1.25, radius * 0.3) : 0);
export const reachOf = (radius) => Math.ceil(radius + 0.5);

/**
 * Which pixels a disc covers, and how much, for each sub-pixel position of its centre: marks [offset, alpha, shade, dx, dy].
 * All positions have the same number of marks (the rest cover nothing): a loop of known length is not mispredicted.
 */
class Stamp {
  constructor(radius, alpha, width) {
    this.reach = reachOf(radius);
    this.rim = rimOf(radius);
    const phases = [];
    for (let phase = 0; phase < PHASES * PHASES; phase++) {
      phases.push(this._marks(radius, alpha, width, (phase % PHASES) + 0.5, Math.floor(phase / PHASES) + 0.5));
    }
    this.count = Math.max(...phases.map((marks) => marks.length));
    for (const marks of phases) while (marks.length < this.count) marks.push([0, 0, 0, 0, 0]);
    this.marks = Int32Array.from(phases.flat(2));
  }

  _marks(radius, alpha, width, ox, oy) {
    const marks = [];
    for (let dy = -this.reach; dy <= this.reach; dy++) {
      for (let dx = -this.reach; dx <= this.reach; dx++) {
        const d = Math.hypot(dx + 0.5 - ox / PHASES, dy + 0.5 - oy / PHASES);
        const cover = clamp01(radius + 0.5 - d);
        if (cover < LEAST_COVER) continue;
        const edge = this.rim ? clamp01(d - (radius - this.rim) + 0.5) : 0;
        marks.push([dy * width + dx, Math.round(cover * alpha * 256), Math.round(edge * (SHADES - 1)), dx, dy]);
      }
    }
    return marks;
  }
}

const clamp01 = (v) => Math.min(Math.max(v, 0), 1);

export class Raster {
  constructor() {
    this.resize(1, 1);
    this.palette = new Palette();
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    this.bytes = new Uint8ClampedArray(width * height * 4);
    this.pixels = new Int32Array(this.bytes.buffer);
    this.style = {};
  }

  /** style: {radius, alpha, topRadius, topAlpha}, in device pixels; "top" is for the codes that are drawn last. */
  setStyle(style) {
    const now = this.style;
    if (["radius", "alpha", "topRadius", "topAlpha"].every((key) => now[key] === style[key])) return;
    this.style = { ...style };
    const stamps = (radius, alpha) => [new Stamp(radius, alpha * DIMMED, this.width), new Stamp(radius, alpha, this.width)];
    this.stamps = stamps(style.radius, style.alpha);
    this.topStamps = stamps(style.topRadius, style.topAlpha);
  }

  /** How far a point's pixels may lie from its own. */
  get reach() {
    return Math.ceil(Math.max(this.style.radius, this.style.topRadius)) + 2;
  }

  /** Draw a rectangle [x0, x1) x [y0, y1) of the picture anew. scene: see scene.js; t: transform. */
  drawRect(scene, t, x0, y0, x1, y1) {
    const ground = packColor(...this.palette.ground);
    for (let y = y0; y < y1; y++) this.pixels.fill(ground, y * this.width + x0, y * this.width + x1);
    const clip = { x0, y0, x1, y1 };
    let seen = 0;
    for (const want of scene.selected ? [0, 1] : [-1]) {
      seen += this._points(scene, t, clip, this.stamps[want === 0 ? 0 : 1], want, null);
      if (scene.last.length) this._points(scene, t, clip, this.topStamps[want === 0 ? 0 : 1], want, scene.last);
    }
    return seen;
  }

  drawAll(scene, t) {
    return this.drawRect(scene, t, 0, 0, this.width, this.height);
  }

  /** Move the picture by whole pixels; the strips it uncovers are left as they are (the caller draws them). */
  shift(dx, dy) {
    const by = dy * this.width + dx;
    if (by > 0) this.pixels.copyWithin(by, 0, this.pixels.length - by);
    else if (by < 0) this.pixels.copyWithin(0, -by);
  }

  // want: -1 every shown point, else only those with just these flags. list: ascending slots, or null for all that are
  // not drawn last. Slots are drawn in ascending order. Returns how many points were looked at.
  _points({ grid, paint, flags, above }, { s, tx, ty }, clip, stamp, want, list) {
    const { x0, y0, x1, y1 } = clip;
    const reach = stamp.reach + 1;
    const box = grid.cellsIn((x0 - reach - tx) / s, (ty - y1 - reach) / s, (x1 + reach - tx) / s, (ty - y0 + reach) / s);
    if (!box) return 0;
    const { gx, gy, start, side } = grid;
    const { pixels, width } = this;
    const { shades } = this.palette;
    const { marks, rim } = stamp;
    const step = stamp.count * FIELDS;
    const left = x0 - reach, right = x1 + reach, top = y0 - reach, bottom = y1 + reach;
    let seen = 0;
    for (let row = box.r0; row <= box.r1; row++) {
      let i = start[row * side + box.c0], end = start[row * side + box.c1 + 1];
      if (list) [i, end] = [lowerBound(list, i), lowerBound(list, end)];
      seen += end - i;
      for (; i < end; i++) {
        const p = list ? list[i] : i;
        const code = paint[p], f = flags[p];
        if (f > 1 || (want >= 0 && f !== want) || (list === null && above[code] === 1)) continue;
        const px = gx[p] * s + tx, py = ty - gy[p] * s;
        if (!(px >= left && px <= right && py >= top && py <= bottom)) continue;
        // Made positive first: then cutting off the fraction is rounding down.
        const ix = ((px + BIAS) | 0) - BIAS, iy = ((py + BIAS) | 0) - BIAS;
        const from = ((((py - iy) * PHASES) | 0) * PHASES + (((px - ix) * PHASES) | 0)) * step;
        const at = iy * width + ix, base = code * SHADES;
        if (ix - reach < x0 || ix + reach >= x1 || iy - reach < y0 || iy + reach >= y1) {
          for (let m = from; m < from + step; m += FIELDS) {
            const x = ix + marks[m + 3], y = iy + marks[m + 4];
            if (x < x0 || x >= x1 || y < y0 || y >= y1) continue;
            const o = at + marks[m];
            pixels[o] = blend(pixels[o], shades[base + marks[m + 2]], marks[m + 1]);
          }
        } else if (rim) {
          for (let m = from; m < from + step; m += FIELDS) {
            const o = at + marks[m];
            pixels[o] = blend(pixels[o], shades[base + marks[m + 2]], marks[m + 1]);
          }
        } else {
          const src = shades[base];
          for (let m = from; m < from + step; m += FIELDS) {
            const o = at + marks[m];
            pixels[o] = blend(pixels[o], src, marks[m + 1]);
          }
        }
      }
    }
    return seen;
  }
}

// a of 256 parts src over dst, red and blue in one multiplication.
function blend(dst, src, a) {
  const rb = dst & 0xff00ff, g = dst & 0xff00;
  return 0xff000000 | ((rb + (Math.imul((src & 0xff00ff) - rb, a) >> 8)) & 0xff00ff) | ((g + (Math.imul((src & 0xff00) - g, a) >> 8)) & 0xff00);
}
