import { categoryColor, extremes, quantise, ramp, STEPS } from "/js/ramps.js";
import { ViewHistory } from "/js/history.js";
import { parseColumn } from "/js/wire.js";
import { equal, near, ok, test, throws } from "./harness.js";

const grey = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const apart = (a, b) => Math.hypot(...a.map((v, i) => v - b[i]));

test("the sequential ramp grows lighter all the way, on light and on dark ground", () => {
  for (const dark of [false, true]) {
    const light = ramp("sequential", dark).map(grey);
    equal(light.length, STEPS);
    ok(light.every((v, i) => i === 0 || v >= light[i - 1] - 0.5), "monotone");
    ok(light[255] - light[0] > 120, "and far");
  }
  equal(ramp("sequential", false)[0], [68, 1, 84]); // viridis begins here
});

test("the diverging ramp has a grey middle and ends apart in blue and red", () => {
  const colors = ramp("diverging", true);
  const [r, g, b] = colors[128];
  ok(Math.max(r, g, b) - Math.min(r, g, b) < 12, `${colors[128]}`);
  ok(colors[0][2] > colors[0][0] + 80 && colors[255][0] > colors[255][2] + 80);
});

test("thirty categories are told apart", () => {
  const colors = Array.from({ length: 30 }, (_, i) => categoryColor(i));
  let least = Infinity;
  for (let i = 0; i < 30; i++) for (let j = 0; j < i; j++) least = Math.min(least, apart(colors[i], colors[j]));
  ok(least > 20, `nearest two: ${least}`);
  for (let i = 1; i < 30; i++) ok(apart(colors[i], colors[i - 1]) > 80, `neighbours ${i}`);
});

test("numbers become codes; none has the code of none", () => {
  equal([...quantise(Float32Array.of(0, 1, 0.5, -9, 9, NaN), 0, 1)], [0, 255, 128, 0, 255, 65535]);
  equal([...quantise(Float32Array.of(4, NaN), 4, 4)], [0, 65535]);
});

test("the extremes are the few at the ends", () => {
  const codes = Uint16Array.from({ length: 10000 }, (_, i) => (i < 20 ? 255 : i < 40 ? 250 : i < 60 ? 3 : 100));
  const high = extremes(codes, "sequential");
  ok(high.includes(255) && high.includes(250) && !high.includes(100) && !high.includes(3));
  ok(extremes(codes, "diverging").includes(3));
  equal(extremes(new Uint16Array(100).fill(255), "sequential"), []);
});

function column(meta, body, { magic = "EOMC", version = 1, n = 2 } = {}) {
  let text = typeof meta === "string" ? meta : JSON.stringify(meta);
  text += " ".repeat((4 - (text.length % 4)) % 4);
  const out = new Uint8Array(16 + text.length + body.byteLength);
  out.set(new TextEncoder().encode(magic));
  new Uint32Array(out.buffer, 4, 3).set([version, n, text.length]);
  out.set(new TextEncoder().encode(text), 16);
  out.set(new Uint8Array(body.buffer), 16 + text.length);
  return out.buffer;
}
const number = { name: "a", title: "A", kind: "number", min: 0, max: 1, low: 0, high: 1 };

test("a column of numbers and one of categories are read", () => {
  const read = parseColumn(column(number, Float32Array.of(0.5, NaN)));
  equal([read.n, read.values[0], Number.isNaN(read.values[1]), read.title], [2, 0.5, true, "A"]);
  const named = parseColumn(column({ kind: "category", categories: [] }, Uint16Array.of(3, 65535)));
  equal([...named.codes], [3, 65535]);
});

test("damaged columns are refused with a sentence", () => {
  throws(() => parseColumn(new ArrayBuffer(3)), "cut short");
  throws(() => parseColumn(column(number, Float32Array.of(1, 2), { magic: "EOMP" })), "not a column");
  throws(() => parseColumn(column(number, Float32Array.of(1, 2), { version: 2 })), "not a column");
  throws(() => parseColumn(column(number, Float32Array.of(1))), "cut short");
  throws(() => parseColumn(column("{", Float32Array.of(1, 2))), "not a column");
  throws(() => parseColumn(column({ kind: "category" }, Uint16Array.of(1, 2))), "not a column");
  throws(() => parseColumn(column({ ...number, low: "x" }, Float32Array.of(1, 2))), "not a column");
  throws(() => parseColumn(column("null", Float32Array.of(1, 2))), "not a column");
});

test("history goes back, forward, and forgets what a new view overtakes", () => {
  let told = null;
  const history = new ViewHistory((state) => { told = state; });
  const view = (k) => ({ x: 0, y: 0, k });
  for (const k of [1, 2, 2, 3]) history.push(view(k));
  equal(told, { back: true, forward: false });
  equal(history.step(-1), view(2));
  equal(history.step(-1), view(1));
  equal(history.step(-1), null);
  history.push(view(1)); // having arrived there is no news
  equal(told, { back: false, forward: true });
  history.push(view(9));
  equal([history.step(1), history.step(-1)], [null, view(1)]);
  for (let k = 10; k < 400; k++) history.push(view(k));
  near(history.views.length, 100, 0);
});
