// What lies above the points and changes often: rings around the hovered and the current patch, the lasso being drawn.
// Rings are small elements, and the lasso's canvas is there only while one is drawn: another layer of the map's size
// over the picture doubles the time of every frame where the browser composes without a GPU.

import { el } from "./dom.js";

const CURRENT_GAP = 5;

export class Overlay {
  constructor(parent) {
    this.hover = el("div", "eob-map__ring eob-map__ring--hover");
    this.linked = el("div", "eob-map__ring eob-map__ring--linked");
    this.current = el("div", "eob-map__ring eob-map__ring--current");
    this.canvas = el("canvas", "eob-map__lasso");
    this.hover.hidden = this.linked.hidden = this.current.hidden = this.canvas.hidden = true;
    parent.append(this.canvas, this.current, this.linked, this.hover);
    this.colors = { accent: "#3b7dd8", danger: "#c33" };
  }

  resize(width, height, dpr) {
    Object.assign(this, { width, height, dpr });
  }

  /** hover, linked, current: {px, py, radius, css} or null; lasso: {shape, combine, points} in CSS pixels, or null. */
  draw({ hover, linked, current, lasso }) {
    place(this.hover, hover, hover && Math.max(hover.radius + 1.5, 4));
    place(this.linked, linked, linked && Math.max(linked.radius + 3, 6));
    if (hover) this.hover.style.background = hover.half ? "none" : hover.css;
    place(this.current, current, current && current.radius + CURRENT_GAP);
    const drawing = Boolean(lasso && lasso.points.length > 1);
    this.canvas.hidden = !drawing;
    if (drawing) this._lasso(lasso);
  }

  _lasso({ shape, combine, points }) {
    const { canvas, width, height, dpr } = this;
    canvas.width = Math.round(width * dpr); // setting the size clears it
    canvas.height = Math.round(height * dpr);
    Object.assign(canvas.style, { width: `${width}px`, height: `${height}px` });
    const c = canvas.getContext("2d");
    c.scale(dpr, dpr);
    c.fillStyle = c.strokeStyle = combine === "subtract" || combine === "intersect" ? this.colors.danger : this.colors.accent;
    c.beginPath();
    for (const [x, y] of outline(shape, points)) c.lineTo(x, y);
    c.closePath();
    c.globalAlpha = 0.14;
    c.fill();
    c.globalAlpha = 1;
    c.lineWidth = 1.5;
    if (combine !== "replace") c.setLineDash([5, 4]);
    c.stroke();
  }
}

function place(ring, mark, radius) {
  ring.hidden = !mark;
  if (!mark) return;
  ring.classList.toggle("is-tile", mark.half > 0); // around a thumbnail
  if (mark.half) radius += mark.half - mark.radius;
  const size = `${2 * radius}px`;
  Object.assign(ring.style, { width: size, height: size, transform: `translate(${mark.px - radius}px, ${mark.py - radius}px)` });
}

/** The corners of what is being drawn: a freehand line as it is, a box from its first and last position. */
export function outline(shape, points) {
  if (shape !== "box") return points;
  const [[x0, y0], [x1, y1]] = [points[0], points[points.length - 1]];
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}
