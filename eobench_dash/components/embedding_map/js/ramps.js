// Colours for numbers and for categories that come without: safe for colour-blind eyes. No DOM.

// Control points of viridis (van der Walt & Smith 2015), as published with Matplotlib (CC0); between them straight lines.
const SEQUENTIAL = ["#440154", "#472d7b", "#3b528b", "#2c728e", "#21918c", "#28ae80", "#5ec962", "#addc30", "#fde725"];
// Blue to orange over a grey that is seen on light and on dark ground: no red against green.
const DIVERGING = ["#1c5cab", "#4f86c0", "#86a3bd", "#9b9b9b", "#c99a72", "#d97f35", "#b3500a"];

export const STEPS = 256;
const hex = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));

/** Colour at t in 0..1 along control points. */
function along(stops, t) {
  const at = Math.min(Math.max(t, 0), 1) * (stops.length - 1);
  const i = Math.min(Math.floor(at), stops.length - 2);
  const [a, b] = [hex(stops[i]), hex(stops[i + 1])];
  return a.map((v, k) => Math.round(v + (b[k] - v) * (at - i)));
}

/** STEPS colours [r, g, b]; the end that the ground would swallow is left out. dark: is the ground dark? */
export function ramp(scale, dark) {
  if (scale === "diverging") return Array.from({ length: STEPS }, (_, i) => along(DIVERGING, i / (STEPS - 1)));
  const [from, to] = dark ? [0.16, 1] : [0, 0.93];
  return Array.from({ length: STEPS }, (_, i) => along(SEQUENTIAL, from + ((to - from) * i) / (STEPS - 1)));
}

/** The i-th of any number of colours: neighbours in the list differ in hue, every third also clearly in lightness. */
export function categoryColor(i) {
  const hue = (i * 137.508 + 210) % 360;
  const light = [0.46, 0.66, 0.33][i % 3];
  return hslToRgb(hue, i % 2 ? 0.55 : 0.75, light);
}

function hslToRgb(h, s, l) {
  const a = s * Math.min(l, 1 - l);
  const part = (n) => {
    const k = (n + h / 30) % 12;
    return Math.round(255 * (l - a * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}

/** Values by slot -> codes 0 … STEPS - 1 between low and high (beyond: the end's), 65535 where there is none. */
export function quantise(values, low, high) {
  const codes = new Uint16Array(values.length);
  const scale = high > low ? (STEPS - 1) / (high - low) : 0;
  for (let s = 0; s < values.length; s++) {
    const v = values[s];
    codes[s] = v === v ? Math.min(Math.max(Math.round((v - low) * scale), 0), STEPS - 1) : 65535;
  }
  return codes;
}

/** The codes at the high end that hold at most `share` of the points (at both ends of a diverging scale). */
export function extremes(codes, scale, share = 0.005) {
  const counts = new Uint32Array(STEPS);
  for (let s = 0; s < codes.length; s++) if (codes[s] < STEPS) counts[codes[s]]++;
  const out = [];
  const take = (from, step) => {
    let total = 0;
    for (let c = from; c >= 0 && c < STEPS && (total += counts[c]) <= share * codes.length; c += step) out.push(c);
  };
  take(STEPS - 1, -1);
  if (scale === "diverging") take(0, 1);
  return out;
}
