// What lies above the points and changes often: rings around the hovered and the current patch, the lasso being drawn.

export class Overlay {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.colors = { accent: "#3b7dd8", ground: "#fff", danger: "#c33" };
  }

  resize(width, height, dpr) {
    this.dpr = dpr;
    this.canvas.width = Math.max(Math.round(width * dpr), 1);
    this.canvas.height = Math.max(Math.round(height * dpr), 1);
  }

  /** hover, current: {px, py, radius, css} or null; lasso: {shape, combine, points} in CSS pixels, or null. */
  draw({ hover, current, lasso }) {
    const c = this.context;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, this.canvas.width, this.canvas.height);
    c.setTransform(this.dpr, 0, 0, this.dpr, 0, 0);
    if (current) this._ring(current, 5, this.colors.accent);
    if (hover) this._disc(hover);
    if (lasso && lasso.points.length > 1) this._lasso(lasso);
  }

  _ring({ px, py, radius }, gap, color) {
    for (const [width, style] of [[4, this.colors.ground], [2, color]]) {
      this._circle(px, py, radius + gap);
      this.context.lineWidth = width;
      this.context.strokeStyle = style;
      this.context.stroke();
    }
  }

  _disc({ px, py, radius, css }) {
    const r = Math.max(radius + 1.5, 4);
    this._circle(px, py, r);
    this.context.fillStyle = css;
    this.context.fill();
    this._ring({ px, py, radius: r }, 1, this.colors.text);
  }

  _circle(px, py, r) {
    this.context.beginPath();
    this.context.arc(px, py, r, 0, 2 * Math.PI);
  }

  _lasso({ shape, combine, points }) {
    const c = this.context;
    const color = combine === "subtract" ? this.colors.danger : this.colors.accent;
    c.beginPath();
    for (const [x, y] of outline(shape, points)) c.lineTo(x, y);
    c.closePath();
    c.globalAlpha = 0.14;
    c.fillStyle = color;
    c.fill();
    c.globalAlpha = 1;
    c.lineWidth = 1.5;
    c.strokeStyle = color;
    c.setLineDash(combine === "replace" ? [] : [5, 4]);
    c.stroke();
    c.setLineDash([]);
  }
}

/** The corners of what is being drawn: a freehand line as it is, a box from its first and last position. */
export function outline(shape, points) {
  if (shape !== "box") return points;
  const [[x0, y0], [x1, y1]] = [points[0], points[points.length - 1]];
  return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
}
