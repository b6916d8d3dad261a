import { Grid } from "/js/grid.js";
import { packColor, Palette, Raster } from "/js/raster.js";
import { equal, near, ok, random, test } from "./harness.js";

const RED = [200, 30, 40], GROUND = [250, 250, 250];

function scene(points, codes = points.map(() => 0)) {
  const grid = new Grid(Float32Array.from(points, (p) => p[0]), Float32Array.from(points, (p) => p[1]));
  const slots = new Uint16Array(points.length);
  codes.forEach((code, i) => { slots[grid.slotOf[i]] = code; });
  return { grid, paint: slots, flags: new Uint8Array(points.length), above: new Uint8Array(65536), last: new Uint32Array(0), selected: 0 };
}

function raster(width, height, radius, alpha = 1) {
  const r = new Raster();
  r.resize(width, height);
  r.palette.set(new Map([[0, RED], [1, [20, 60, 220]]]), [128, 128, 128], GROUND);
  r.setStyle({ radius, alpha, topRadius: radius, topAlpha: 1 });
  return r;
}

const at = (r, x, y) => [...r.bytes.slice((y * r.width + x) * 4, (y * r.width + x) * 4 + 4)];
const T = { s: 1, tx: 0, ty: 40 }; // map units are pixels, (0, 0) at the lower left of a picture 40 high
const ink = (r) => r.pixels.reduce((sum, p) => sum + (250 - ((p >> 8) & 255)), 0);

test("colours are packed as canvases read them", () => {
  const bytes = new Uint8Array(Int32Array.of(packColor(1, 2, 3)).buffer);
  equal([...bytes], [1, 2, 3, 255]);
});

test("a disc has its colour inside, the ground outside, and a soft edge", () => {
  const r = raster(40, 40, 2.4);
  r.drawAll(scene([[20, 20]]), T);
  equal(at(r, 20, 20).slice(0, 3).map((v, i) => Math.abs(v - RED[i]) <= 1), [true, true, true]);
  equal(at(r, 30, 20), [...GROUND, 255]);
  const edge = at(r, 22, 19)[1];
  ok(edge > RED[1] + 20 && edge < GROUND[1] - 20, `edge ${edge}`);
});

test("the ink of a disc is its area wherever it lies between pixels", () => {
  for (const radius of [1, 1.7, 2.5]) {
    for (const [fx, fy] of [[0, 0], [0.3, 0.8], [0.6, 0.1], [0.99, 0.5]]) {
      const r = raster(40, 40, radius);
      r.drawAll(scene([[20 + fx, 20 + fy]]), T);
      near(ink(r) / (250 - RED[1]), Math.PI * radius * radius, 0.22 * Math.PI * radius * radius + 0.3, `radius ${radius}`);
    }
  }
});

test("large discs have a rim that parts them", () => {
  const r = raster(40, 40, 8);
  r.drawAll(scene([[20, 20]]), T);
  ok(at(r, 27, 20)[1] > at(r, 20, 20)[1] + 60);
});

test("parts drawn one by one make the picture drawn at once", () => {
  const rnd = random(1);
  const s = scene(Array.from({ length: 500 }, () => [rnd() * 80, rnd() * 60]), Array.from({ length: 500 }, (_, i) => i % 3));
  for (const radius of [0.8, 1.6, 5]) {
    const whole = raster(80, 60, radius, 0.7), parts = raster(80, 60, radius, 0.7);
    const t = { s: 1, tx: 0.37, ty: 60.81 };
    whole.drawAll(s, t);
    for (let y = 0; y < 60; y += 7) for (let x = 0; x < 80; x += 11) parts.drawRect(s, t, x, y, Math.min(x + 11, 80), Math.min(y + 7, 60));
    ok(whole.pixels.every((p, i) => p === parts.pixels[i]), `radius ${radius}`);
  }
});

test("a moved picture with its strips is the picture drawn there", () => {
  const rnd = random(2);
  const s = scene(Array.from({ length: 400 }, () => [rnd() * 100, rnd() * 100]));
  for (const [dx, dy] of [[5, 0], [0, -7], [-9, 4], [13, 11]]) {
    const moved = raster(80, 60, 2.2, 0.8), anew = raster(80, 60, 2.2, 0.8);
    const t = { s: 1, tx: 0, ty: 80 }, to = { s: 1, tx: dx, ty: 80 + dy };
    moved.drawAll(s, t);
    moved.shift(dx, dy);
    if (dx) moved.drawRect(s, to, dx > 0 ? 0 : 80 + dx, 0, dx > 0 ? dx : 80, 60);
    if (dy) moved.drawRect(s, to, 0, dy > 0 ? 0 : 60 + dy, 80, dy > 0 ? dy : 60);
    anew.drawAll(s, to);
    ok(moved.pixels.every((p, i) => p === anew.pixels[i]), `by ${dx}, ${dy}`);
  }
});

test("hidden points are not drawn, unknown codes are grey", () => {
  const r = raster(40, 40, 2.4);
  const s = scene([[20, 20]], [4711]);
  r.drawAll(s, T);
  near(at(r, 20, 20)[0], 128, 2);
  s.flags[0] = 4;
  r.drawAll(s, T);
  equal(at(r, 20, 20), [...GROUND, 255]);
});

test("a selection dims the others and lies above them", () => {
  const s = scene([[20, 20], [20, 20]], [0, 1]);
  s.flags[s.grid.slotOf[0]] = 1;
  s.selected = 1;
  const r = raster(40, 40, 2.4);
  r.drawAll(s, T);
  near(at(r, 20, 20)[0], RED[0], 2); // above, in full
  const lone = scene([[20, 20], [5, 5]], [1, 0]);
  lone.flags[lone.grid.slotOf[1]] = 1;
  lone.selected = 1;
  r.drawAll(lone, T);
  ok(at(r, 20, 20)[0] > 180, "dimmed towards the ground");
});

test("overlap mixes: neither hides the other wholly", () => {
  const r = raster(40, 40, 2.4, 0.6);
  r.drawAll(scene([[20, 20], [20, 20]], [0, 1]), T);
  const [red, , blue] = at(r, 20, 20);
  ok(red > 60 && blue > 60, `${red} ${blue}`);
});

test("points far outside and huge scales do no harm", () => {
  const r = raster(40, 40, 3);
  const s = scene([[0, 0], [1e6, 1e6], [-1e6, 3]]);
  r.drawAll(s, { s: 1e5, tx: -5e9, ty: 7e9 });
  r.drawAll(s, { s: 1e-9, tx: 20, ty: 20 });
  ok(ink(r) > 0);
});

test("codes that are drawn last lie above, whatever their order", () => {
  const s = scene([[20, 20], [20.4, 20], [19.6, 20]], [1, 0, 0]);
  s.above[1] = 1;
  s.last = Uint32Array.of(s.grid.slotOf[0]);
  const r = raster(40, 40, 2.4);
  r.drawAll(s, T);
  ok(at(r, 20, 20)[2] > 200, "blue, the one point of its code");
  const part = raster(40, 40, 2.4);
  for (let y = 0; y < 40; y += 9) part.drawRect(s, T, 0, y, 40, Math.min(y + 9, 40));
  ok(part.pixels.every((p, i) => p === r.pixels[i]));
});

test("an emphasised code keeps its colour while the others fade", () => {
  const p = new Palette();
  p.set(new Map([[3, [0, 0, 0]], [4, [0, 0, 0]]]), [9, 9, 9], [255, 255, 255], 3);
  ok((p.shades[3 * 4] & 255) === 0 && (p.shades[4 * 4] & 255) > 180 && (p.shades[5 * 4] & 255) > 180);
  equal(p.rgbOf(4), [0, 0, 0]);
});

test("a palette mixes rims towards the ground", () => {
  const p = new Palette();
  p.set(new Map([[3, [0, 0, 0]]]), [9, 9, 9], [255, 255, 255]);
  equal(p.shades[3 * 4], packColor(0, 0, 0));
  ok((p.shades[3 * 4 + 3] & 255) > 150);
});
