import { Grid, insidePolygon } from "/js/grid.js";
import { equal, ok, random, test } from "./harness.js";

function cloud(n, seed, make) {
  const r = random(seed), x = new Float32Array(n), y = new Float32Array(n);
  for (let i = 0; i < n; i++) [x[i], y[i]] = make(r, i);
  return { x, y, grid: new Grid(x, y), flags: new Uint8Array(n) };
}

const shapes = {
  uniform: (r) => [r(), r()],
  clumps: (r, i) => [Math.floor(i % 7) + 0.01 * r(), ((i * i) % 5) + 0.01 * r()],
  line: (r) => [r(), 0],
  "one outlier": (r, i) => (i === 0 ? [1e6, 1e6] : [r(), r()]),
  "all the same": () => [3, 4],
};

for (const [name, make] of Object.entries(shapes)) {
  test(`every point is in the index once (${name})`, () => {
    const { grid, x } = cloud(997, 1, make);
    equal(grid.placed, 997);
    equal([...grid.order].sort((a, b) => a - b), [...Array(997).keys()]);
    for (let i = 0; i < 997; i++) ok(grid.order[grid.slotOf[i]] === i && grid.gx[grid.slotOf[i]] === x[i]);
  });

  test(`pick finds the nearest, as looking at all of them does (${name})`, () => {
    const { grid, flags } = cloud(800, 2, make);
    const r = random(3), { x0, x1, y0, y1 } = grid.bounds;
    const span = Math.max(x1 - x0, y1 - y0) || 1;
    for (let trial = 0; trial < 200; trial++) {
      const px = x0 - 0.1 * span + r() * 1.2 * span, py = y0 - 0.1 * span + r() * 1.2 * span;
      const radius = span * [0.002, 0.02, 0.3][trial % 3];
      let best = radius * radius, any = false;
      for (let s = 0; s < 800; s++) {
        const d = (grid.gx[s] - px) ** 2 + (grid.gy[s] - py) ** 2;
        if (d <= best) { best = d; any = true; }
      }
      const slot = grid.pick(px, py, radius, flags);
      ok(any === slot >= 0, `found ${slot}, there is one: ${any}`);
      if (any) ok((grid.gx[slot] - px) ** 2 + (grid.gy[slot] - py) ** 2 === best, "not the nearest");
    }
  });

  test(`a polygon holds the points that a test of each finds (${name})`, () => {
    const { grid, flags } = cloud(800, 4, make);
    const r = random(5), { x0, x1, y0, y1 } = grid.bounds;
    const span = Math.max(x1 - x0, y1 - y0) || 1;
    for (let trial = 0; trial < 30; trial++) {
      const points = Array.from({ length: 3 + (trial % 9) }, () => [x0 + (r() * 1.4 - 0.2) * span, y0 + (r() * 1.4 - 0.2) * span]);
      const wanted = [];
      for (let s = 0; s < 800; s++) if (insidePolygon(points, grid.gx[s], grid.gy[s])) wanted.push(s);
      equal(grid.inPolygon(points, flags).sort((a, b) => a - b), wanted);
    }
  });
}

test("hidden points are passed over", () => {
  const { grid, flags } = cloud(50, 6, shapes.uniform);
  const first = grid.pick(0.5, 0.5, 1, flags);
  flags[first] = 4;
  ok(grid.pick(0.5, 0.5, 1, flags) !== first);
  equal(grid.inPolygon([[-1, -1], [2, -1], [2, 2], [-1, 2]], flags).length, 49);
  ok(!grid.nearest(0.5, 0.5, 2, 50, flags).includes(first));
  flags[first] = 1; // selected points are shown
  equal(grid.pick(0.5, 0.5, 1, flags), first);
});

test("nearest gives the k nearest in order", () => {
  const { grid, flags } = cloud(500, 7, shapes.uniform);
  const all = [...Array(500).keys()].sort((a, b) => Math.hypot(grid.gx[a] - 0.4, grid.gy[a] - 0.6) - Math.hypot(grid.gx[b] - 0.4, grid.gy[b] - 0.6));
  equal(grid.nearest(0.4, 0.6, 2, 12, flags), all.slice(0, 12));
});

test("points without a finite place are kept, but not on the map", () => {
  const x = Float32Array.of(0, NaN, 1, Infinity), y = Float32Array.of(0, 0, 1, 2);
  const grid = new Grid(x, y);
  equal([grid.n, grid.placed], [4, 2]);
  equal(grid.bounds, { x0: 0, x1: 1, y0: 0, y1: 1 });
  ok(grid.slotOf[1] >= 2 && grid.slotOf[3] >= 2);
  equal(grid.countIn(-9, -9, 9, 9), 2);
});

test("no points at all", () => {
  const grid = new Grid(new Float32Array(0), new Float32Array(0));
  equal(grid.pick(0, 0, 5, new Uint8Array(0)), -1);
  equal(grid.inPolygon([[0, 0], [1, 0], [1, 1]], new Uint8Array(0)), []);
});

test("both loops of a figure of eight count, as do overlaps", () => {
  const eight = [[0, 0], [2, 2], [2, 0], [0, 2]];
  ok(insidePolygon(eight, 0.2, 1) && insidePolygon(eight, 1.8, 1) && !insidePolygon(eight, 1, 0.2));
  const twice = [[0, 0], [4, 0], [4, 4], [0, 4], [0, 0], [4, 0], [4, 4], [0, 4]];
  ok(insidePolygon(twice, 2, 2));
});

test("what comes later does not always lie above: neighbours are dealt out, not in their order", () => {
  const n = 4000, x = new Float32Array(n), y = new Float32Array(n);
  const grid = new Grid(x, y); // all in one place, first half class 0, second half class 1
  let secondHalfLast = 0;
  for (let s = n - 400; s < n; s++) secondHalfLast += grid.order[s] >= n / 2;
  ok(secondHalfLast > 120 && secondHalfLast < 280, `${secondHalfLast} of the top 400 are of the second class`);
});
