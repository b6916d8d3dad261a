// A bar of colours with a histogram above it and a handle at each end.

import { count, el } from "./dom.js";
import { STEPS } from "./ramps.js";

const BINS = 64;
const HEIGHT = 30;
const KEYS = { ArrowLeft: -0.01, ArrowDown: -0.01, ArrowRight: 0.01, ArrowUp: 0.01, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 };

export class RangeBar {
  /** column: {low, high, min, max}; on: {text(value), range([lo, hi] | null)}. */
  constructor(column, on) {
    Object.assign(this, { column, on, at: [0, 1], dead: false });
    this.histogram = canvas("eob-map__histogram", BINS, HEIGHT);
    this.colors = canvas("eob-map__ramp", STEPS, 1);
    this.handles = [this._handle(0, "Least value shown"), this._handle(1, "Greatest value shown")];
    this.track = el("div", "eob-map__track", [this.colors, ...this.handles]);
    this.ends = [el("span", ""), el("span", "")];
    this.none = el("p", "eob-map__legend-note");
    this.root = el("div", "eob-map__range", [this.histogram, this.track, el("div", "eob-map__ends", this.ends), this.none]);
  }

  destroy() {
    this.dead = true;
    cancelAnimationFrame(this.raf);
    this.histogram.width = this.colors.width = 0;
  }

  /** paint: codes per slot; range: [lo, hi] or null. */
  draw(palette, paint, range) {
    this._paintColors(palette);
    this._paintHistogram(palette, paint);
    if (!this.dragging) this.at = range ? [this._place(range[0]), this._place(range[1])] : [0, 1];
    this._show();
  }

  _paintColors(palette) {
    const context = this.colors.getContext("2d");
    for (let i = 0; i < STEPS; i++) {
      context.fillStyle = `rgb(${palette.rgbOf(i).join(",")})`;
      context.fillRect(i, 0, 1, 1);
    }
  }

  _paintHistogram(palette, paint) {
    const bins = new Uint32Array(BINS);
    let none = 0;
    for (let s = 0; s < paint.length; s++) {
      if (paint[s] < STEPS) bins[(paint[s] * BINS) / STEPS | 0]++;
      else none++;
    }
    const most = Math.sqrt(Math.max(...bins)) || 1; // square roots: the small end of a long tail is seen too
    const context = this.histogram.getContext("2d");
    context.clearRect(0, 0, BINS, HEIGHT);
    bins.forEach((number, i) => {
      context.fillStyle = `rgb(${palette.rgbOf(Math.round(((i + 0.5) * STEPS) / BINS)).join(",")})`;
      const h = number ? Math.max((HEIGHT * Math.sqrt(number)) / most, 1) : 0;
      context.fillRect(i, HEIGHT - h, 1, h);
    });
    this.none.textContent = none ? `${count(none)} without a value` : "";
    this.none.hidden = !none;
  }

  // Places are 0 … 1 between the column's low and high; at the very ends what lies beyond belongs in.
  _place(value) {
    const { low, high } = this.column;
    return high > low ? Math.min(Math.max((value - low) / (high - low), 0), 1) : 0;
  }

  _value(end) {
    const { low, high, min, max } = this.column;
    if (end === 0 && this.at[0] <= 0) return min;
    if (end === 1 && this.at[1] >= 1) return max;
    return low + (high - low) * this.at[end];
  }

  _show() {
    this.handles.forEach((handle, end) => {
      const text = this.on.text(this._value(end));
      handle.style.left = `${100 * this.at[end]}%`;
      handle.setAttribute("aria-valuenow", String(Math.round(100 * this.at[end])));
      handle.setAttribute("aria-valuetext", text);
      this.ends[end].textContent = text;
    });
    this.track.style.setProperty("--from", `${100 * this.at[0]}%`);
    this.track.style.setProperty("--to", `${100 * this.at[1]}%`);
  }

  _handle(end, name) {
    const handle = el("button", "eob-map__handle");
    handle.type = "button";
    for (const [key, value] of Object.entries({ role: "slider", "aria-label": name, "aria-valuemin": 0, "aria-valuemax": 100 })) handle.setAttribute(key, value);
    const to = (event) => {
      const box = this.track.getBoundingClientRect();
      this._move(end, (event.clientX - box.left) / Math.max(box.width, 1));
    };
    handle.addEventListener("pointerdown", (event) => {
      this.dragging = true;
      handle.setPointerCapture(event.pointerId);
    });
    handle.addEventListener("pointermove", (event) => this.dragging && handle.hasPointerCapture(event.pointerId) && to(event));
    for (const type of ["pointerup", "pointercancel"]) handle.addEventListener(type, () => { this.dragging = false; });
    handle.addEventListener("keydown", (event) => {
      if (!(event.key in KEYS)) return;
      event.preventDefault();
      event.stopPropagation();
      this._move(end, this.at[end] + KEYS[event.key] * (event.shiftKey ? 10 : 1));
    });
    return handle;
  }

  _move(end, place) {
    this.at[end] = end ? Math.max(Math.min(place, 1), this.at[0]) : Math.min(Math.max(place, 0), this.at[1]);
    this._show();
    // Once a frame: a million patches are looked through for each.
    this.raf ??= requestAnimationFrame(() => {
      this.raf = null;
      const whole = this.at[0] <= 0 && this.at[1] >= 1;
      if (!this.dead) this.on.range(whole ? null : [this._value(0), this._value(1)]);
    });
  }
}

function canvas(className, width, height) {
  const node = el("canvas", className);
  node.width = width;
  node.height = height;
  node.setAttribute("aria-hidden", "true");
  return node;
}
