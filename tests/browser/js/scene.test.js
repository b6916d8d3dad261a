import { BY_ONLY, Scene } from "/js/scene.js";
import { equal, ok, test } from "./harness.js";

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
  scene.hideLabels([2]);
  equal(scene.shown, 30);
  equal(scene.dropHidden(), [scene.slotOf(2)]);
  equal([...scene.selection()], [0, 1, 3]);
  ok(!scene.dropHidden([scene.slotOf(0)]));
  scene.recolour([[0, 2]]);
  equal(scene.shown, 29);
  ok(scene.dropHidden([scene.slotOf(0)]));
  equal([...scene.selection()], [1, 3]);
});

test("reasons to be hidden add up and are taken back one by one", () => {
  const scene = labelled();
  scene.hideLabels([0]);
  scene.hide(BY_ONLY, (s) => scene.ordinalOf(s) >= 10);
  equal(scene.shown, 7); // 1 2 3 5 6 7 9
  scene.hideLabels([]);
  equal(scene.shown, 10);
  scene.hide(BY_ONLY, () => false);
  equal(scene.shown, 40);
});

test("a selection meets another", () => {
  const scene = labelled();
  const slots = (...os) => os.map((o) => scene.slotOf(o));
  scene.select(slots(1, 2, 3));
  ok(scene.select(slots(2, 3, 4), "intersect"));
  equal([...scene.selection()], [2, 3]);
  ok(!scene.select(slots(2, 3, 9), "intersect"));
});

test("rare codes are drawn last, and a recoloured patch joins or leaves them", () => {
  const n = 10000;
  const scene = new Scene(xy(n), Uint16Array.from({ length: n }, (_, i) => (i < 40 ? 7 : i % 2)));
  equal(scene.last.length, 40);
  equal([...scene.last].map((s) => scene.ordinalOf(s)).sort((a, b) => a - b), [...Array(40).keys()]);
  scene.recolour([[5000, 7], [3, 0]]);
  equal(scene.last.length, 40);
  ok([...scene.last].includes(scene.slotOf(5000)) && ![...scene.last].includes(scene.slotOf(3)));
  scene.rank([0]);
  ok(scene.last.every((s) => scene.paint[s] === 0));
  equal(new Scene(xy(40), Uint16Array.from({ length: 40 }, (_, i) => (i ? 1 : 0))).last.length, 0);
});

test("a column paints instead of the labels, which stay", () => {
  const scene = labelled();
  scene.setPaint(scene.bySlot(Uint16Array.from({ length: 40 }, (_, i) => i), 65535));
  equal([scene.paint[scene.slotOf(17)], scene.codes[scene.slotOf(17)]], [17, 1]);
  equal([...scene.bySlot(Float32Array.of(0.5), NaN)].filter((v) => v === v), [0.5]);
  scene.recolour([[17, 3]]);
  equal(scene.paint[scene.slotOf(17)], 17);
  scene.setPaint(null);
  equal(scene.paint[scene.slotOf(17)], 3);
});

test("a label that has just been made is drawn last, and one that has grown common no longer", () => {
  const n = 10000;
  const scene = new Scene(xy(n), Uint16Array.from({ length: n }, (_, i) => (i < 40 ? 7 : i % 2)));
  const range = (from, to, code) => Array.from({ length: to - from }, (_, i) => [from + i, code]);
  ok(scene.recolour(range(5000, 5003, 9)).ranked);
  equal([scene.above[9], scene.last.length], [1, 43]);
  ok(!scene.recolour(range(5003, 5050, 9)).ranked, "a little more is no news");
  equal(scene.last.length, 90);
  ok(scene.recolour(range(5050, 5400, 9)).ranked);
  equal([scene.above[9], scene.above[7], scene.last.length], [0, 1, 40]);
  scene.rank([1]); // somebody looks at it: that stays
  ok(!scene.recolour(range(6000, 6002, 11)).ranked);
  equal([scene.above[1], scene.above[11]], [1, 0]);
});
