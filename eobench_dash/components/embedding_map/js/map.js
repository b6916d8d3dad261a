// The map itself: ties picture, pointer, data and page together. What it knows of:
//   loading (bytes), scene (points), colouring, selecting (and filter), camera (view), painting (picture), pointing, overlay,
//   chrome and legend (what surrounds the picture), link (other maps).
// Thumbnails hook in as `this.thumbs`: {update(props), frame(view, frame, scene) -> wants another frame, pick(px, py) -> slot
// or -1, state(), destroy()}; called after the base picture, they draw with `map.renderer.context` (device pixels) and draw
// anew whenever `map.renderer.painted` has grown. A slot's colour is `map.colouring.cssOf(slot)`; it is shown where
// `scene.flags[slot] < 2`, selected where `scene.flags[slot] === 1`.

import { publicApi } from "./api.js";
import { Camera } from "./camera.js";
import { HoverCard } from "./card.js";
import { HELP, MapChrome } from "./chrome.js";
import { Colouring } from "./colouring.js";
import { el } from "./dom.js";
import { ViewHistory } from "./history.js";
import { PatchImages } from "./images.js";
import { attachInput } from "./input.js";
import { Legend } from "./legend.js";
import { Link } from "./link.js";
import { Loading } from "./loading.js";
import { Overlay } from "./overlay.js";
import { Painting } from "./painting.js";
import { Pointing } from "./pointing.js";
import { Selecting } from "./selecting.js";
import { watchLooks } from "./theme.js";
import { Thumbs } from "./thumbs.js";

export class EmbeddingMapView {
  /** root: an empty element; send(props): tells the server (Dash's setProps). */
  constructor(root, send) {
    Object.assign(this, { root, send, n: 0, props: {}, scene: null, thumbs: null, small: false, tool: "pan", combine: "replace" });
    this._build();
    this.painting = new Painting(this, this.base);
    this.images = new PatchImages();
    this.card = new HoverCard(root, this.images, this);
    this.camera = new Camera({ moved: () => this._moved(), settled: (view) => this._settled(view) });
    this.chrome = new MapChrome(root, {
      tool: (t) => this.setTool(t), combine: (how) => this.setCombine(how), zoom: (f) => this.camera.zoomCentre(f), fit: () => this.camera.fit(),
      step: (by) => this.step(by), legend: () => this.legend.toggle(), clear: () => this.selecting.select([]),
      only: () => this.selecting.only(null), retry: () => this.loading.load(),
    });
    this.colouring = new Colouring(this);
    this.selecting = new Selecting(this);
    this.loading = new Loading(this);
    this.legend = new Legend(this);
    this.link = new Link(this);
    this.thumbs = new Thumbs(this);
    this.history = new ViewHistory((state) => {
      this.chrome.setHistory(state);
      this.emit("history", state);
    });
    this.pointing = new Pointing(this);
    this.stops = [attachInput(this.top, this._inputs()), watchLooks(root, { size: () => this.resize(), colors: () => this.colouring.colors() })];
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
    for (const stop of this.stops) stop();
    this.link.destroy();
    this.pointing.forget();
    for (const part of [this.thumbs, this.legend, this.loading, this.colouring, this.camera, this.card, this.images, this.painting]) part?.destroy?.();
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
    this.card.update(props);
    if (props.theme) this.root.dataset.theme = props.theme;
    else if (old.theme) delete this.root.dataset.theme;
    if (changed("mode")) this.setMode(props.mode);
    if (!this.painting.wished || changed("renderer")) this.painting.choose(props.renderer || "auto");
    if (changed("link")) this.link.set(props.link || null);
    if (changed("labels")) this.colouring.setLabels(props.labels || []);
    if (changed("hidden")) this.selecting.setHidden(props.hidden || []);
    if (changed("theme")) this.colouring.colors();
    this.thumbs?.update(props);
    if (changed("view") && props.view && JSON.stringify(props.view) !== this.sentView) this.camera.goTo(props.view);
    if (changed("coordsUrl", "labelsUrl")) return this.loading.load();
    if (changed("colourBy", "columnsUrl")) this.colouring.change();
    if (changed("changesUrl")) this.loading.startFeed();
    if (changed("selection")) this._selectFromProps();
    if (props.focus && props.focus.n !== old.focus?.n) this._focusFromProps();
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

  labelOf(slot) {
    return this.colouring.labelOf(slot);
  }

  // ---- scene ----

  /** Before another embedding takes over: what is needed to travel from here to there; null where there is nothing. */
  leave() {
    const { scene, camera, pointing } = this;
    if (!scene || !camera.view) return null;
    return { scene, view: { ...camera.view }, frame: camera.frame, dpr: camera.dpr, current: this.ordinalAt(pointing.current), mine: pointing.mine };
  }

  setScene(scene) {
    this.scene = scene;
    this.painting.stay();
    this.pointing.forget();
    if (scene) {
      this.colouring.attach();
      this.selecting.attach();
      this.history.reset();
    }
    this.renderer.setScene(scene);
    this.chrome.setSelected(0);
    this.resize();
    if (scene) this.colouring.colors();
    else {
      this.thumbs.forget(null);
      this.legend.show();
    }
    this.draw();
  }

  /** The scene is there. from: see leave(). */
  arrived(from) {
    if (from?.scene.selected && !this.selecting.select(from.scene.selection())) this.selecting.selectionChanged(); // none is here
    if (from && from.current !== null) this.pointing.setCurrent(this.scene.slotOf(from.current), { told: true, mine: from.mine });
    this.link.catchUp();
    if (!from) this._selectFromProps();
    this.painting.travelFrom(from);
    this.count();
    this._focusFromProps();
    if (this.camera.view) this.history.push({ ...this.camera.view });
    this.emit("column", this.colouring.meta());
    this.emit("ready", { n: this.scene.n });
    this.draw();
    this.painting.arrived();
  }

  count() {
    this.chrome.setCounts(this.scene.shown, this.scene.n);
  }

  _selectFromProps() {
    if (this.scene && Array.isArray(this.props.selection)) this.selecting.select(this.props.selection);
  }

  _focusFromProps() {
    const { focus } = this.props;
    if (!this.scene || !focus || focus.n === this.focused) return;
    this.focused = focus.n;
    if (!this.flyTo(focus.ordinal)) this.chrome.say(`Patch ${focus.ordinal} is not on this map.`);
  }

  // ---- view ----

  _moved() {
    this.painting.stay();
    this.pointing.moved = true; // the map moved beneath a resting pointer
    this.draw();
  }

  _settled(view) {
    this.sentView = JSON.stringify(view);
    this.history.push(view);
    this.send({ view });
    this.emit("view", view);
  }

  /** Back (-1) or forward (1) among the views there were; whether there was one. */
  step(by) {
    this.camera.rests();
    const view = this.history.step(by);
    if (view) this.camera.fly(view);
    return Boolean(view);
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

  // ---- picture ----

  get renderer() {
    return this.painting.renderer;
  }

  resize() {
    this.painting.resize();
    this.pointing.resized();
  }

  /** Wish for a frame. */
  draw() {
    this.painting.draw();
  }

  /** Where and how a slot's point is drawn: {px, py, radius, css}; null where it is not. */
  mark(slot) {
    if (!this.camera.view || !this.scene || !this.scene.isShown(slot)) return null;
    const [px, py] = this.camera.toScreen(this.scene.grid.gx[slot], this.scene.grid.gy[slot]);
    return { px, py, radius: this.camera.radius, css: this.colouring.cssOf(slot), half: this.thumbs?.halfOf(slot) || 0 };
  }

  // ---- outside ----

  setTool(tool) {
    if (!["pan", "lasso", "box"].includes(tool)) return;
    this.tool = this.root.dataset.tool = tool;
    this.chrome.setTool(tool);
    if (tool === "pan") this.setCombine("replace");
  }

  /** What a lasso or box does to the selection where no key says otherwise. */
  setCombine(how) {
    if (!["replace", "add", "subtract", "intersect"].includes(how)) return;
    this.combine = how;
    this.chrome.setCombine(how);
  }

  setMode(mode) {
    this.mode = this.root.dataset.mode = mode === "clean" ? "clean" : "visualise";
  }

  _inputs() {
    const { camera, pointing } = this;
    const ready = (fn) => (...args) => void (this.scene?.grid.placed && !this.painting.travel && fn(...args));
    return {
      tool: () => this.tool,
      combine: () => this.combine,
      by: (how) => { this.root.dataset.input = how; },
      hover: (px, py, onPage) => pointing.hover(px, py, onPage),
      pan: (dx, dy) => camera.pan(dx, dy),
      zoom: (px, py, factor) => camera.zoom(px, py, factor),
      zoomKey: (factor) => camera.zoomCentre(factor),
      fit: () => camera.fit(),
      step: (by) => this.step(by),
      legend: () => this.legend.toggle(),
      lassoStart: ready((px, py, how) => pointing.lassoStart(px, py, how)),
      lassoMove: ready((px, py) => pointing.lassoMove(px, py)),
      lassoEnd: ready(() => pointing.lassoEnd()),
      lassoCancel: () => pointing.lassoCancel(),
      click: ready((px, py, event) => pointing.click(pointing.under(px, py), event)),
      context: ready((px, py) => pointing.context(px, py)),
      enter: ready(() => pointing.enter()),
      clear: ready(() => (this.scene.selected ? this.selecting.select([]) : pointing.setCurrent(-1))),
    };
  }
}

/** For the loader: a map in an element. */
export const mount = (root, send) => new EmbeddingMapView(root, send);
