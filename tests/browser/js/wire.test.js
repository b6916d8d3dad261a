import { parseColor, parseCoords, parseLabels } from "/js/wire.js";
import { equal, test, throws } from "./harness.js";

const bytes = async (name) => (await fetch(`/wire/${name}`)).arrayBuffer();

test("coordinates packed in Python arrive", async () => {
  const { n, x, y, ordinals } = parseCoords(await bytes("all"));
  equal([n, [...x], [...y], ordinals], [3, [0, 1.5, -2.25], [10, 20, 30], null]);
});

test("a subset's ordinals arrive", async () => {
  equal([...parseCoords(await bytes("subset")).ordinals], [7, 0, 70000]);
});

test("no points arrive as none", async () => {
  equal(parseCoords(await bytes("none")).n, 0);
});

test("labels arrive", async () => {
  equal([...parseLabels(await bytes("labels"))], [0, 1, 65534, 65535]);
});

test("cut, foreign and odd bytes are refused with a sentence", async () => {
  const whole = await bytes("all");
  for (let end = 0; end < whole.byteLength; end++) throws(() => parseCoords(whole.slice(0, end)), "cut short");
  const foreign = whole.slice(0);
  new Uint8Array(foreign)[0] = 60;
  throws(() => parseCoords(foreign), "not a map");
  const later = whole.slice(0);
  new Uint8Array(later)[4] = 2;
  throws(() => parseCoords(later), "not a map");
  const flags = whole.slice(0);
  new Uint8Array(flags)[12] = 4;
  throws(() => parseCoords(flags), "not a map");
  throws(() => parseLabels(whole.slice(0, 3)), "cut short");
});

test("ordinals too large for an index are refused", async () => {
  throws(() => parseCoords(new Uint32Array([0x504d4f45, 1, 1, 1, 0, 0, 0xffffffff]).buffer), "damaged");
});

test("only #rrggbb is a colour", () => {
  equal(parseColor("#0a10FF"), [10, 16, 255]);
  for (const bad of ["red", "#fff", "url(x)", "", null, undefined, "#12345g"]) equal(parseColor(bad), null);
});
