// A spatial index: points sorted into the cells of a square grid. "Slot" = position in that order; "index" = position in
// the coordinates as they came. Everything that is read per frame lies in slot order, so memory is walked in line.

const POINTS_PER_CELL = 4;
const MAX_SIDE = 1024;

export class Grid {
  constructor(x, y) {
    const n = x.length;
    const bounds = finiteBounds(x, y);
    const side = Math.min(Math.max(Math.ceil(Math.sqrt(n / POINTS_PER_CELL)), 1), MAX_SIDE);
    const span = Math.max(bounds.x1 - bounds.x0, bounds.y1 - bounds.y0) || 1;
    Object.assign(this, { n, bounds, side, cell: span / side });
    this._build(x, y);
  }

  _build(x, y) {
    const { n, side, cell, bounds } = this;
    const inv = 1 / cell;
    const cells = new Uint32Array(n);
    const start = new Uint32Array(side * side + 2);
    const lost = side * side; // points without a place (not finite) come after all cells
    for (let i = 0; i < n; i++) {
      const ok = Number.isFinite(x[i]) && Number.isFinite(y[i]);
      const c = ok ? this._row((y[i] - bounds.y0) * inv) * side + this._row((x[i] - bounds.x0) * inv) : lost;
      cells[i] = c;
      start[c + 1]++;
    }
    for (let c = 0; c <= lost; c++) start[c + 1] += start[c];
    const next = start.slice();
    this.order = new Uint32Array(n);
    this.slotOf = new Uint32Array(n);
    this.gx = new Float32Array(n);
    this.gy = new Float32Array(n);
    // Points are dealt out in a fixed scattered order: datasets come class by class, and what comes later paints above.
    const step = coprimeStep(n);
    for (let j = 0, i = 0; j < n; j++, i = (i + step) % n) {
      const slot = next[cells[i]]++;
      this.order[slot] = i;
      this.slotOf[i] = slot;
      this.gx[slot] = x[i];
      this.gy[slot] = y[i];
    }
    this.start = start;
    this.placed = start[lost];
  }

  _row(v) {
    const r = v | 0;
    return r < 0 ? 0 : r >= this.side ? this.side - 1 : r;
  }

  /** Cells touched by a box in map units: {c0, c1, r0, r1}, or null where the box misses the grid. */
  cellsIn(x0, y0, x1, y1) {
    const { bounds, cell, side } = this;
    const c0 = Math.floor((x0 - bounds.x0) / cell), c1 = Math.floor((x1 - bounds.x0) / cell);
    const r0 = Math.floor((y0 - bounds.y0) / cell), r1 = Math.floor((y1 - bounds.y0) / cell);
    // The last cell holds its outer edge too, hence "> side" and not "≥".
    if (c1 < 0 || r1 < 0 || c0 > side || r0 > side) return null;
    const keep = (v) => Math.min(Math.max(v, 0), side - 1);
    return { c0: keep(c0), c1: keep(c1), r0: keep(r0), r1: keep(r1) };
  }

  /** How many points lie in the cells that a box touches. */
  countIn(x0, y0, x1, y1) {
    const box = this.cellsIn(x0, y0, x1, y1);
    if (!box) return 0;
    let sum = 0;
    for (let r = box.r0; r <= box.r1; r++) sum += this.start[r * this.side + box.c1 + 1] - this.start[r * this.side + box.c0];
    return sum;
  }

  /** Slot of the nearest shown point within radius of (x, y), or -1. flags: per slot; 2 and more are not shown. */
  pick(x, y, radius, flags) {
    const { bounds, cell, side, start, gx, gy } = this;
    const cx = Math.floor((x - bounds.x0) / cell), cy = Math.floor((y - bounds.y0) / cell);
    const reach = Math.ceil(radius / cell);
    let best = -1, bestD = radius * radius;
    for (let ring = 0; ring <= reach; ring++) {
      // No point of this ring can be nearer than (ring - 1) whole cells.
      const gap = (ring - 1) * cell;
      if (best >= 0 && gap > 0 && gap * gap > bestD) break;
      for (let r = Math.max(cy - ring, 0); r <= Math.min(cy + ring, side - 1); r++) {
        const edge = r === cy - ring || r === cy + ring;
        const stride = edge || ring === 0 ? 1 : 2 * ring;
        for (let c = cx - ring; c <= cx + ring; c += stride) {
          if (c < 0 || c >= side) continue;
          for (let s = start[r * side + c], e = start[r * side + c + 1]; s < e; s++) {
            const dx = gx[s] - x, dy = gy[s] - y, d = dx * dx + dy * dy;
            if (d <= bestD && flags[s] < 2 && (d < bestD || best < 0)) { best = s; bestD = d; }
          }
        }
      }
    }
    return best;
  }

  /** Slots of up to k shown points nearest to (x, y) within radius, nearest first (the point itself included). */
  nearest(x, y, radius, k, flags) {
    const box = this.cellsIn(x - radius, y - radius, x + radius, y + radius);
    if (!box) return [];
    const found = [];
    for (let r = box.r0; r <= box.r1; r++) {
      for (let s = this.start[r * this.side + box.c0], e = this.start[r * this.side + box.c1 + 1]; s < e; s++) {
        const dx = this.gx[s] - x, dy = this.gy[s] - y, d = dx * dx + dy * dy;
        if (d > radius * radius || flags[s] >= 2) continue;
        if (found.length === k && d >= found[k - 1].d) continue;
        let at = found.length;
        while (at > 0 && found[at - 1].d > d) at--;
        found.splice(at, 0, { s, d });
        if (found.length > k) found.pop();
      }
    }
    return found.map((f) => f.s);
  }

  /** Slots of the shown points inside a closed polygon [[x, y], …] in map units (non-zero winding: loops count). */
  inPolygon(points, flags) {
    const out = [];
    if (points.length < 3 || !this.placed) return out;
    const edges = polygonEdges(points);
    const xs = points.map((p) => p[0]), ys = points.map((p) => p[1]);
    const box = this.cellsIn(Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys));
    if (!box) return out;
    for (let r = box.r0; r <= box.r1; r++) {
      const s0 = this.start[r * this.side + box.c0], s1 = this.start[r * this.side + box.c1 + 1];
      if (s0 === s1) continue;
      // Only the edges that cross this row of cells can matter to its points; the outer rows hold rounding strays.
      const low = r === 0 ? -Infinity : this.bounds.y0 + (r - 0.001) * this.cell;
      const high = r === this.side - 1 ? Infinity : this.bounds.y0 + (r + 1.001) * this.cell;
      const near = edges.filter((e) => e.top >= low && e.bottom <= high);
      if (!near.length) continue;
      for (let s = s0; s < s1; s++) if (flags[s] < 2 && winding(near, this.gx[s], this.gy[s]) !== 0) out.push(s);
    }
    return out;
  }
}

function finiteBounds(x, y) {
  let x0 = Infinity, x1 = -Infinity, y0 = Infinity, y1 = -Infinity;
  for (let i = 0; i < x.length; i++) {
    const a = x[i], b = y[i];
    if (!(Number.isFinite(a) && Number.isFinite(b))) continue;
    if (a < x0) x0 = a;
    if (a > x1) x1 = a;
    if (b < y0) y0 = b;
    if (b > y1) y1 = b;
  }
  return x0 <= x1 ? { x0, x1, y0, y1 } : { x0: 0, x1: 1, y0: 0, y1: 1 };
}

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

function coprimeStep(n) {
  let step = Math.max(Math.floor(n * 0.6180339887), 1);
  while (n > 1 && gcd(step, n) !== 1) step++;
  return step;
}

function polygonEdges(points) {
  return points.map(([x0, y0], i) => {
    const [x1, y1] = points[(i + 1) % points.length];
    return { x0, y0, x1, y1, bottom: Math.min(y0, y1), top: Math.max(y0, y1) };
  }).filter((e) => e.y0 !== e.y1);
}

function winding(edges, x, y) {
  let turns = 0;
  for (const e of edges) {
    if (y < e.bottom || y >= e.top) continue;
    const at = e.x0 + ((y - e.y0) / (e.y1 - e.y0)) * (e.x1 - e.x0);
    if (at > x) turns += e.y1 > e.y0 ? 1 : -1;
  }
  return turns;
}

/** Is (x, y) inside the polygon (non-zero winding)? */
export const insidePolygon = (points, x, y) => points.length > 2 && winding(polygonEdges(points), x, y) !== 0;
