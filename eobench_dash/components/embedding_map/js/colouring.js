// What colours the points: their labels, nothing, or a column of categories or numbers; and the names of it all.

import { crossfade } from "./motion.js";
import { categoryColor, extremes, quantise, ramp } from "./ramps.js";
import { readColors } from "./theme.js";
import { NO_LABEL, parseColor } from "./wire.js";

// columns that no relabelling changes
const FIXED =
  /^(imported|product|longitude|latitude|time|scale|honesty|nodata|black_edge|saturation|border_noise|cloud|blur|duplicate|overlap|cluster-.*)$/;
const REFRESH_MS = 2500;
const REFRESHED = 300000; // patches; beyond, a column is fetched when it is asked for

export class Colouring {
  /** map: the EmbeddingMapView it belongs to. */
  constructor(map) {
    // `next` is the column that has come; `column` the one that colours the scene, since attach().
    Object.assign(this, { map, labels: new Map(), rgb: new Map(), next: null, column: null, emphasis: null });
  }

  destroy() {
    this._stop();
    this.next = this.column = null;
  }

  _stop() {
    clearTimeout(this.timer);
    this.abort?.abort();
  }

  setLabels(labels) {
    this.labels = new Map(labels.map((l) => [l.code, l]));
    this.rgb = new Map(labels.map((l) => [l.code, parseColor(l.color)]).filter(([, rgb]) => rgb));
    this.colors();
  }

  // ---- columns ----

  /** The column that the properties name: {name, url}; null where labels or nothing colours. */
  get asked() {
    const { colourBy, columnsUrl } = this.map.props;
    if (!colourBy || colourBy === "label" || colourBy === "none" || !columnsUrl) return null;
    return { name: colourBy, url: columnsUrl.replace("{name}", encodeURIComponent(colourBy)) };
  }

  /** Fetch the asked column (only where it is another one); a failure is said and leaves the labels' colours. */
  async fetch() {
    const { asked, map } = this;
    this._stop();
    if (!asked) return void (this.next = null);
    if (this.next?.url === asked.url) return;
    const abort = (this.abort = new AbortController());
    try {
      const column = await map.loading.column(asked.url, abort.signal);
      if (!abort.signal.aborted) this.next = withColors({ ...column, url: asked.url, name: asked.name });
    } catch (error) {
      if (abort.signal.aborted) return;
      this.next = null;
      map.chrome.setBusy(`The colouring could not be loaded: ${error.message}`, true);
    }
  }

  /** Another colouring was asked for while the map is shown. */
  async change() {
    const { map } = this;
    if (!map.scene) return void this.fetch();
    if (this.asked && this.next?.url !== this.asked.url) map.chrome.setBusy("Loading the colours …");
    const asked = this.asked?.url ?? null;
    await this.fetch();
    if (map.dead || !map.scene || asked !== (this.asked?.url ?? null)) return;
    if (this.next || !asked) map.chrome.setBusy("");
    crossfade(map.base);
    this.attach();
    this.colors();
    map.selecting.columnChanged();
    map.emit("column", this.meta());
  }

  /** Labels have changed: columns that are made from them follow, once the hands rest. */
  stale() {
    clearTimeout(this.timer);
    const { map, column } = this;
    if (!column || this.next !== column || FIXED.test(column.name) || map.scene.n > REFRESHED) return;
    this.timer = setTimeout(async () => {
      const abort = (this.abort = new AbortController());
      try {
        const fresh = await map.loading.column(column.url, abort.signal);
        if (abort.signal.aborted || !map.scene) return;
        this.next = withColors({ ...fresh, url: column.url, name: column.name });
      } catch {
        return; // what is shown is a little old; the next change tries again
      }
      this.attach();
      this.colors();
      map.selecting.columnChanged();
    }, REFRESH_MS);
  }

  /** Give the scene the codes that colour it: of the column that has come, or the labels. */
  attach() {
    const { scene } = this.map;
    const column = (this.column = this.next);
    this.emphasis = null;
    if (!scene) return;
    this.values = null;
    if (!column) return scene.setPaint(null);
    if (column.kind === "category") return scene.setPaint(scene.bySlot(column.codes, NO_LABEL));
    this.values = scene.bySlot(column.values, NaN);
    const codes = quantise(this.values, column.low ?? 0, column.high ?? 0);
    scene.setPaint(codes, extremes(codes, column.scale));
  }

  /** What the page is told of the column; null for labels. */
  meta() {
    if (!this.column) return null;
    const { codes: _codes, values: _values, rgb: _rgb, url: _url, ...meta } = this.column;
    return meta;
  }

  // ---- colours ----

  colors() {
    const { map, column } = this;
    if (map.dead) return;
    const plain = map.props.colourBy === "none";
    const { ground, unlabelled, accent, overlay } = readColors(map);
    let rgb = plain ? new Map() : this.rgb;
    if (column?.kind === "category") rgb = column.rgb;
    if (column?.kind === "number") rgb = new Map(ramp(column.scale, luminance(ground) < 0.4).map((color, code) => [code, color]));
    map.renderer.palette.set(rgb, plain ? accent : unlabelled, ground, this.emphasis);
    map.renderer.invalidate();
    map.overlay.colors = overlay;
    if (map.scene) map.pointing.showCard();
    map.legend.show();
    map.draw();
    map.emit("paint"); // colours have changed, of some or all
  }

  /** Fade all but one code (null: none of them): while somebody looks at it in the legend. */
  emphasise(code) {
    const { map } = this;
    if (code === this.emphasis || !map.scene) return;
    this.emphasis = code;
    const { column } = this;
    map.scene.rank(code !== null ? [code] : column?.kind === "number" ? extremes(map.scene.paint, column.scale) : null);
    this.colors();
  }

  /** {code, name, css} of the label of the patch in a slot. */
  labelOf(slot) {
    const code = this.map.scene.codes[slot];
    return { code, name: this.nameOf(code), css: css(this.rgb.get(code) || this.map.renderer.palette.other) };
  }

  nameOf(code) {
    return this.labels.get(code)?.name ?? (code === NO_LABEL ? "No label" : `Label ${code}`);
  }

  /** The colour in which a slot's point is drawn. */
  cssOf(slot) {
    return css(this.map.renderer.palette.rgbOf(this.map.scene.paint[slot]));
  }

  /** What the colouring column says of a slot: {title, text, css}; null where labels colour. */
  valueOf(slot) {
    const { column } = this;
    if (!column || !this.map.scene) return null;
    const code = this.map.scene.paint[slot];
    let text = code === NO_LABEL ? "none" : null;
    if (!text && column.kind === "number") text = numberText(this.values[slot], column);
    return { title: column.title, text: text ?? column.names.get(code) ?? String(code), css: this.cssOf(slot) };
  }

  /** The codes that colour, for a legend: [{code, name, css, count}], the commonest first, "none" last. */
  entries() {
    const { scene, renderer } = this.map;
    if (!scene) return [];
    const counts = scene.paintCounts();
    const out = [];
    for (let code = 0; code < 65536; code++) {
      if (!counts[code]) continue;
      const none = this.column ? "none" : "No label";
      const name = code === NO_LABEL ? none : this.column ? this.column.names?.get(code) ?? String(code) : this.nameOf(code);
      out.push({ code, name, css: css(renderer.palette.rgbOf(code)), count: counts[code] });
    }
    return out.sort((a, b) => (a.code === NO_LABEL) - (b.code === NO_LABEL) || b.count - a.count || a.code - b.code);
  }
}

function withColors(column) {
  if (column.kind !== "category") return column;
  const named = column.categories.filter((c) => Number.isInteger(c?.code) && c.code >= 0 && c.code < NO_LABEL);
  return {
    ...column,
    names: new Map(named.map((c) => [c.code, String(c.name)])),
    rgb: new Map(named.map((c, i) => [c.code, parseColor(c.color) || categoryColor(i)])),
  };
}

export function numberText(value, { unit = "" } = {}) {
  if (!Number.isFinite(value)) return "none";
  const text = Math.abs(value) >= 1e5 || (value && Math.abs(value) < 1e-3) ? value.toExponential(2) : String(Number(value.toPrecision(4)));
  return unit ? `${text} ${unit}` : text;
}

const css = (rgb) => `rgb(${rgb.join(",")})`;
const luminance = ([r, g, b]) => (0.2126 * r + 0.7152 * g + 0.0722 * b) / 255;
