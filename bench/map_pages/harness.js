// What is measured, the same for every tool. A tool's module exports
// create(root, data) -> {target, settled(), recolourOne(i, code), recolourAll(shift), pick(x, y), lassoMode(), panMode(), selected(then),
// screenOf(i)}; lassoMode shows everything, screenOf gives the pixels of a point then.

const rest = (ms) => new Promise((ok) => setTimeout(ok, ms));
export const frame = () => new Promise(requestAnimationFrame);
const at = (q, list) => [...list].sort((a, b) => a - b)[Math.min(Math.floor(q * list.length), list.length - 1)];
const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;
/** What is known so far, for whoever loses patience. */
const tell = (out) => console.info(`measured ${JSON.stringify(out)}`);
const LIMIT_MS = 10000; // of one kind of measurement: the slow ones stop early, after three frames at least

/** Waits until what was sent to the GPU has been drawn. */
export function finish(root) {
  for (const canvas of root.querySelectorAll("canvas")) {
    const gl = canvas.dataset.plain ? null : canvas.getContext("webgl2") || canvas.getContext("webgl");
    if (gl) gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
  }
}

async function bytes(url, Type) {
  return new Type(await (await fetch(url)).arrayBuffer());
}

async function frames(n, step) {
  const gaps = [];
  const began = performance.now();
  let last = await frame();
  for (let i = 0; i < n && (i < 3 || performance.now() - began < LIMIT_MS); i++) {
    await step(i);
    const now = await frame();
    gaps.push(now - last);
    last = now;
  }
  return { mean: mean(gaps), p95: at(0.95, gaps), frames: gaps.length };
}

/** Time of one action until its picture is on the screen; the median of some. */
async function acted(n, act, tool) {
  const took = [], call = [];
  const began = performance.now();
  for (let i = 0; i < n && (i < 3 || performance.now() - began < LIMIT_MS); i++) {
    await rest(30);
    const t = performance.now();
    const done = act(i);
    call.push(performance.now() - t);
    await done;
    await tool.settled();
    took.push(performance.now() - t);
  }
  return { shown: at(0.5, took), call: at(0.5, call) };
}

function mouse(target, type, x, y, more = {}) {
  const box = target.getBoundingClientRect();
  const init = { clientX: box.left + x, clientY: box.top + y, bubbles: true, cancelable: true, button: 0, ...more };
  const pointer = { mousedown: "pointerdown", mousemove: "pointermove", mouseup: "pointerup" }[type];
  if (pointer) target.dispatchEvent(new PointerEvent(pointer, { ...init, pointerId: 1, pointerType: "mouse" }));
  if (type === "wheel") return target.dispatchEvent(new WheelEvent("wheel", init));
  target.dispatchEvent(new MouseEvent(type, init));
}

export async function start(create) {
  const root = document.getElementById("root");
  const [xy, codes] = await Promise.all([bytes("/xy", Float32Array), bytes("/codes", Uint16Array)]);
  const colors = await (await fetch("/colors")).json();
  const n = xy.length / 2;
  const data = { n, x: xy.subarray(0, n), y: xy.subarray(n), codes, colors };
  await rest(300);
  const t0 = performance.now();
  const tool = await create(root, data);
  await tool.settled();
  await frame();
  await frame();
  window.painted = performance.now() - t0;
  tell({ painted: window.painted });
  window.tool = tool;
  window.data = data;
  window.measure = () => measure(tool, n);
  window.ready = true;
}

async function measure(tool, n) {
  const out = { painted: window.painted };
  const { target } = tool;
  target.setPointerCapture = () => {};
  await rest(500);
  out.idle = await frames(30, () => {});
  await tool.panMode();
  mouse(target, "mousemove", 500, 400);
  mouse(target, "mousedown", 500, 400, { buttons: 1 });
  out.pan = await frames(40, (i) => mouse(target, "mousemove", 500 + 60 * Math.sin((i + 1) / 6), 400 + 40 * Math.sin((i + 1) / 5), { buttons: 1 }));
  tell(out);
  mouse(target, "mouseup", 500, 400);
  await rest(300);
  await tool.settled();
  out.zoom = await frames(30, (i) => mouse(target, "wheel", 480, 420, { deltaY: i < 15 ? -60 : 60 }));
  const from = performance.now();
  await tool.settled();
  await frame();
  out.settle = performance.now() - from;
  tell(out);
  await rest(500);
  await tool.settled();
  out.recolourOne = await acted(15, (i) => tool.recolourOne((i * 97) % n, i % 10), tool);
  tell(out);
  out.recolourAll = await acted(5, (i) => tool.recolourAll(i + 1), tool);
  tell(out);
  const box = target.getBoundingClientRect();
  const picks = [];
  const began = performance.now();
  for (let i = 0; i < (tool.pickPause ? 200 : 1000) && performance.now() - began < LIMIT_MS; i++) {
    const t = performance.now();
    tool.pick((i * 137.5) % box.width, (i * 61.8) % box.height);
    picks.push(performance.now() - t);
    if (tool.pickPause || i % 50 === 49) await rest(tool.pickPause ?? 0);
  }
  out.pick = { p50: at(0.5, picks), p99: at(0.99, picks), picks: picks.length };
  if (window.gc) window.gc();
  await rest(200);
  out.heap = performance.memory ? performance.memory.usedJSHeapSize : null;
  return out;
}

/** Where a place of the data is on the screen, worked out from two points of which the tool says where they are. */
function toScreen(tool, { n, x, y }) {
  const ends = (values) => {
    let low = 0, high = 0;
    for (let i = 1; i < n; i++) { if (values[i] < values[low]) low = i; if (values[i] > values[high]) high = i; }
    return [low, high];
  };
  const line = (values, axis) => {
    const [low, high] = ends(values), from = tool.screenOf(low)[axis], to = tool.screenOf(high)[axis];
    return (v) => from + ((v - values[low]) / (values[high] - values[low])) * (to - from);
  };
  const [across, down] = [line(x, 0), line(y, 1)];
  return ([px, py]) => [across(px), down(py)];
}

window.settled = () => window.tool.settled();

/** Told by the page that drives the mouse, which gets its way in pixels: measures from the button's release to the
 * selection being known. */
window.armLasso = async (corners) => {
  await window.tool.lassoMode();
  await window.tool.settled();
  window.lasso = null;
  let up = null;
  const heard = (event) => { if (event.isTrusted) up = performance.now(); };
  window.addEventListener("pointerup", heard, { capture: true, once: true });
  window.tool.selected((count) => { if (up !== null && window.lasso === null) window.lasso = { ms: performance.now() - up, count }; });
  return corners.map(toScreen(window.tool, window.data));
};
