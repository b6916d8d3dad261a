import { Scene } from "/js/scene.js";
import { equal, ok, test } from "./harness.js";

const visible = new Uint8Array(65536).fill(1);
const xy = (n) => ({ n, x: Float32Array.from({ length: n }, (_, i) => i % 7), y: Float32Array.from({ length: n }, (_, i) => Math.floor(i / 7)), ordinals: null });
const labelled = (n = 40) => new Scene(xy(n), Uint16Array.from({ length: n }, (_, i) => i % 4));

test("ordinals, slots and codes belong together", () => {
  const scene = labelled();
  for (let o = 0; o < 40; o++) {
    equal(scene.ordinalOf(scene.slotOf(o)), o);
    equal(scene.codes[scene.slotOf(o)], o % 4);
  }
  equal([scene.slotOf(40), scene.slotOf(-1), scene.slotOf(1.5), scene.slotOf("3")], [-1, -1, -1, -1]);
});

test("a subset knows its ordinals and the labels of the whole", () => {
  const scene = new Scene({ ...xy(3), ordinals: Uint32Array.of(900, 5, 30) }, Uint16Array.from({ length: 1000 }, (_, i) => i));
  equal([900, 5, 30].map((o) => scene.codes[scene.slotOf(o)]), [900, 5, 30]);
  equal([scene.slotOf(0), scene.slotOf(901), scene.slotOf(2 ** 31)], [-1, -1, -1]);
});

test("patches beyond the label array, or without one, have no label", () => {
  const scene = new Scene(xy(3), Uint16Array.of(7));
  equal([0, 1, 2].map((o) => scene.codes[scene.slotOf(o)]), [7, 65535, 65535]);
  equal(new Scene(xy(2), null).counts(), { 65535: 2 });
});

test("recolour tells what changed and keeps the counts", () => {
  const scene = labelled();
  const done = scene.recolour([[0, 3], [3, 3], [99, 1], [4, 3]]);
  equal(done.ordinals, [0, 4]);
  equal(done.before, [0, 0]);
  equal(scene.counts(), { 0: 8, 1: 10, 2: 10, 3: 12 });
});

test("selections replace, add, subtract, and come out ascending", () => {
  const scene = labelled();
  const slots = (...os) => os.map((o) => scene.slotOf(o));
  ok(scene.select(slots(9, 3, 27)));
  equal([...scene.selection()], [3, 9, 27]);
  ok(scene.select(slots(3, 4), "add"));
  equal([...scene.selection()], [3, 4, 9, 27]);
  ok(scene.select(slots(9, 30), "subtract"));
  equal([...scene.selection(2)], [3, 4]);
  equal(scene.selected, 3);
  ok(!scene.select(slots(3, 4, 27)), "the same again is no change");
  ok(scene.select([]));
  equal(scene.selected, 0);
});

test("what is filtered out leaves the selection", () => {
  const scene = labelled();
  scene.select([0, 1, 2, 3].map((o) => scene.slotOf(o)));
  const some = visible.slice();
  some[2] = 0;
  ok(scene.dropHidden(some));
  equal([...scene.selection()], [0, 1, 3]);
  equal(scene.shown(some), 30);
  ok(!scene.dropHidden(some, [scene.slotOf(0)]));
});
