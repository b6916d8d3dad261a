// A few lines of test harness: no Node, no packages. Python reads what run() returns.

const tests = [];

export const test = (name, fn) => tests.push([name, fn]);

export function equal(actual, wanted, what = "") {
  const [a, w] = [JSON.stringify(actual), JSON.stringify(wanted)];
  if (a !== w) throw new Error(`${what} got ${a}, wanted ${w}`);
}

export function near(actual, wanted, tolerance = 1e-9, what = "") {
  if (!(Math.abs(actual - wanted) <= tolerance)) throw new Error(`${what} got ${actual}, wanted ${wanted} ± ${tolerance}`);
}

export function ok(value, what = "should be true") {
  if (!value) throw new Error(what);
}

export function throws(fn, words) {
  try {
    fn();
  } catch (error) {
    if (!error.message.includes(words)) throw new Error(`threw "${error.message}", wanted "${words}"`);
    return;
  }
  throw new Error(`did not throw "${words}"`);
}

/** Numbers that look random and are the same every time. */
export function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export async function run() {
  const results = [];
  for (const [name, fn] of tests) {
    try {
      await fn();
      results.push([name, null]);
    } catch (error) {
      results.push([name, String(error.stack || error)]);
    }
  }
  return results;
}
