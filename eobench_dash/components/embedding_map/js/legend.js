// The key to the colours, on the map: categories to hide (click) and to isolate (double click), or a bar of numbers whose
// ends can be drawn in.

import { numberText } from "./colouring.js";
import { count, el } from "./dom.js";
import { RangeBar } from "./range.js";

const MOST = 200; // rows
const LOOK_MS = 140; // resting on a row for so long means looking at it
const LATER_MS = 60;

export class Legend {
  /** map: the EmbeddingMapView it belongs to. */
  constructor(map) {
    this.map = map;
    this.wanted = null; // by the person: true | false; null: as it suits
    this.title = el("span", "eob-map__legend-title");
    this.all = el("button", "eob-map__link", ["Show all"]);
    this.all.type = "button";
    this.all.addEventListener("click", () => map.selecting.setFilter(map.colouring.column ? { column: { hidden: [], range: null } } : { labels: [] }));
    this.body = el("div", "eob-map__legend-body");
    this.root = el("div", "eob-map__legend", [el("div", "eob-map__legend-head", [this.title, this.all]), this.body]);
    this.root.setAttribute("role", "group");
    this.root.hidden = true;
    this.rows = new Map(); // code -> row
    this.body.addEventListener("click", (event) => this._click(event));
    this.body.addEventListener("pointerover", (event) => this._look(event));
    this.body.addEventListener("pointerleave", () => this._look(null));
    map.root.append(this.root);
  }

  destroy() {
    clearTimeout(this.timer);
    clearTimeout(this.looking);
    this.bar?.destroy();
  }

  toggle() {
    this.wanted = !this.open;
    this.show();
  }

  get open() {
    const { map } = this;
    if (!map.scene || map.props.colourBy === "none") return false;
    return this.wanted ?? (Boolean(map.colouring.column) && !map.small);
  }

  /** Something of what it tells has changed; told soon, and once for many changes. */
  show() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this._render(), LATER_MS);
  }

  _render() {
    const { map } = this, { colouring, selecting } = map;
    if (map.dead) return;
    this.root.hidden = !this.open;
    map.chrome.setLegend(this.open);
    if (!this.open) return;
    const { column } = colouring;
    this.title.textContent = column ? column.title : "Labels";
    this.title.title = column?.help ?? "";
    this.root.setAttribute("aria-label", `Legend: ${this.title.textContent}`);
    this.all.hidden = !(column ? selecting.column.hidden.length || selecting.column.range : selecting.hidden.length);
    if (column?.kind === "number") this._numbers(column);
    else this._categories();
  }

  // ---- categories ----

  _categories() {
    this.bar?.destroy();
    this.bar = null;
    const entries = this.map.colouring.entries();
    const rows = entries.slice(0, MOST).map((entry) => this._row(entry));
    const codes = entries.map((e) => e.code).join();
    if (codes !== this.codes) {
      const rest = entries.length - rows.length;
      this.body.replaceChildren(...rows, ...(rest > 0 ? [el("p", "eob-map__legend-note", [`and ${count(rest)} more`])] : []));
      this.rows = new Map(rows.map((row) => [Number(row.dataset.code), row]));
      this.codes = codes;
    }
  }

  _row({ code, name, css, count: patches }) {
    const row = this.rows.get(code) ?? this._newRow(code);
    const [dot, label, number] = row.children;
    dot.style.background = css;
    label.textContent = row.title = name;
    number.textContent = count(patches);
    row.setAttribute("aria-pressed", String(!this.map.selecting.isHidden(code)));
    return row;
  }

  _newRow(code) {
    const parts = [el("span", "eob-map__dot"), el("span", "eob-map__legend-name"), el("span", "eob-map__legend-count")];
    const row = el("button", "eob-map__legend-row", parts);
    row.type = "button";
    row.dataset.code = String(code);
    return row;
  }

  _click(event) {
    const row = event.target.closest("[data-code]");
    if (!row) return;
    const { selecting } = this.map, code = Number(row.dataset.code);
    const now = this.map.colouring.column ? selecting.column.hidden : selecting.hidden;
    if (event.detail > 1) {
      selecting.hideCodes(this.before ?? []); // the first click of two did not mean itself
      selecting.isolate(code);
    } else {
      this.before = [...now];
      selecting.hideCodes(now.includes(code) ? now.filter((c) => c !== code) : [...now, code]);
    }
    this._render();
  }

  /** Who rests on a row is shown where its patches are. */
  _look(event) {
    const row = event?.pointerType === "mouse" ? event.target.closest("[data-code]") : null;
    const code = row ? Number(row.dataset.code) : null;
    clearTimeout(this.looking);
    if (code === this.map.colouring.emphasis) return;
    this.looking = setTimeout(() => this.map.colouring.emphasise(code !== null && this.map.selecting.isHidden(code) ? null : code), LOOK_MS);
  }

  // ---- numbers ----

  _numbers(column) {
    const { map } = this, { selecting } = map;
    if (!this.bar || this.bar.column !== column) {
      this.bar?.destroy();
      this.rows = new Map();
      this.codes = null;
      this.bar = new RangeBar(column, { text: (v) => numberText(v, column), range: (range) => selecting.setFilter({ column: { range } }) });
      this.body.replaceChildren(this.bar.root);
    }
    this.bar.draw(map.renderer.palette, map.scene.paint, selecting.column.range);
  }
}
