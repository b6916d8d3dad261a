// The map itself: loads the scene, keeps labels and selection, and ties picture, pointer and page together.

import { publicApi } from "./api.js";
import { Camera } from "./camera.js";
import { HoverCard } from "./card.js";
import { HELP, MapChrome } from "./chrome.js";
import { ChangeFeed, request } from "./data.js";
import { el } from "./dom.js";
import { PatchImages } from "./images.js";
import { attachInput } from "./input.js";
import { Overlay } from "./overlay.js";
import { MAX_SENT, Pointing } from "./pointing.js";
import { SoftwareRenderer } from "./renderer.js";
import { Scene } from "./scene.js";
import { readColors, watchLooks } from "./theme.js";
import { NO_LABEL, parseColor, parseCoords, parseLabels } from "./wire.js";

const EVENT_HEADER = "X-EOBench-Event";
const REVISION_HEADER = "X-EOBench-Labels-Revision";
const MAX_PIXEL_RATIO = 3;

export class EmbeddingMapView {
  /** root: an empty element; send(props): tells the server (Dash's setProps). */
  constructor(root, send) {
    Object.assign(this, { root, send, n: 0, lastEvent: 0, revision: null, props: {}, scene: null, labels: new Map(), rgb: new Map() });
    this._build();
    this.renderer = new SoftwareRenderer(this.base);
    this.images = new PatchImages();
    this.card = new HoverCard(root, this.images);
    this.camera = new Camera({ moved: () => this._moved(), settled: (view) => this._settled(view) });
    this.chrome = new MapChrome(root, {
      tool: (t) => this.setTool(t), zoom: (f) => this.camera.zoomCentre(f), fit: () => this.camera.fit(),
      clear: () => this.select([]), retry: () => this.load(),
    });
    this.pointing = new Pointing(this);
    this.feed = new ChangeFeed({ changes: (p) => this._theirs(p), offline: (o, why) => this._offline(o, why) });
    this.stops = [attachInput(this.top, this._inputs()), watchLooks(root, { size: () => this._resize(), colors: () => this._colors() })];
    this.tick = (now) => this._frame(now);
    this.setTool("pan");
    this.setMode("visualise");
    root.eobMap = publicApi(this);
  }

  _build() {
    this.base = el("canvas", "eob-map__base");
    this.base.setAttribute("aria-hidden", "true");
    this.help = el("span", "eob-map__sr", [HELP]);
    this.help.id = `${this.root.id || "eob-map"}-help`;
    this.top = el("div", "eob-map__top"); // takes the pointer and the focus
    this.top.tabIndex = 0;
    this.top.setAttribute("role", "application");
    this.top.setAttribute("aria-describedby", this.help.id);
    this.overlay = new Overlay(this.top);
    this.root.append(this.base, this.top, this.help);
  }

  destroy() {
    this.dead = true;
    this.loading?.abort();
    cancelAnimationFrame(this.raf);
    for (const stop of this.stops) stop();
    for (const part of [this.feed, this.camera, this.images, this.renderer]) part.destroy();
    this.scene = null;
    this.root.replaceChildren();
    delete this.root.eobMap;
  }

  /** New properties from Dash; only what changed acts. */
  update(props) {
    const old = this.props;
    this.props = props;
    const changed = (...names) => names.some((name) => JSON.stringify(props[name] ?? null) !== JSON.stringify(old[name] ?? null));
    this.top.setAttribute("aria-label", props.title || "Map of the patches");
    this.images.setTemplate(props.imageUrl || null);
    if (props.theme) this.root.dataset.theme = props.theme;
    else if (old.theme) delete this.root.dataset.theme;
    if (changed("mode")) this.setMode(props.mode);
    if (changed("labels")) this._setLabels(props.labels || []);
    if (changed("hidden")) this._setHidden(props.hidden || []);
    if (changed("theme", "colourBy")) this._colors();
    if (changed("view") && props.view && JSON.stringify(props.view) !== this.sentView) this.camera.goTo(props.view);
    if (changed("coordsUrl", "labelsUrl")) return this.load();
    if (changed("changesUrl")) this._startFeed();
    if (changed("selection")) this._selectFromProps();
    if (props.focus && props.focus.n !== old.focus?.n) this._focusFromProps();
  }

  get visible() {
    return this.renderer.palette.visible;
  }

  ordinalAt(slot) {
    return this.scene && slot >= 0 ? this.scene.ordinalOf(slot) : null;
  }

  nextN() {
    return ++this.n;
  }

  emit(name, detail) {
    this.root.dispatchEvent(new CustomEvent(`eob:${name}`, { detail, bubbles: true }));
  }

  // ---- data ----

  async load() {
    this.loading?.abort();
    const loading = (this.loading = new AbortController());
    const { coordsUrl, view } = this.props;
    this.feed.stop();
    this._setScene(null);
    // Another embedding is another space; the same one loaded anew keeps the view.
    if (coordsUrl !== this.loaded) this.camera.reset(view && JSON.stringify(view) !== this.sentView ? view : null);
    this.loaded = coordsUrl;
    if (!coordsUrl) return this.chrome.setState("empty", "No map yet. Compute an embedding to see the patches here.");
    this.chrome.setState("loading", "Loading the map …");
    try {
      const [coords, labels] = await Promise.all([this._fetchCoords(coordsUrl, loading), this._fetchLabels(loading)]);
      if (loading.signal.aborted) return;
      this._setScene(new Scene(coords, labels));
    } catch (error) {
      if (loading.signal.aborted) return;
      loading.abort(); // the other of the two is of no use now
      return this.chrome.setState("error", error.message, true);
    }
    if (!this.scene.grid.placed) return this.chrome.setState("empty", "This map holds no patches.");
    this.chrome.setState("ready");
    this._count();
    this._startFeed();
    this._selectFromProps();
    this._focusFromProps();
    this.emit("ready", { n: this.scene.n });
  }

  async _fetchCoords(url, loading) {
    return parseCoords(await (await request(url, loading.signal)).arrayBuffer());
  }

  async _fetchLabels(loading) {
    if (!this.props.labelsUrl) return null;
    const response = await request(this.props.labelsUrl, loading.signal);
    const labels = parseLabels(await response.arrayBuffer());
    this.lastEvent = Number(response.headers.get(EVENT_HEADER)) || 0;
    this.revision = response.headers.get(REVISION_HEADER);
    return labels;
  }

  _setScene(scene) {
    this.scene = scene;
    this.pointing.forget();
    this.renderer.setScene(scene);
    this.chrome.setSelected(0);
    this._resize();
    this.draw();
  }

  _startFeed() {
    if (this.props.changesUrl && this.scene) this.feed.start(this.props.changesUrl, this.lastEvent, this.revision);
    else this.feed.stop();
  }

  /** Changes that others (or other tabs) made. */
  async _theirs(payload) {
    if (!this.scene) return;
    this.lastEvent = payload.last ?? this.lastEvent;
    if (payload.labels) this._setLabels(payload.labels);
    const done = payload.reload ? await this._reloadLabels() : this.scene.recolour(payload.changes || []);
    if (!done || !this.scene) return;
    if (!payload.reload) this.renderer.repaint(done.slots);
    if (!payload.reload && !payload.labels && !done.slots.length) return;
    this._labelsMoved(payload.reload ? null : done.slots);
    this.emit("changes", {
      last: this.lastEvent, reload: Boolean(payload.reload), labels: payload.labels || null,
      changes: done.ordinals.map((o, i) => [o, this.scene.codes[done.slots[i]]]),
    });
  }

  async _reloadLabels() {
    const { scene, loading } = this;
    try {
      scene.setLabels(await this._fetchLabels(loading));
    } catch (error) {
      if (!loading.signal.aborted) this._offline(true, error.message);
      return null;
    }
    this.feed.since = this.lastEvent;
    this.renderer.invalidate();
    return { slots: [], ordinals: [] };
  }

  _offline(offline, why) {
    this.offline = offline;
    this.chrome.setOffline(offline ? why || "Offline: changes by others will follow" : "");
  }

  // ---- labels and colours ----

  _setLabels(labels) {
    this.labels = new Map(labels.map((l) => [l.code, l]));
    this.rgb = new Map(labels.map((l) => [l.code, parseColor(l.color)]).filter(([, rgb]) => rgb));
    this._colors();
  }

  _setHidden(codes) {
    this.renderer.palette.setHidden(codes);
    this.renderer.invalidate();
    this._labelsMoved();
  }

  _colors() {
    if (this.dead) return;
    const plain = this.props.colourBy === "none";
    const { ground, unlabelled, accent, overlay } = readColors(this);
    this.renderer.palette.set(plain ? new Map() : this.rgb, plain ? accent : unlabelled, ground);
    this.renderer.invalidate();
    this.overlay.colors = overlay;
    if (this.scene) this.pointing.showCard();
    this.draw();
  }

  /** {code, name, css} of the patch in a slot. */
  labelOf(slot) {
    const code = this.scene.codes[slot];
    const { rgb, other } = this.renderer.palette;
    const name = this.labels.get(code)?.name ?? (code === NO_LABEL ? "No label" : `Label ${code}`);
    return { code, name, css: `rgb(${(rgb.get(code) || other).join(",")})` };
  }

  /** After labels (of these slots, or any) or the filter changed: what is hidden leaves the selection; counts follow. */
  _labelsMoved(slots = null) {
    if (!this.scene) return;
    if (this.scene.dropHidden(this.visible, slots)) this.selectionChanged();
    this.pointing.showCard();
    this._count();
    this.draw();
  }

  _count() {
    this.chrome.setCounts(this.scene.shown(this.visible), this.scene.n);
  }

  /**
   * Show patches under another label before the server has answered. Returns a function that takes it back, save where
   * somebody else's change has arrived meanwhile.
   */
  recolour(ordinals, code) {
    const { scene } = this;
    if (!scene) return () => {};
    const done = scene.recolour(Array.from(ordinals, (o) => [o, code]));
    this.renderer.repaint(done.slots);
    this._labelsMoved(done.slots);
    let open = true;
    return () => {
      if (!open || this.scene !== scene) return;
      open = false;
      const still = done.ordinals.map((o, i) => [o, done.before[i], done.slots[i]]).filter((c) => scene.codes[c[2]] === code);
      const { slots } = scene.recolour(still);
      this.renderer.repaint(slots);
      this._labelsMoved(slots);
    };
  }

  // ---- selection ----

  /** Select these patches and no others (those not shown on this map are passed over). Returns how many are selected. */
  select(ordinals) {
    if (!this.scene) return 0;
    const slots = Array.from(ordinals, (o) => this.scene.slotOf(o)).filter((s) => s >= 0 && this.visible[this.scene.codes[s]]);
    this.pointing.lassoed = [];
    if (this.scene.select(slots, "replace")) this.selectionChanged();
    return this.scene.selected;
  }

  _selectFromProps() {
    if (this.scene && Array.isArray(this.props.selection)) this.select(this.props.selection);
  }

  selectionChanged() {
    const { selected } = this.scene;
    if (!selected) this.pointing.lassoed = [];
    this.renderer.invalidate();
    this.chrome.setSelected(selected);
    this.draw();
    const ordinals = this.scene.selection();
    this.send({ selectedData: { count: selected, ordinals: Array.from(ordinals.subarray(0, MAX_SENT)), n: this.nextN() } });
    this.emit("select", { count: selected, ordinals });
  }

  // ---- view ----

  _resize() {
    const dpr = Math.min(window.devicePixelRatio || 1, MAX_PIXEL_RATIO);
    const [w, h] = [this.root.clientWidth, this.root.clientHeight];
    if (!w || !h || this.dead) return; // hidden: keep what there is
    // A canvas of whole device pixels, shown at just that size, is never resampled.
    const width = Math.round(w * dpr) / dpr, height = Math.round(h * dpr) / dpr;
    Object.assign(this.base.style, { width: `${width}px`, height: `${height}px` });
    this.renderer.resize(width, height, dpr);
    this.overlay.resize(width, height, dpr);
    this.camera.resize(width, height, dpr, this.scene?.grid.bounds, this.scene?.n ?? 0);
    this.card.root.classList.toggle("is-small", w < 560);
    this._paint(performance.now()); // at once: a resized canvas is blank until it is drawn
  }

  _moved() {
    this.pointing.moved = true; // the map moved beneath a resting pointer
    this.draw();
  }

  _settled(view) {
    this.sentView = JSON.stringify(view);
    this.send({ view });
    this.emit("view", view);
  }

  /** Go to a patch and mark it. Returns whether it is on this map. */
  flyTo(ordinal) {
    const slot = this.scene ? this.scene.slotOf(ordinal) : -1;
    if (slot < 0 || !this.scene.isPlaced(slot)) return false;
    const { grid } = this.scene;
    this.pointing.setCurrent(slot);
    const near = Math.min(Math.max(Math.sqrt(grid.placed / 300), 2), 60); // some hundreds of patches on the screen
    this.camera.fly({ x: grid.gx[slot], y: grid.gy[slot], k: Math.max(this.camera.view?.k ?? 1, near) });
    return true;
  }

  _focusFromProps() {
    const { focus } = this.props;
    if (!this.scene || !focus || focus.n === this.focused) return;
    this.focused = focus.n;
    if (!this.flyTo(focus.ordinal)) this.chrome.say(`Patch ${focus.ordinal} is not on this map.`);
  }

  // ---- drawing ----

  /** Wish for a frame. */
  draw() {
    if (!this.raf && !this.dead) this.raf = requestAnimationFrame(this.tick);
  }

  _frame(now) {
    this.raf = 0;
    const flying = this.camera.advance();
    this.pointing.look();
    if (this._paint(now) || flying) this.draw();
  }

  _paint(now) {
    if (!this.camera.frame || (this.scene && !this.camera.view)) return false; // no size yet
    const more = this.renderer.frame(this.camera.view, this.camera.frame, now);
    const { hovered, current, lasso } = this.pointing;
    this.overlay.draw({ hover: this.mark(hovered), current: this.mark(current), lasso });
    return more;
  }

  /** Where and how a slot's point is drawn: {px, py, radius, css}; null where it is not. */
  mark(slot) {
    if (!this.camera.view || !this.scene || !this.scene.isPlaced(slot) || !this.visible[this.scene.codes[slot]]) return null;
    const [px, py] = this.camera.toScreen(this.scene.grid.gx[slot], this.scene.grid.gy[slot]);
    return { px, py, radius: this.camera.radius, css: this.labelOf(slot).css };
  }

  // ---- outside ----

  setTool(tool) {
    if (!["pan", "lasso", "box"].includes(tool)) return;
    this.tool = this.root.dataset.tool = tool;
    this.chrome.setTool(tool);
  }

  setMode(mode) {
    this.mode = this.root.dataset.mode = mode === "clean" ? "clean" : "visualise";
  }

  _inputs() {
    const { camera, pointing } = this;
    const ready = (fn) => (...args) => void (this.scene?.grid.placed && fn(...args));
    return {
      tool: () => this.tool,
      hover: ready((px, py) => pointing.hover(px, py)),
      pan: (dx, dy) => camera.pan(dx, dy),
      zoom: (px, py, factor) => camera.zoom(px, py, factor),
      zoomKey: (factor) => camera.zoomCentre(factor),
      fit: () => camera.fit(),
      lassoStart: ready((px, py, how) => pointing.lassoStart(px, py, how)),
      lassoMove: ready((px, py) => pointing.lassoMove(px, py)),
      lassoEnd: ready(() => pointing.lassoEnd()),
      lassoCancel: () => pointing.lassoCancel(),
      click: ready((px, py, event) => pointing.click(pointing.under(px, py), event)),
      context: ready((px, py) => pointing.context(px, py)),
      enter: ready(() => pointing.enter()),
      clear: ready(() => (this.scene.selected ? this.select([]) : pointing.setCurrent(-1))),
    };
  }
}

/** For the loader: a map in an element. */
export const mount = (root, send) => new EmbeddingMapView(root, send);
