// The points with their labels and the selection: what there is to draw, without how. No DOM.

import { Grid } from "./grid.js";
import { NO_LABEL } from "./wire.js";

export class Scene {
  /** coords: {n, x, y, ordinals | null}; labels: Uint16Array by ordinal (may be short or null: then unlabelled). */
  constructor(coords, labels) {
    this.n = coords.n;
    this.grid = new Grid(coords.x, coords.y);
    this.ordinals = coords.ordinals;
    this.flags = new Uint8Array(this.n); // per slot; 1 = selected
    this.codes = new Uint16Array(this.n); // per slot
    this.selected = 0;
    if (this.ordinals) {
      let top = -1;
      for (let i = 0; i < this.n; i++) if (this.ordinals[i] > top) top = this.ordinals[i];
      this.indexOf = new Int32Array(top + 1).fill(-1);
      for (let i = 0; i < this.n; i++) this.indexOf[this.ordinals[i]] = i;
    }
    this.setLabels(labels);
  }

  setLabels(labels) {
    const { order } = this.grid;
    for (let s = 0; s < this.n; s++) {
      const ordinal = this.ordinals ? this.ordinals[order[s]] : order[s];
      this.codes[s] = labels && ordinal < labels.length ? labels[ordinal] : NO_LABEL;
    }
    this.byCode = new Uint32Array(65536);
    for (let s = 0; s < this.n; s++) this.byCode[this.codes[s]]++;
  }

  ordinalOf(slot) {
    const index = this.grid.order[slot];
    return this.ordinals ? this.ordinals[index] : index;
  }

  /** Slot of a patch, or -1 where it is not on this map. */
  slotOf(ordinal) {
    if (!Number.isInteger(ordinal) || ordinal < 0) return -1;
    if (!this.ordinals) return ordinal < this.n ? this.grid.slotOf[ordinal] : -1;
    const index = ordinal < this.indexOf.length ? this.indexOf[ordinal] : -1;
    return index < 0 ? -1 : this.grid.slotOf[index];
  }

  /** Has the slot a finite place? */
  isPlaced(slot) {
    return slot >= 0 && slot < this.grid.placed;
  }

  /** Set patches to codes; returns {slots, before, ordinals} of those that changed. pairs: iterable of [ordinal, code]. */
  recolour(pairs) {
    const slots = [], before = [], ordinals = [];
    for (const [ordinal, code] of pairs) {
      const slot = this.slotOf(ordinal);
      if (slot < 0 || this.codes[slot] === code) continue;
      slots.push(slot);
      before.push(this.codes[slot]);
      ordinals.push(ordinal);
      this.byCode[this.codes[slot]]--;
      this.byCode[code]++;
      this.codes[slot] = code;
    }
    return { slots, before, ordinals };
  }

  /** combine: "replace" | "add" | "subtract". Returns whether anything changed. */
  select(slots, combine = "replace") {
    const before = this.selected;
    let changed = 0;
    if (combine === "replace") {
      const wanted = new Uint8Array(this.n);
      for (const s of slots) wanted[s] = 1;
      for (let s = 0; s < this.n; s++) changed += wanted[s] ^ this.flags[s];
      this.flags = wanted;
    } else {
      const value = combine === "add" ? 1 : 0;
      for (const s of slots) {
        changed += this.flags[s] ^ value;
        this.flags[s] = value;
      }
    }
    this.selected = 0;
    if (before || slots.length) for (let s = 0; s < this.n; s++) this.selected += this.flags[s];
    return changed > 0;
  }

  /** Take what is filtered out from the selection: nobody should change what they do not see. slots: null for all. */
  dropHidden(visible, slots = null) {
    if (!this.selected) return false;
    let dropped = 0;
    for (let i = 0, end = slots ? slots.length : this.n; i < end; i++) {
      const s = slots ? slots[i] : i;
      if (!this.flags[s] || visible[this.codes[s]]) continue;
      this.flags[s] = 0;
      dropped++;
    }
    this.selected -= dropped;
    return dropped > 0;
  }

  /** Selected ordinals, ascending; at most `limit`. */
  selection(limit = Infinity) {
    const out = new Uint32Array(this.selected);
    let at = 0;
    for (let s = 0; s < this.n && at < out.length; s++) if (this.flags[s]) out[at++] = this.ordinalOf(s);
    out.sort();
    return limit < out.length ? out.subarray(0, limit) : out;
  }

  /** Patches per code: {code: count}. */
  counts() {
    const out = {};
    this.byCode.forEach((count, code) => { if (count) out[code] = count; });
    return out;
  }

  /** How many patches the filter leaves. */
  shown(visible) {
    let sum = 0;
    for (let code = 0; code < 65536; code++) if (visible[code]) sum += this.byCode[code];
    return sum;
  }
}
