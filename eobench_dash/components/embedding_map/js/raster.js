// Draws points as small anti-aliased discs into a typed array of pixels. Needs no GPU and no DOM.
// Pixels are opaque 0xAABBGGRR in an Int32Array (integers stay integers in the inner loop).

const PHASES = 4; // sub-pixel positions per axis
const SHADES = 4; // from the label's colour to its rim
const RIM_MIX = 0.75;
const RIM_FROM = 2.6; // device pixels; smaller discs would be all rim
const LEAST_COVER = 0.1;
const FIELDS = 5;
const BIAS = 64; // more than the largest disc reaches beyond the canvas
export const CODES = 65536;

export const packColor = (r, g, b) => (255 << 24) | (b << 16) | (g << 8) | r;

/** Colours and visibility of the 65,536 label codes, with the shades towards the ground that part overlapping discs. */
export class Palette {
  constructor() {
    this.visible = new Uint8Array(CODES).fill(1);
    this.shades = new Int32Array(SHADES * CODES); // the shades of a code lie side by side
    this.set(new Map(), [128, 128, 128], [255, 255, 255]);
  }

  /** colors: Map code -> [r, g, b]; other: codes not named; ground: the canvas's own colour. */
  set(colors, other, ground) {
    Object.assign(this, { rgb: colors, other, ground });
    for (let shade = 0; shade < SHADES; shade++) {
      const plain = this._mix(other, shade);
      for (let at = shade; at < this.shades.length; at += SHADES) this.shades[at] = plain;
      for (const [code, rgb] of colors) this.shades[code * SHADES + shade] = this._mix(rgb, shade);
    }
  }

  _mix(rgb, shade) {
    const t = (shade / (SHADES - 1)) * RIM_MIX;
    return packColor(...rgb.map((v, i) => Math.round(v + (this.ground[i] - v) * t)));
  }

  setHidden(codes) {
    this.visible.fill(1);
    for (const code of codes) if (code >= 0 && code < CODES) this.visible[code] = 0;
  }
}

/**
 * Which pixels a disc covers, and how much, for each sub-pixel position of its centre: marks [offset, alpha, shade, dx, dy].
 * All positions have the same number of marks (the rest cover nothing): a loop of known length is not mispredicted.
 */
class Stamp {
  constructor(radius, alpha, width) {
    this.reach = Math.ceil(radius + 0.5);
    this.rim = radius >= RIM_FROM ? Math.min(1.25, radius * 0.3) : 0;
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
    this.style = { radius: 0, alpha: 0 };
  }

  resize(width, height) {
    Object.assign(this, { width, height });
    this.bytes = new Uint8ClampedArray(width * height * 4);
    this.pixels = new Int32Array(this.bytes.buffer);
    this.style = { radius: 0, alpha: 0 };
  }

  /** Radius in device pixels; alpha of a point, and of one that a selection elsewhere dims. */
  setStyle(radius, alpha) {
    if (this.style.radius === radius && this.style.alpha === alpha) return;
    this.style = { radius, alpha };
    this.stamp = new Stamp(radius, alpha, this.width);
    this.dimStamp = new Stamp(radius, alpha * 0.22, this.width);
  }

  /** Draw a rectangle [x0, x1) x [y0, y1) of the picture anew. scene: {grid, codes, flags, selected}; t: transform. */
  drawRect(scene, t, x0, y0, x1, y1) {
    const ground = packColor(...this.palette.ground);
    for (let y = y0; y < y1; y++) this.pixels.fill(ground, y * this.width + x0, y * this.width + x1);
    const clip = { x0, y0, x1, y1 };
    if (!scene.selected) return this._points(scene, t, clip, this.stamp, -1);
    return this._points(scene, t, clip, this.dimStamp, 0) + this._points(scene, t, clip, this.stamp, 1);
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

  // want: -1 every point, else only those whose selected flag equals it. Returns how many points were looked at.
  _points({ grid, codes, flags }, { s, tx, ty }, clip, stamp, want) {
    const { x0, y0, x1, y1 } = clip;
    const reach = stamp.reach + 1;
    const box = grid.cellsIn((x0 - reach - tx) / s, (ty - y1 - reach) / s, (x1 + reach - tx) / s, (ty - y0 + reach) / s);
    if (!box) return 0;
    const { gx, gy, start, side } = grid;
    const { pixels, width } = this;
    const { visible, shades } = this.palette;
    const { marks, rim } = stamp;
    const step = stamp.count * FIELDS;
    const left = x0 - reach, right = x1 + reach, top = y0 - reach, bottom = y1 + reach;
    let seen = 0;
    for (let row = box.r1; row >= box.r0; row--) {
      const end = start[row * side + box.c1 + 1];
      seen += end - start[row * side + box.c0];
      for (let p = start[row * side + box.c0]; p < end; p++) {
        const code = codes[p];
        if (visible[code] === 0 || (want >= 0 && (flags[p] & 1) !== want)) continue;
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
