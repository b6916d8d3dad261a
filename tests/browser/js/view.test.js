import { between, clampView, fitView, makeFrame, MAX_ZOOM, panBy, pointAlpha, pointRadius, toMap, toScreen, transformOf, zoomAt } from "/js/view.js";
import { equal, near, ok, test } from "./harness.js";

const bounds = { x0: -3, x1: 5, y0: 10, y1: 12 };
const frame = makeFrame(1000, 600, bounds);

test("fit shows all of it, in the middle, with a margin", () => {
  const view = fitView(frame);
  equal(view, { x: 1, y: 11, k: 1 });
  const [left] = toScreen(view, frame, -3, 11), [right] = toScreen(view, frame, 5, 11);
  near(left, 28); near(right, 972);
});

test("up on the map is up on the screen", () => {
  const view = fitView(frame);
  ok(toScreen(view, frame, 1, 12)[1] < toScreen(view, frame, 1, 10)[1]);
});

test("screen and map are each other's inverse", () => {
  const view = { x: 0.3, y: 11.2, k: 7 };
  for (const [px, py] of [[0, 0], [123.5, 77], [1000, 600]]) {
    const [x, y] = toMap(view, frame, px, py);
    const [qx, qy] = toScreen(view, frame, x, y);
    near(qx, px, 1e-9); near(qy, py, 1e-9);
  }
});

test("zoom keeps the point under the pointer", () => {
  const view = { x: 1, y: 11, k: 2 };
  const before = toMap(view, frame, 620, 210);
  const after = toMap(zoomAt(view, frame, 620, 210, 1.7), frame, 620, 210);
  near(after[0], before[0], 1e-9); near(after[1], before[1], 1e-9);
});

test("zoom stops at its ends", () => {
  equal(zoomAt({ x: 1, y: 11, k: MAX_ZOOM }, frame, 500, 300, 10).k, MAX_ZOOM);
  equal(zoomAt(fitView(frame), frame, 500, 300, 1e-9).k, 0.5);
});

test("the centre stays on the data", () => {
  equal(clampView({ x: 99, y: -99, k: 1 }, frame), { x: 5, y: 10, k: 1 });
  equal(panBy(fitView(frame), frame, -1e9, 0).x, 5);
});

test("one point alone and none at all have a view", () => {
  const one = makeFrame(400, 300, { x0: 2, x1: 2, y0: 7, y1: 7 });
  const [px, py] = toScreen(fitView(one), one, 2, 7);
  near(px, 200); near(py, 150);
  ok(Number.isFinite(one.fit));
});

test("the raster's transform says what toScreen says, in device pixels", () => {
  const view = { x: 0.1, y: 11.5, k: 3 };
  const t = transformOf(view, frame, 2);
  const [px, py] = toScreen(view, frame, 2, 10.5);
  near(2 * t.s + t.tx, 2 * px, 1e-9); near(t.ty - 10.5 * t.s, 2 * py, 1e-9);
});

test("a flight begins and ends where it should", () => {
  const a = { x: 0, y: 10, k: 1 }, b = { x: 4, y: 12, k: 30 };
  equal(between(a, b, 0), a);
  const end = between(a, b, 1);
  near(end.x, 4); near(end.y, 12); near(end.k, 30, 1e-9);
  const flat = between(a, { x: 4, y: 12, k: 1 }, 0.25);
  near(flat.x, 1);
});

test("points grow with zoom and shrink with number, within bounds", () => {
  ok(pointRadius(frame, 1e4, 10) > pointRadius(frame, 1e4, 1));
  ok(pointRadius(frame, 1e6, 1) < pointRadius(frame, 1e4, 1));
  ok(pointRadius(frame, 1e9, 0.5) >= 0.7 && pointRadius(frame, 1, 1e6) <= 9);
});

test("crowds are seen through, and less so when one comes nearer", () => {
  ok(pointAlpha(frame, 1e6, 1) < 0.5 * pointAlpha(frame, 1e4, 1));
  ok(pointAlpha(frame, 1e6, 8) > pointAlpha(frame, 1e6, 1));
  for (const n of [0, 1, 1e3, 1e6, 1e8]) for (const k of [0.5, 1, 1e4]) ok(pointAlpha(frame, n, k) > 0 && pointAlpha(frame, n, k) <= 0.93);
});
