// Which patches are selected, which are filtered out, and the recolouring of some; each told to the page and to linked maps.

import { BY_COLUMN, BY_ONLY, HIDDEN } from "./scene.js";

export const MAX_SENT = 50000;

export class Selecting {
  /** map: the EmbeddingMapView it belongs to. */
  constructor(map) {
    this.map = map;
    this.hidden = []; // label codes
    this.column = { name: null, hidden: [], range: null };
    this.onlyThese = null; // {ordinals: Uint32Array, words}
  }

  // ---- selection ----

  /** Select these patches and no others (those not shown on this map are passed over). Returns how many are selected. */
  select(ordinals) {
    if (!this.map.scene) return 0;
    this.combine(ordinals, "replace");
    return this.map.scene.selected;
  }

  /** combine: "replace" | "add" | "subtract" | "intersect". told: by a linked map, which has told the page. */
  combine(ordinals, how, { told = false } = {}) {
    const { map } = this, { scene } = map;
    if (!scene) return;
    const slots = [];
    for (const o of ordinals) {
      const slot = scene.slotOf(o);
      if (slot >= 0 && scene.flags[slot] < HIDDEN) slots.push(slot);
    }
    if (how === "replace") map.pointing.lassoed = [];
    if (scene.select(slots, how)) this.selectionChanged(told);
    if (!told) map.link.each((other) => other.selecting.combine(ordinals, how, { told: true }));
  }

  selectionChanged(told = false) {
    const { map } = this, { scene } = map;
    if (!scene.selected) map.pointing.lassoed = [];
    map.renderer.invalidate();
    map.chrome.setSelected(scene.selected);
    map.draw();
    if (told) return;
    const ordinals = scene.selection();
    map.send({ selectedData: { count: scene.selected, ordinals: Array.from(ordinals.subarray(0, MAX_SENT)), n: map.nextN() } });
    map.emit("select", { count: scene.selected, ordinals });
  }

  // ---- filter ----

  /** {labels: [codes], column: {hidden: [codes], range: [lo, hi] | null}}: what is hidden now. */
  filter() {
    return { labels: [...this.hidden], column: { hidden: [...this.column.hidden], range: this.column.range && [...this.column.range] } };
  }

  /** Parts that are not given stay. quiet: the page knows. told: by a linked map. */
  setFilter({ labels, column }, { quiet = false, told = false } = {}) {
    const { map } = this;
    if (labels) this.hidden = codesOf(labels);
    if (column) {
      this.column = {
        name: map.props.colourBy ?? null,
        hidden: column.hidden === undefined ? this.column.hidden : codesOf(column.hidden ?? []),
        range: column.range === undefined ? this.column.range : rangeOf(column.range),
      };
    }
    if (map.scene && labels) map.scene.hideLabels(this.hidden);
    if (map.scene && column) this._hideByColumn();
    this._filterMoved(told);
    if (!quiet) map.emit("filter", this.filter());
    if (told) return;
    map.link.each((other) => {
      const same = other.props.colourBy === map.props.colourBy;
      other.selecting.setFilter({ labels: labels && this.hidden, column: column && same ? this.column : undefined }, { told: true });
    });
  }

  /** The page's property: these labels are hidden. What is so already is no news for linked maps. */
  setHidden(codes) {
    const sorted = (list) => [...list].sort((a, b) => a - b).join();
    if (sorted(codesOf(codes)) !== sorted(this.hidden)) this.setFilter({ labels: codes }, { quiet: true });
  }

  /** Only this code of what colours; asked again, all of them. */
  isolate(code) {
    if (this.map.colouring.column?.kind === "number") return; // has no such thing
    const codes = this.map.colouring.entries().map((entry) => entry.code);
    const others = codes.filter((c) => c !== code);
    const now = this.map.colouring.column ? this.column.hidden : this.hidden;
    const already = others.length === now.length && others.every((c) => now.includes(c));
    this.hideCodes(already ? [] : others);
  }

  /** Hide these codes of what colours, and no others. */
  hideCodes(codes) {
    this.setFilter(this.map.colouring.column ? { column: { hidden: codes } } : { labels: codes });
  }

  isHidden(code) {
    return (this.map.colouring.column ? this.column.hidden : this.hidden).includes(code);
  }

  /** Show just these patches for a while, with a chip that ends it; null: all again. */
  only(ordinals, words = "", { told = false } = {}) {
    const { map } = this;
    this.onlyThese = ordinals ? { ordinals: Uint32Array.from(ordinals), words } : null;
    if (map.scene) this._hideByOnly();
    this._filterMoved(told);
    if (!told) map.link.each((other) => other.selecting.only(ordinals, words, { told: true }));
  }

  _hideByColumn() {
    const { scene, colouring } = this.map;
    const { column, values } = colouring;
    const { hidden, range, name } = this.column;
    if (!column || name !== column.name || !(hidden.length || range)) return scene.hide(BY_COLUMN, () => false);
    if (column.kind === "number") {
      const [lo, hi] = range ?? [-Infinity, Infinity];
      return scene.hide(BY_COLUMN, (s) => range !== null && !(values[s] >= lo && values[s] <= hi));
    }
    const out = new Uint8Array(65536);
    for (const code of hidden) out[code] = 1;
    scene.hide(BY_COLUMN, (s) => out[scene.paint[s]]);
  }

  _hideByOnly() {
    const { scene } = this.map;
    if (!this.onlyThese) return scene.hide(BY_ONLY, () => false);
    const kept = new Uint8Array(scene.n);
    for (const o of this.onlyThese.ordinals) {
      const slot = scene.slotOf(o);
      if (slot >= 0) kept[slot] = 1;
    }
    scene.hide(BY_ONLY, (s) => !kept[s]);
  }

  _filterMoved(told = false) {
    const { map } = this;
    map.chrome.setOnly(this.onlyThese);
    if (!map.scene) return;
    map.renderer.invalidate();
    map.pointing.moved = true;
    this.labelsMoved(null, told);
  }

  /** Another column colours: what was hidden by the last one is shown, unless the filter was set for this one. */
  columnChanged() {
    if (this.column.name !== (this.map.props.colourBy ?? null)) this.column = { name: null, hidden: [], range: null };
    if (!this.map.scene) return;
    this._hideByColumn();
    this._filterMoved();
  }

  /** Another scene: hide in it what is hidden. */
  attach() {
    if (this.hidden.length) this.map.scene.hideLabels(this.hidden);
    if (this.column.hidden.length || this.column.range) this._hideByColumn();
    if (this.onlyThese) this._hideByOnly();
  }

  // ---- labels ----

  /**
   * After labels (of these slots, or any) or the filter changed: what is hidden leaves the selection; counts follow.
   * told: by a linked map, which looks after its own selection and has told the page.
   */
  labelsMoved(slots = null, told = false) {
    const { map } = this;
    if (!map.scene) return;
    const dropped = map.scene.dropHidden(slots);
    if (dropped) {
      this.selectionChanged(told);
      const ordinals = dropped.map((slot) => map.scene.ordinalOf(slot));
      if (!told) map.link.each((other) => other.selecting.combine(ordinals, "subtract", { told: true }));
    }
    map.pointing.showCard();
    map.count();
    map.legend.show();
    map.draw();
    map.emit("paint");
  }

  /** Set labels, pairs of [ordinal, code], in the picture; returns {slots, before, ordinals} of those that changed. */
  repaint(pairs, told = false) {
    const { map } = this;
    const done = map.scene.recolour(pairs);
    if (!done.slots.length) return done;
    if (done.ranked) map.renderer.invalidate();
    else map.renderer.repaint(done.slots);
    this.labelsMoved(done.slots, told);
    map.colouring.stale();
    return done;
  }

  /**
   * Show patches under another label before the server has answered. Returns a function that takes it back, save where
   * somebody else's change has arrived meanwhile.
   */
  recolour(ordinals, code, { told = false } = {}) {
    const { map } = this, { scene } = map;
    if (!scene) return () => {};
    const done = this.repaint(Array.from(ordinals, (o) => [o, code]), told);
    const others = [];
    if (!told) map.link.each((other) => others.push(other.selecting.recolour(ordinals, code, { told: true })));
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      for (const back of others) back();
      if (map.scene !== scene) return;
      this.repaint(done.ordinals.map((o, i) => [o, done.before[i], done.slots[i]]).filter((c) => scene.codes[c[2]] === code), told);
    };
  }
}

const codesOf = (codes) => [...new Set(codes)].filter((c) => Number.isInteger(c) && c >= 0 && c < 65536);

function rangeOf(range) {
  if (!Array.isArray(range) || range.length !== 2 || !range.every((v) => Number.isFinite(v))) return null;
  return range[0] <= range[1] ? [...range] : [range[1], range[0]];
}
