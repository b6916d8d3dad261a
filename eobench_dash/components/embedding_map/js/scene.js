// The points with their labels, what colours them, the selection and the filter: what there is to draw, without how. No DOM.
// Per slot: `codes` (labels), `paint` (what colours: the labels themselves, or a column's codes), `flags`.
// A point is shown where its flags are below HIDDEN; SELECTED is the only flag below it.

import { Grid } from "./grid.js";
import { NO_LABEL } from "./wire.js";

export const SELECTED = 1, HIDDEN = 2; // of the flags; the bits from HIDDEN upwards are reasons to be hidden
export const BY_LABEL = 2, BY_COLUMN = 4, BY_ONLY = 8;
const RARE_SHARE = 0.005; // a code with at most this share of the points is drawn above the common ones …
const RARE_TOTAL = 0.03; // … while those codes together are so few
const FEW = 32;
const RARE_FROM = 2000; // points; fewer do not hide each other

export class Scene {
  /** coords: {n, x, y, ordinals | null}; labels: Uint16Array by ordinal (may be short or null: then unlabelled). */
  constructor(coords, labels) {
    this.n = coords.n;
    this.grid = new Grid(coords.x, coords.y);
    this.ordinals = coords.ordinals;
    this.flags = new Uint8Array(this.n);
    this.codes = new Uint16Array(this.n);
    this.paint = this.codes;
    this.above = new Uint8Array(65536); // paint codes that are drawn last
    this.given = null; // … if somebody has said which
    this.hiddenLabels = new Uint8Array(65536);
    this.selected = 0;
    this.shown = this.n;
    this.end = this.n; // one beyond the greatest ordinal
    if (this.ordinals) {
      let top = -1;
      for (let i = 0; i < this.n; i++) if (this.ordinals[i] > top) top = this.ordinals[i];
      this.end = top + 1;
      this.indexOf = new Int32Array(this.end).fill(-1);
      for (let i = 0; i < this.n; i++) this.indexOf[this.ordinals[i]] = i;
    }
    this.setLabels(labels);
  }

  setLabels(labels) {
    for (let s = 0; s < this.n; s++) {
      const ordinal = this.ordinalOf(s);
      this.codes[s] = labels && ordinal < labels.length ? labels[ordinal] : NO_LABEL;
    }
    this.byCode = new Uint32Array(65536);
    for (let s = 0; s < this.n; s++) this.byCode[this.codes[s]]++;
    this.hide(BY_LABEL, (s) => this.hiddenLabels[this.codes[s]]);
    if (this.paint === this.codes) this.rank(this.given);
  }

  ordinalOf(slot) {
    const index = this.grid.order[slot];
    return this.ordinals ? this.ordinals[index] : index;
  }

  /** Slot of a patch, or -1 where it is not on this map. */
  slotOf(ordinal) {
    if (!Number.isInteger(ordinal) || ordinal < 0) return -1;
    if (!this.ordinals) return ordinal < this.n ? this.grid.slotOf[ordinal] : -1;
    const index = ordinal < this.end ? this.indexOf[ordinal] : -1;
    return index < 0 ? -1 : this.grid.slotOf[index];
  }

  /** Has the slot a finite place? */
  isPlaced(slot) {
    return slot >= 0 && slot < this.grid.placed;
  }

  /** Is there a point drawn for the slot? */
  isShown(slot) {
    return this.isPlaced(slot) && this.flags[slot] < HIDDEN;
  }

  /** Values by ordinal -> a new array of the same kind by slot; `none` where there is no value. */
  bySlot(values, none) {
    const out = new values.constructor(this.n);
    for (let s = 0; s < this.n; s++) {
      const ordinal = this.ordinalOf(s);
      out[s] = ordinal < values.length ? values[ordinal] : none;
    }
    return out;
  }

  // ---- what colours, and what lies above ----

  /** Colour by codes per slot (null: by label). top: codes to draw last; without it the rare ones. */
  setPaint(paint, top = null) {
    this.paint = paint || this.codes;
    this.rank(top);
  }

  /** Which codes are drawn last: those of `top`, else the rare ones, which the common ones would bury. */
  rank(top = null) {
    this.given = top;
    this.above.fill(0);
    for (const code of top ?? this._rare()) this.above[code] = 1;
    this._list();
  }

  _rare() {
    if (this.n < RARE_FROM) return [];
    const counts = this.paintCounts();
    const few = [];
    for (let code = 0; code < NO_LABEL; code++) if (counts[code] && counts[code] <= RARE_SHARE * this.n) few.push(code);
    few.sort((a, b) => counts[a] - counts[b]);
    let total = 0;
    return few.filter((code) => (total += counts[code]) <= RARE_TOTAL * this.n);
  }

  /** The placed slots whose code is drawn last, ascending. */
  _list() {
    const { above, paint } = this;
    let count = 0;
    for (let s = 0; s < this.grid.placed; s++) count += above[paint[s]];
    this.last = new Uint32Array(count);
    for (let s = 0, at = 0; at < count; s++) if (above[paint[s]]) this.last[at++] = s;
  }

  /**
   * After recolouring by way of these codes: has a rare one become common, or a common one rare? Both twice over, so that
   * nothing goes to and fro. Then all are ranked anew.
   */
  _rerank(codes) {
    if (this.given || this.n < RARE_FROM) return false;
    const most = RARE_SHARE * this.n;
    const off = (code) => (this.above[code] ? this.byCode[code] > 2 * most : this.byCode[code] > 0 && this.byCode[code] <= most / 2);
    if (!codes.some((code) => code !== NO_LABEL && off(code))) return false;
    const rare = this._rare(), before = this.above.reduce((sum, one) => sum + one, 0);
    if (rare.length === before && rare.every((code) => this.above[code])) return false;
    this.rank();
    return true;
  }

  /** A slot's code has changed: does it belong to those that are drawn last? */
  _relist(slot) {
    const { last } = this, at = lowerBound(last, slot);
    const wanted = this.isPlaced(slot) && this.above[this.paint[slot]] === 1, there = last[at] === slot;
    if (wanted === there) return;
    this.last = new Uint32Array(last.length + (wanted ? 1 : -1));
    this.last.set(last.subarray(0, at));
    this.last.set(last.subarray(wanted ? at : at + 1), wanted ? at + 1 : at);
    if (wanted) this.last[at] = slot;
  }

  /**
   * Set patches to codes. pairs: iterable of [ordinal, code]. Returns {slots, before, ordinals} of those that changed, and
   * `ranked`: whether others are drawn last now.
   */
  recolour(pairs) {
    const slots = [], before = [], ordinals = [];
    const raised = []; // slots that may join or leave those drawn last
    for (const [ordinal, code] of pairs) {
      const slot = this.slotOf(ordinal);
      const old = this.codes[slot];
      if (slot < 0 || old === code) continue;
      slots.push(slot);
      before.push(old);
      ordinals.push(ordinal);
      this.byCode[old]--;
      this.byCode[code]++;
      this.codes[slot] = code;
      if (this.above[old] !== this.above[code]) raised.push(slot);
      this._hideOne(slot, BY_LABEL, this.hiddenLabels[code]);
    }
    let ranked = false;
    if (this.paint === this.codes && slots.length) {
      ranked = this._rerank([...new Set([...before, ...slots.map((slot) => this.codes[slot])])]);
      if (!ranked && raised.length > FEW) this._list();
      else if (!ranked) for (const slot of raised) this._relist(slot);
    }
    return { slots, before, ordinals, ranked };
  }

  // ---- filter ----

  _hideOne(slot, reason, out) {
    const was = this.flags[slot] < HIDDEN;
    if (out) this.flags[slot] |= reason;
    else this.flags[slot] &= ~reason;
    this.shown += (this.flags[slot] < HIDDEN) - was;
  }

  /** Hide for a reason (BY_…) the slots for which out(slot) holds, show the others of that reason. */
  hide(reason, out) {
    const { flags, n } = this;
    let shown = 0;
    for (let s = 0; s < n; s++) {
      const f = out(s) ? flags[s] | reason : flags[s] & ~reason;
      flags[s] = f;
      if (f < HIDDEN) shown++;
    }
    this.shown = shown;
  }

  hideLabels(codes) {
    this.hiddenLabels.fill(0);
    for (const code of codes) if (code >= 0 && code < 65536) this.hiddenLabels[code] = 1;
    this.hide(BY_LABEL, (s) => this.hiddenLabels[this.codes[s]]);
  }

  /** Points per paint code, hidden ones too: Uint32Array of 65,536. */
  paintCounts() {
    return this.paint === this.codes ? this.byCode : countCodes(this.paint);
  }

  // ---- selection ----

  /** combine: "replace" | "add" | "subtract" | "intersect". Returns whether anything changed. */
  select(slots, combine = "replace") {
    const { flags } = this;
    let changed = 0;
    if (combine === "replace" || combine === "intersect") {
      const wanted = new Uint8Array(this.n);
      for (const s of slots) wanted[s] = combine === "replace" ? 1 : flags[s] & SELECTED;
      for (let s = 0; s < this.n; s++) {
        changed += wanted[s] ^ (flags[s] & SELECTED);
        flags[s] = (flags[s] & ~SELECTED) | wanted[s];
      }
    } else {
      const value = combine === "add" ? SELECTED : 0;
      for (const s of slots) {
        changed += (flags[s] & SELECTED) ^ value;
        flags[s] = (flags[s] & ~SELECTED) | value;
      }
    }
    if (changed) {
      this.selected = 0;
      for (let s = 0; s < this.n; s++) this.selected += flags[s] & SELECTED;
    }
    return changed > 0;
  }

  /**
   * Take what is filtered out from the selection: nobody should change what they do not see. slots: those to look at, null
   * for all. Returns the slots that left it, or null for none.
   */
  dropHidden(slots = null) {
    if (!this.selected) return null;
    const dropped = [];
    for (let i = 0, end = slots ? slots.length : this.n; i < end; i++) {
      const s = slots ? slots[i] : i;
      if (this.flags[s] <= HIDDEN || !(this.flags[s] & SELECTED)) continue;
      this.flags[s] &= ~SELECTED;
      dropped.push(s);
    }
    this.selected -= dropped.length;
    return dropped.length ? dropped : null;
  }

  /** Selected ordinals, ascending; at most `limit`. */
  selection(limit = Infinity) {
    const out = new Uint32Array(this.selected);
    let at = 0;
    for (let s = 0; s < this.n && at < out.length; s++) if (this.flags[s] & SELECTED) out[at++] = this.ordinalOf(s);
    out.sort();
    return limit < out.length ? out.subarray(0, limit) : out;
  }

  /** Patches per label code: {code: count}. */
  counts() {
    const out = {};
    this.byCode.forEach((count, code) => { if (count) out[code] = count; });
    return out;
  }
}

/** Where in an ascending array a value is, or would be. */
export function lowerBound(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

function countCodes(codes) {
  const counts = new Uint32Array(65536);
  for (let s = 0; s < codes.length; s++) counts[codes[s]]++;
  return counts;
}
