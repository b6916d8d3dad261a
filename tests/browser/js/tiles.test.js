import { Arrangement, precedence, roomOf, sheetsOf, sizeAt } from "/js/tiles.js";
import { parsePlaces } from "/js/sheets.js";
import { equal, near, ok, test } from "./harness.js";

// Seeded: the same points at every run.
function strewn(n, w, h, seed = 1) {
  let state = seed;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  return { x: Array.from({ length: n }, () => next() * w), y: Array.from({ length: n }, () => next() * h) };
}

test("room is what a point has for itself, also where points crowd", () => {
  const even = strewn(2000, 1000, 800);
  near(roomOf(even.x, even.y, 1000, 800), 20, 1.5);
  const crowd = strewn(2000, 250, 200);
  ok(roomOf(crowd.x, crowd.y, 1000, 800) < 10);
  equal(roomOf([], [], 1000, 800), Infinity);
});

test("the size keeps while the map is moved, and never changes faster than the zoom or against it", () => {
  equal(sizeAt(30, 5, { size: 24, k: 5 }), 24);
  equal(sizeAt(90, 5, { size: 24, k: 5 }), 24);
  near(sizeAt(90, 6, { size: 24, k: 5 }), 28.8, 1e-9);
  equal(sizeAt(10, 6, { size: 24, k: 5 }), 24);
  near(sizeAt(10, 4, { size: 24, k: 5 }), 19.2, 1e-9);
  ok(sizeAt(1, 5, null) === 16 && sizeAt(1e9, 5, null) === 96);
});

test("squares do not overlap, none is refused that had room, and each is found where it is", () => {
  const { x, y } = strewn(1500, 1000, 700), side = 31.5;
  const arrangement = new Arrangement(side, 1000, 700), put = [], refused = [];
  x.forEach((_, i) => (arrangement.put(x[i], y[i]) ? put : refused).push(i));
  const meets = (i, j) => Math.abs(x[i] - x[j]) < side && Math.abs(y[i] - y[j]) < side;
  for (const i of put) for (const j of put) ok(i === j || !meets(i, j));
  for (const i of refused) ok(put.some((j) => j < i && meets(i, j)));
  put.forEach((i, number) => {
    equal(arrangement.at(x[i], y[i]), number);
    equal(arrangement.at(x[i] + 14, y[i] - 14, 28), number);
    equal(arrangement.at(x[i] + 14.5, y[i], 28) === number, false);
  });
  equal(arrangement.at(-500, -500), -1);
});

test("precedence is scattered and always the same", () => {
  const first = Array.from({ length: 100 }, (_, i) => precedence(i));
  equal(new Set(first).size, 100);
  ok(first.slice(0, 50).some((p) => p > first[99]) && precedence(7) === first[7]);
});

test("sheets come nearest first, and of too many those with most places", () => {
  const places = [0, 1, 2, 1024, 1025, 5000, 9000], x = [50, 60, 70, 10, 11, 49, 0], y = x.map(() => 50);
  equal(sheetsOf(places, x, y, 1024, [50, 50], 12).sheets.map((s) => s.number), [0, 4, 1, 8]);
  const few = sheetsOf(places, x, y, 1024, [50, 50], 2);
  equal([few.all, few.sheets.map((s) => s.number)], [4, [0, 1]]);
});

test("places that are something else are refused", () => {
  const refused = (bytes) => {
    try {
      parsePlaces(bytes);
    } catch (error) {
      return error.message;
    }
    return "";
  };
  const good = Uint32Array.of(0x534d4f45, 1, 2, 1024, 7, 9);
  equal([...parsePlaces(good.buffer)], [7, 9]);
  ok(refused(good.slice(0, 5).buffer).includes("cut short"));
  ok(refused(Uint32Array.of(1, 1, 0, 1024).buffer) && refused(new ArrayBuffer(3)) && refused(Uint32Array.of(0x534d4f45, 2, 0, 1024).buffer));
});
