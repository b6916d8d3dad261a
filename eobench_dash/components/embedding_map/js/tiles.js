// Which patches get a tile, and how large: pure functions over places on the screen. No DOM.

export const SMALLEST = 16, LARGEST = 96; // sides in CSS pixels
const FILL = 0.8; // of the room that a point has
const EVENLY = Math.sqrt(1 - Math.exp(-1)); // share of room that points strewn evenly are seen to take

/** Side of the square that a point has for itself where points are; x, y inside (0, 0, w, h). Infinity for no points. */
export function roomOf(x, y, w, h) {
  const n = x.length;
  if (!n) return Infinity;
  // Bins as large as every point's share of the window: where points crowd, few bins hold any.
  const bin = Math.sqrt((w * h) / n);
  const cols = Math.ceil(w / bin) + 1;
  const seen = new Uint8Array(cols * (Math.ceil(h / bin) + 1));
  let taken = 0;
  for (let i = 0; i < n; i++) {
    const at = Math.floor(y[i] / bin) * cols + Math.floor(x[i] / bin);
    taken += 1 - seen[at];
    seen[at] = 1;
  }
  return (bin * Math.sqrt(taken / n)) / EVENLY;
}

/**
 * Side of a tile at zoom k. last: {size, k} as it was, or null. The size follows the room, but never faster than the map
 * grows and never against it: so nothing swells while the map is only moved, and what has found its place keeps it.
 */
export function sizeAt(room, k, last) {
  const wanted = Math.min(Math.max(room * FILL, SMALLEST), LARGEST);
  if (!last) return wanted;
  const zoom = k / last.k;
  return Math.min(Math.max(wanted, last.size * Math.min(zoom, 1)), last.size * Math.max(zoom, 1));
}

/** Squares of one side that do not overlap, found by where they are. */
export class Arrangement {
  constructor(side, w, h) {
    this.side = side;
    this.cols = Math.ceil(w / side) + 4;
    this.rows = Math.ceil(h / side) + 4;
    // Two centres in one cell would overlap, so a cell holds one at most.
    this.cells = new Int32Array(this.cols * this.rows).fill(-1);
    this.x = [];
    this.y = [];
  }

  /** Put a square with its centre at (x, y) where there is room for it; whether there was. */
  put(x, y) {
    const c = Math.floor(x / this.side) + 1, r = Math.floor(y / this.side) + 1;
    if (c < 1 || r < 1 || c >= this.cols - 1 || r >= this.rows - 1 || this._meets(x, y, c, r)) return false;
    this.cells[r * this.cols + c] = this.x.push(x) - 1;
    this.y.push(y);
    return true;
  }

  _meets(x, y, c, r) {
    const { cells, cols, side } = this;
    for (let row = r - 1; row <= r + 1; row++) {
      for (let at = row * cols + c - 1; at <= row * cols + c + 1; at++) {
        const i = cells[at];
        if (i >= 0 && Math.abs(this.x[i] - x) < side && Math.abs(this.y[i] - y) < side) return true;
      }
    }
    return false;
  }

  /** Number (in the order of putting) of the square whose inner `size` covers (x, y), or -1. */
  at(x, y, size = this.side) {
    const { cells, cols, rows, side } = this;
    const c = Math.floor(x / side) + 1, r = Math.floor(y / side) + 1;
    for (let row = Math.max(r - 1, 0); row <= Math.min(r + 1, rows - 1); row++) {
      for (let col = Math.max(c - 1, 0); col <= Math.min(c + 1, cols - 1); col++) {
        const i = cells[row * cols + col];
        if (i >= 0 && Math.abs(this.x[i] - x) <= size / 2 && Math.abs(this.y[i] - y) <= size / 2) return i;
      }
    }
    return -1;
  }
}

/** A patch's fixed precedence among its neighbours: scattered, the same at every look. */
export const precedence = (ordinal) => Math.imul(ordinal + 1, 2654435761) >>> 0;

/** Sheets that these places lie on, nearest first: [{number, count, near}]; at most `most`, those with most places. */
export function sheetsOf(places, x, y, per, centre, most) {
  const found = new Map();
  for (let i = 0; i < places.length; i++) {
    const number = Math.floor(places[i] / per);
    const near = Math.hypot(x[i] - centre[0], y[i] - centre[1]);
    const sheet = found.get(number);
    if (!sheet) found.set(number, { number, count: 1, near });
    else {
      sheet.count++;
      if (near < sheet.near) sheet.near = near;
    }
  }
  const all = [...found.values()].sort((a, b) => b.count - a.count).slice(0, most);
  return { all: found.size, sheets: all.sort((a, b) => a.near - b.near) };
}
