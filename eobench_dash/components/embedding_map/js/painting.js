// The map's picture: who draws it (GPU or software), how large it is, and its frames.

import { knowsGpu, wantsGpu } from "./context.js";
import { GpuRenderer } from "./gpu.js";
import { cancelIdle, whenIdle } from "./images.js";
import { endFades, Travel } from "./motion.js";
import { SoftwareRenderer } from "./renderer.js";

const MAX_PIXEL_RATIO = 3;
const SMALL_PX = 560;
const REST_MS = 400; // after the first picture

export class Painting {
  /** map: the EmbeddingMapView it belongs to; canvas: its own. */
  constructor(map, canvas) {
    Object.assign(this, { map, canvas, renderer: new SoftwareRenderer(canvas), wished: null, travel: null });
    this.tick = (now) => this._frame(now);
  }

  destroy() {
    cancelAnimationFrame(this.raf);
    clearTimeout(this.later);
    cancelIdle(this.idle);
    endFades(this.map.root);
    this.renderer.destroy();
    this.travel = null;
  }

  // ---- who draws ----

  /** wished: "auto" | "gpu" | "software". */
  choose(wished) {
    this.wished = wished;
    if (wished !== "auto" || knowsGpu()) this._choose();
  }

  _choose() {
    if (!this.map.dead) this._use(wantsGpu(this.wished) ? GpuRenderer : SoftwareRenderer);
  }

  /** A first picture is there: only now is time taken to look whether there is a GPU. Both draw the same. */
  arrived() {
    if (this.wished !== "auto" || knowsGpu()) return;
    const rest = () => { this.later = setTimeout(() => { this.idle = whenIdle(() => this._choose()); }, REST_MS); };
    clearTimeout(this.later);
    requestAnimationFrame(() => requestAnimationFrame(rest)); // it is on the screen
  }

  _use(Kind) {
    if (this.renderer instanceof Kind) return;
    const old = this.renderer;
    try {
      this.renderer = new Kind(this.canvas, { lost: () => this.map.dead || this._use(SoftwareRenderer) });
    } catch (error) {
      console.info(`The map is drawn without the GPU: ${error.message}`);
      return;
    }
    this.renderer.painted = old.painted;
    old.destroy({ keep: true });
    this.renderer.setScene(this.map.scene);
    this.map.colouring.colors();
    this.resize();
  }

  // ---- its size ----

  resize() {
    const { map, renderer } = this, { root, camera } = map;
    const dpr = Math.min(window.devicePixelRatio || 1, MAX_PIXEL_RATIO);
    const [w, h] = [root.clientWidth, root.clientHeight];
    if (!w || !h || map.dead) return; // hidden: keep what there is
    // A canvas of whole device pixels, shown at just that size, is never resampled.
    const width = Math.round(w * dpr) / dpr, height = Math.round(h * dpr) / dpr;
    const { frame } = camera;
    if (frame && (frame.w !== width || frame.h !== height || camera.dpr !== dpr)) this.stay();
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    renderer.resize(width, height, dpr);
    map.overlay.resize(width, height, dpr);
    camera.resize(width, height, dpr, map.scene?.grid.bounds, map.scene?.n ?? 0);
    if (map.small !== w < SMALL_PX) map.legend.show();
    map.small = w < SMALL_PX;
    root.classList.toggle("is-small", map.small);
    root.classList.toggle("is-low", h < 440);
    map.card.root.classList.toggle("is-small", map.small);
    this.paint(performance.now()); // at once: a resized canvas is blank until it is drawn
  }

  // ---- its frames ----

  /** Points that travel have arrived, what fades is gone: the exact picture from now on. */
  stay() {
    this.travel = null;
    endFades(this.map.root);
  }

  /** From another embedding (see EmbeddingMapView.leave) to where the points are now. */
  travelFrom(from) {
    this.travel = Travel.between(from, this.map);
  }

  /** Wish for a frame. */
  draw() {
    if (!this.raf && !this.map.dead) this.raf = requestAnimationFrame(this.tick);
  }

  _frame(now) {
    this.raf = 0;
    const flying = this.map.camera.advance();
    this.map.pointing.look();
    if (this.paint(now) || flying) this.draw();
  }

  /** Paint now; whether another frame is wanted. */
  paint(now) {
    const { map, renderer } = this, { camera, scene, pointing } = map;
    if (!camera.frame || (scene && !camera.view)) return false; // no size yet
    if (this.travel) return this._paintTravel(now);
    let more = renderer.frame(camera.view, camera.frame, now);
    if (scene && map.thumbs?.frame(camera.view, camera.frame, scene)) more = true;
    const { hovered, linked, current, lasso } = pointing;
    map.overlay.draw({ hover: map.mark(hovered), linked: map.mark(linked), current: map.mark(current), lasso });
    return more;
  }

  _paintTravel(now) {
    this.map.overlay.draw({ hover: null, linked: null, current: null, lasso: null });
    if (!this.travel.frame(now, this.renderer)) this.travel = null; // the next frame draws the exact picture
    return true;
  }

  /** Promise of the picture as it is shown (points and thumbnails), as a PNG Blob. */
  png() {
    this.paint(performance.now());
    return new Promise((done, fail) => this.canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("The picture could not be made."))), "image/png"));
  }
}
