import { parseMix, PatchFacts } from "/js/facts.js";
import { equal, test, throws } from "./harness.js";

const bytes = async (name) => (await fetch(`/wire/${name}`)).arrayBuffer();
const facts = () => new PatchFacts({ root: document.createElement("div"), scene: null, loading: {}, props: {} }, () => {});

test("a label mix packed in Python arrives", async () => {
  const { n, k, codes, counts } = parseMix(await bytes("mix"));
  equal([n, k, [...codes], [...counts]], [2, 20, [1, 2, 65535, 3, 65535, 65535], [12, 8, 0, 0, 20, 0, 0, 0]]);
});

test("cut and foreign bytes are refused with a sentence", async () => {
  const whole = await bytes("mix");
  for (let end = 0; end < 16; end++) throws(() => parseMix(whole.slice(0, end)), "cut short");
  for (let end = 16; end < whole.byteLength; end++) throws(() => parseMix(whole.slice(0, end)), "not a label mix");
  const foreign = whole.slice(0);
  new Uint8Array(foreign)[0] = 60;
  throws(() => parseMix(foreign), "not a label mix");
});

test("the mix of a patch is its labels, the commonest first, and nothing for those appended since", async () => {
  const known = facts();
  known.mix = parseMix(await bytes("mix"));
  equal(known.mixOf(0), { k: 20, entries: [{ code: 1, count: 12 }, { code: 2, count: 8 }] });
  equal(known.mixOf(1), { k: 20, entries: [{ code: 3, count: 20 }] });
  equal(known.mixOf(2), null);
});

test("what is not known is told as not known, and another dataset makes all of it void", () => {
  const known = facts();
  equal([known.has("suggested"), known.mixOf(0), Number.isNaN(known.confidenceOf(0)), known.about(0)], [false, null, true, null]);
  known.update({ looksUrl: "/api/datasets/1/looks" });
  known.patches.set(4, { path: "a/b.png" });
  known.confidence = new Float32Array([0.5]);
  equal([known.api, known.about(4).path, known.confidenceOf(0), Number.isNaN(known.confidenceOf(9))], ["/api/datasets/1/", "a/b.png", 0.5, true]);
  known.update({ looksUrl: "/api/datasets/2/looks" });
  equal([known.about(4), Number.isNaN(known.confidenceOf(0))], [null, true]);
  known.destroy();
});
