// Colours of the 65,536 paint codes, with the shades towards the ground that part overlapping discs. No DOM.
// Pixels are opaque 0xAABBGGRR.

export const CODES = 65536;
export const SHADES = 4; // from a code's colour to its rim
export const RIM_MIX = 0.75;
const FADED = 0.82; // how far towards the ground the others go while one code is emphasised

export const packColor = (r, g, b) => (255 << 24) | (b << 16) | (g << 8) | r;

export class Palette {
  constructor() {
    this.shades = new Int32Array(SHADES * CODES); // the shades of a code lie side by side
    this.set(new Map(), [128, 128, 128], [255, 255, 255]);
  }

  /** colors: Map code -> [r, g, b]; other: codes not named; ground: the canvas's own colour; emphasis: a code or null. */
  set(colors, other, ground, emphasis = null) {
    Object.assign(this, { rgb: colors, other, ground });
    const faded = (code, rgb) => (emphasis === null || code === emphasis ? rgb : mix(rgb, ground, FADED));
    for (let shade = 0; shade < SHADES; shade++) {
      const plain = this._mix(faded(-1, other), shade);
      for (let at = shade; at < this.shades.length; at += SHADES) this.shades[at] = plain;
      if (emphasis !== null) this.shades[emphasis * SHADES + shade] = this._mix(other, shade);
      for (const [code, rgb] of colors) this.shades[code * SHADES + shade] = this._mix(faded(code, rgb), shade);
    }
  }

  /** [r, g, b] of a code, not faded. */
  rgbOf(code) {
    return this.rgb.get(code) || this.other;
  }

  _mix(rgb, shade) {
    return packColor(...mix(rgb, this.ground, (shade / (SHADES - 1)) * RIM_MIX));
  }
}

const mix = (rgb, to, t) => rgb.map((v, i) => Math.round(v + (to[i] - v) * t));
