// What the card tells of a patch beside its picture: its neighbours' labels, the confidence in its own, where it came from.
// The first two come once for all patches while the browser is idle (above MOST, and for what is new, patch by patch when
// the pointer rests); nothing is asked for that the dataset's list of columns does not name.

import { request } from "./data.js";
import { cancelIdle, whenIdle } from "./images.js";
import { NO_LABEL, parseColumn, WireError } from "./wire.js";

const MOST = 300000; // patches; beyond, three megabytes for a glance are too many
const REST_MS = 150;
const KEEP = 400;
const VOTERS = 20;
const FRESH_MS = 5000;
const MAGIC = 0x584d4f45; // "EOMX", little-endian

/** Bytes of the label mix -> {n, k, codes (3 a patch), counts (4 a patch, the last one 0)}. */
export function parseMix(buffer) {
  if (buffer.byteLength < 16) throw new WireError("The neighbours' labels arrived cut short.");
  const [magic, version, n, k] = new Uint32Array(buffer, 0, 4);
  if (magic !== MAGIC || version !== 1 || buffer.byteLength !== 16 + 10 * n) {
    throw new WireError("The server sent something that is not a label mix this page can read.");
  }
  return { n, k, codes: new Uint16Array(buffer, 16, 3 * n), counts: new Uint8Array(buffer, 16 + 6 * n, 4 * n) };
}

export class PatchFacts {
  /** map: the EmbeddingMapView; changed(): something that the card shows has come. */
  constructor(map, changed) {
    Object.assign(this, { map, changed, api: null });
    this.stops = ["eob:ready", "eob:changes"].map((name) => {
      const listener = (event) => event.target === map.root && this._wish();
      map.root.addEventListener(name, listener);
      return () => map.root.removeEventListener(name, listener);
    });
    this._forget();
  }

  /** looksUrl names the dataset; another one makes everything known void. */
  update({ looksUrl }) {
    const api = looksUrl ? looksUrl.replace(/[^/]*$/, "") : null;
    if (api === this.api) return;
    this._forget();
    this.api = api;
    if (this.map.scene) this._wish();
  }

  destroy() {
    for (const stop of this.stops) stop();
    this._forget();
  }

  _forget() {
    cancelIdle(this.idle);
    clearTimeout(this.resting);
    clearTimeout(this.waiting);
    this.abort?.abort();
    this.abort = new AbortController();
    Object.assign(this, { names: null, mix: null, confidence: null, patches: new Map(), near: new Map(), at: null, opened: -Infinity, seen: null });
  }

  // ---- for all patches ----

  /** Are there neighbours, is there a confidence to tell of? */
  has(name) {
    return Boolean(this.names?.has(name));
  }

  _wish() {
    if (!this.api) return;
    const wait = Math.max(0, this.opened + FRESH_MS - performance.now()); // labels that change all the time: not each time
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => {
      cancelIdle(this.idle);
      this.idle = whenIdle(() => this._open());
    }, wait);
  }

  async _open() {
    const { map, abort, api } = this;
    if (map.dead || !map.scene || !api) return;
    this.opened = performance.now();
    const { lastEvent } = map.loading;
    if (this.names && this.seen === lastEvent) return;
    this.seen = lastEvent;
    try {
      const { columns } = await (await request(`${api}columns`, abort.signal)).json();
      this.names = new Set(columns.map((column) => column.name));
      const { mixUrl, columnsUrl } = map.props, small = map.scene?.n <= MOST;
      if (small && mixUrl && this.has("suggested")) this.mix = parseMix(await this._bytes(mixUrl));
      if (small && columnsUrl && this.has("confidence")) {
        this.confidence = parseColumn(await this._bytes(columnsUrl.replace("{name}", "confidence"))).values ?? null;
      }
    } catch {
      // without them the card is shorter; the next change of labels tries again
    }
    if (!abort.signal.aborted && !map.dead) this.changed();
  }

  async _bytes(url) {
    return (await request(url, this.abort.signal)).arrayBuffer();
  }

  // ---- for one patch ----

  /** [{code, count}] of k neighbours, the commonest first; null where that is not known (yet). */
  mixOf(ordinal) {
    const { mix } = this;
    if (!mix || ordinal >= mix.n) return this.near.get(ordinal) ?? null;
    const entries = [0, 1, 2].map((i) => ({ code: mix.codes[3 * ordinal + i], count: mix.counts[4 * ordinal + i] }));
    return { k: mix.k, entries: entries.filter((entry) => entry.count) };
  }

  /** How probable the classifier of the last verification finds the label, 0..1; NaN where it was not asked. */
  confidenceOf(ordinal) {
    return this.confidence && ordinal < this.confidence.length ? this.confidence[ordinal] : NaN;
  }

  /** {path, product, unsure, excluded, window}; null where that is not known (yet). */
  about(ordinal) {
    return this.patches.get(ordinal) ?? null;
  }

  /** The card is at this patch (null: at none): what is missing is asked for if it stays there. */
  look(ordinal) {
    if (ordinal === this.at) return;
    this.at = ordinal;
    clearTimeout(this.resting);
    if (ordinal === null || !this.api) return;
    if (this.names && this.seen !== this.map.loading.lastEvent) this._wish(); // labels have changed since
    this.resting = setTimeout(() => this._ask(ordinal), REST_MS);
  }

  async _ask(ordinal) {
    const { api, abort } = this;
    const json = async (path) => (await request(api + path, abort.signal)).json();
    const asked = [];
    if (!this.patches.has(ordinal)) asked.push(json(`patches/${ordinal}`).then(({ patch }) => keep(this.patches, ordinal, patch)));
    if (!this.mixOf(ordinal) && this.has("suggested")) {
      asked.push(json(`neighbours/${ordinal}?k=${VOTERS}`).then(({ neighbours }) => keep(this.near, ordinal, tally(neighbours))));
    }
    if (!asked.length) return;
    await Promise.allSettled(asked);
    if (this.at === ordinal && !abort.signal.aborted && !this.map.dead) this.changed();
  }
}

function keep(known, ordinal, value) {
  known.set(ordinal, value);
  if (known.size > KEEP) known.delete(known.keys().next().value);
}

function tally(neighbours) {
  const counts = new Map();
  for (const { code } of neighbours) if (code !== NO_LABEL) counts.set(code, (counts.get(code) ?? 0) + 1);
  const entries = [...counts].map(([code, count]) => ({ code, count })).sort((a, b) => b.count - a.count);
  return { k: neighbours.length, entries: entries.slice(0, 3) };
}
