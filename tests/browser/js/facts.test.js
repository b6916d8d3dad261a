import { parseMix } from "/js/facts.js";
import { equal, test, throws } from "./harness.js";

const bytes = async (name) => (await fetch(`/wire/${name}`)).arrayBuffer();

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
