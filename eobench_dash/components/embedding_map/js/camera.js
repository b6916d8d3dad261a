// Where the map looks, over time: moves, flights, the window's size. The arithmetic is in view.js.

import { between, clampView, fitView, makeFrame, panBy, pointRadius, scaleOf, toMap, toScreen, zoomAt } from "./view.js";

const FLIGHT_MS = 380;
const STEP_MS = 160;
const SETTLED_MS = 250;
const UNIT = { x0: 0, x1: 1, y0: 0, y1: 1 };
const isView = (view) => Boolean(view) && [view.x, view.y, view.k].every(Number.isFinite) && view.k > 0;

export class Camera {
  /** on: {moved(), settled({x, y, k})} */
  constructor(on) {
    this.on = on;
    this.view = this.frame = this.flight = this.wanted = null;
    this.n = 0;
    this.rest = [0, 0];
  }

  /** The window's size in CSS pixels and what there is to see: bounds of n points, or null for nothing yet. */
  resize(w, h, dpr, bounds, n) {
    this.dpr = dpr;
    this.n = n;
    this.rest = [0, 0];
    // A map that is loaded anew keeps its view, and so its bounds.
    this.frame = makeFrame(w, h, bounds || (this.view && this.frame.bounds) || UNIT);
    if (bounds && !this.view) this.view = this.wanted ? clampView(this.wanted, this.frame) : fitView(this.frame);
  }

  /** Another map comes: forget where we looked; begin at `wanted` or with all of it. */
  reset(wanted) {
    clearTimeout(this.timer);
    this.timer = null;
    this.view = this.flight = null;
    this.wanted = isView(wanted) ? wanted : null;
  }

  set(view) {
    this.view = clampView(view, this.frame);
    this.on.moved();
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this._settle(), SETTLED_MS);
  }

  _settle() {
    this.timer = null;
    this.on.settled({ ...this.view });
  }

  /** What a hand has just moved rests here: told at once, before something else moves it. */
  rests() {
    if (!this.timer || this.flight) return;
    clearTimeout(this.timer);
    this._settle();
  }

  /** Look there without telling: the page asked for it. */
  goTo(view) {
    if (!isView(view)) return;
    this.wanted = view;
    this.flight = null;
    if (!this.view) return;
    this.view = clampView(view, this.frame);
    this.on.moved();
  }

  // Whole device pixels, the rest carried over: then the kept picture can be shifted and stays exact.
  pan(dx, dy) {
    if (!this.view) return;
    this.flight = null;
    const x = dx * this.dpr + this.rest[0], y = dy * this.dpr + this.rest[1];
    this.rest = [x - Math.round(x), y - Math.round(y)];
    this.set(panBy(this.view, this.frame, Math.round(x) / this.dpr, Math.round(y) / this.dpr));
  }

  zoom(px, py, factor) {
    if (!this.view) return;
    this.flight = null;
    this.set(zoomAt(this.view, this.frame, px, py, factor));
  }

  zoomCentre(factor) {
    if (!this.view) return;
    const from = this.flight ? this.flight.to : this.view;
    this.fly(zoomAt(from, this.frame, this.frame.w / 2, this.frame.h / 2, factor), STEP_MS);
  }

  fit() {
    if (this.view) this.fly(fitView(this.frame));
  }

  fly(to, ms = FLIGHT_MS) {
    if (!this.view) return void (this.wanted = to);
    if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return this.set(to);
    this.flight = { from: this.view, to: clampView(to, this.frame), began: performance.now(), ms };
    this.on.moved();
  }

  /** Go on with a flight; returns whether one is under way. */
  advance() {
    if (!this.flight) return false;
    const { from, to, began, ms } = this.flight;
    const t = Math.min((performance.now() - began) / ms, 1);
    if (t >= 1) this.flight = null;
    this.set(t >= 1 ? to : between(from, to, 1 - (1 - t) ** 3));
    return this.flight !== null;
  }

  toScreen(x, y) {
    return toScreen(this.view, this.frame, x, y);
  }

  toMap(px, py) {
    return toMap(this.view, this.frame, px, py);
  }

  /** CSS pixels -> map units. */
  units(pixels) {
    return pixels / scaleOf(this.view, this.frame);
  }

  get radius() {
    return pointRadius(this.frame, this.n, this.view.k);
  }

  destroy() {
    clearTimeout(this.timer);
    this.flight = null;
  }
}
