// Thumbnail sheets: where each patch lies on them, and the sheets themselves: nearest first, a few at a time, cancelled
// when nobody looks at them any more, decoded off the main thread, a bounded number kept.

export const PER_SHEET = { 32: 1024, 64: 256 }; // tile in pixels -> tiles of a sheet
export const SIDE = 1024;
const AT_ONCE = 4;
const KEEP = 16; // sheets; one takes 4 MB
const REST_MS = 50; // what is passed by more quickly is not asked for
const AGAIN_MS = 700; // the server is making others
const FAILED_MS = 15000;
const KEY_HEADER = "X-EOBench-Sheets";

export class Sheets {
  /** changed(): places or a sheet have come. */
  constructor(changed) {
    this.changed = changed;
    this.counts = { requested: 0, cancelled: 0 };
    this.set(null);
  }

  /** Another map's sheets: the address before ".bin" and "/<tile>/<number>.jpg"; null for none. */
  set(url) {
    if (url === this.url) return;
    this.destroy();
    this.url = url;
    this.places = null; // Uint32Array by point, once it is here
    this.asked = false;
    this.kept = new Map(); // "tile/number" -> ImageBitmap, the longest not used first
    this.running = new Map(); // "tile/number" -> AbortController
    this.wished = new Map(); // "tile/number" -> since when, in order of precedence
    this.resting = new Map(); // "tile/number" -> when it may be asked for again
  }

  destroy() {
    clearTimeout(this.timer);
    this.opening?.abort();
    for (const abort of this.running?.values() ?? []) abort.abort();
    for (const sheet of this.kept?.values() ?? []) sheet.close();
    this.running?.clear();
    this.kept?.clear();
    this.wished?.clear();
    this.url = undefined;
  }

  /** Fetch the places, once. */
  async open() {
    if (this.asked || !this.url) return;
    this.asked = true;
    const { url } = this;
    const opening = (this.opening = new AbortController());
    try {
      const response = await fetch(this._address(".bin"), { signal: opening.signal });
      if (!response.ok) return; // there are none: points stay points
      this.key = response.headers.get(KEY_HEADER);
      const places = parsePlaces(await response.arrayBuffer());
      if (url !== this.url) return;
      this.places = places;
      this.changed();
    } catch {
      if (!opening.signal.aborted && url === this.url) this._later(() => { this.asked = false; this.changed(); }, FAILED_MS);
    }
  }

  /** These sheets are looked at, in this order of precedence, and no others. */
  want(tile, numbers) {
    const now = performance.now(), before = this.wished;
    this.wished = new Map(numbers.map((number) => `${tile}/${number}`).map((key) => [key, before.get(key) ?? now]));
    for (const [key, abort] of this.running) {
      if (this.wished.has(key)) continue;
      abort.abort();
      this.running.delete(key);
      this.counts.cancelled++;
    }
    this._next();
  }

  /** A sheet that is here, or null. */
  get(tile, number) {
    const key = `${tile}/${number}`;
    const sheet = this.kept.get(key);
    if (!sheet) return null;
    this.kept.delete(key);
    this.kept.set(key, sheet);
    return sheet;
  }

  get pending() {
    let count = 0;
    for (const key of this.wished.keys()) count += this.kept.has(key) ? 0 : 1;
    return count;
  }

  _next() {
    const now = performance.now();
    let soonest = Infinity;
    for (const [key, since] of this.wished) {
      if (this.kept.has(key) || this.running.has(key)) continue;
      const from = Math.max(since + REST_MS, this.resting.get(key) ?? 0);
      if (from > now) soonest = Math.min(soonest, from);
      else if (this.running.size < AT_ONCE) this._load(key);
    }
    if (soonest < Infinity) this._later(() => this._next(), soonest - now);
  }

  _later(fn, ms) {
    clearTimeout(this.timer);
    this.timer = setTimeout(fn, Math.ceil(ms) + 1);
  }

  async _load(key) {
    const abort = new AbortController();
    this.running.set(key, abort);
    this.counts.requested++;
    let sheet = null, again = FAILED_MS;
    try {
      const response = await fetch(this._address(`/${key}.jpg`), { signal: abort.signal });
      if (response.status === 202) again = AGAIN_MS;
      else if (response.ok) sheet = await createImageBitmap(await response.blob());
    } catch {
      // cut off, or no picture: tried again later, if it is still wanted
    }
    if (abort.signal.aborted || this.running.get(key) !== abort) return void sheet?.close();
    this.running.delete(key);
    if (sheet) this._keep(key, sheet);
    else this.resting.set(key, performance.now() + again);
    this._next();
  }

  _keep(key, sheet) {
    this.kept.set(key, sheet);
    for (const [old, bitmap] of this.kept) {
      if (this.kept.size <= KEEP) break;
      if (this.wished.has(old)) continue;
      bitmap.close();
      this.kept.delete(old);
    }
    this.changed();
  }

  _address(rest) {
    const [path, given] = this.url.split("?");
    const query = new URLSearchParams(given);
    if (rest !== ".bin" && this.key) query.set("v", this.key); // of these places, and kept by the browser for good
    return query.size ? `${path}${rest}?${query}` : path + rest;
  }
}

const HEADER_BYTES = 16;
const MAGIC = 0x534d4f45; // "EOMS", little-endian

/** Uint32Array: the place of every point, as domain/sheets.py packs them; an Error where the bytes are something else. */
export function parsePlaces(buffer) {
  const bytes = new DataView(buffer);
  const known = buffer.byteLength >= HEADER_BYTES && bytes.getUint32(0, true) === MAGIC && bytes.getUint32(4, true) === 1;
  if (!known || bytes.getUint32(12, true) !== PER_SHEET[32]) throw new Error("The thumbnails' places are not of a kind this program reads.");
  const n = bytes.getUint32(8, true);
  if (buffer.byteLength !== HEADER_BYTES + 4 * n) throw new Error("The thumbnails' places are cut short.");
  return new Uint32Array(buffer, HEADER_BYTES, n);
}
