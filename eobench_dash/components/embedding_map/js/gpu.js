// The GPU renderer: the software raster's picture, drawn by WebGL 2. One context (context.js) serves all maps: each draws
// at the context's lower left and copies the picture into its own canvas at once.

import { context, prepare, SIDE } from "./context.js";
import { CODES, Palette, SHADES } from "./palette.js";
import { DIMMED, reachOf, rimOf } from "./raster.js";
import { styleOf, transformOf } from "./view.js";

const FEW_SLOTS = 400; // up to so many recoloured points are sent one by one

/** The points of a scene in the GPU's memory. */
class Points {
  constructor(gl) {
    this.gl = gl;
    this.array = gl.createVertexArray();
    this.buffers = { x: gl.createBuffer(), y: gl.createBuffer(), paint: gl.createBuffer(), flags: gl.createBuffer(), last: gl.createBuffer() };
    gl.bindVertexArray(this.array);
    const { x, y, paint, flags, last } = this.buffers;
    [x, y].forEach((buffer, i) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(i);
      gl.vertexAttribPointer(i, 1, gl.FLOAT, false, 0, 0);
    });
    [[paint, gl.UNSIGNED_SHORT], [flags, gl.UNSIGNED_BYTE]].forEach(([buffer, type], i) => {
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(2 + i);
      gl.vertexAttribIPointer(2 + i, 1, type, 0, 0);
    });
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, last);
    gl.bindVertexArray(null);
  }

  places({ gx, gy }) {
    this._fill(this.buffers.x, gx);
    this._fill(this.buffers.y, gy);
  }

  looks({ paint, flags, last }) {
    this._fill(this.buffers.paint, paint);
    this._fill(this.buffers.flags, flags);
    this.order(last);
  }

  order(last) {
    const { gl } = this;
    gl.bindVertexArray(this.array); // the element buffer belongs to it
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, last, gl.DYNAMIC_DRAW);
    gl.bindVertexArray(null);
  }

  /** One point's colour and flags. */
  one(slot, { paint, flags }) {
    const { gl, buffers } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.paint);
    gl.bufferSubData(gl.ARRAY_BUFFER, 2 * slot, paint, slot, 1);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffers.flags);
    gl.bufferSubData(gl.ARRAY_BUFFER, slot, flags, slot, 1);
  }

  _fill(buffer, data) {
    this.gl.bindBuffer(this.gl.ARRAY_BUFFER, buffer);
    this.gl.bufferData(this.gl.ARRAY_BUFFER, data, this.gl.DYNAMIC_DRAW);
  }

  free() {
    for (const buffer of Object.values(this.buffers)) this.gl.deleteBuffer(buffer);
    this.gl.deleteVertexArray(this.array);
  }
}

export class GpuRenderer {
  /** canvas: the map's own; on.lost(): the context is gone, another renderer is needed. Throws where there is no GPU. */
  constructor(canvas, on) {
    const { gl, users } = prepare();
    Object.assign(this, { canvas, kind: "gpu", painted: 0, palette: new Palette(), scene: null, at: null, stale: true, travellers: null });
    this.context = canvas.getContext("2d", { alpha: false });
    this.stats = { full: 0, fullMs: 0, frames: 0, frameMs: 0, strips: 0, approximate: 0, slices: 0 };
    this.lost = () => on.lost();
    this.gl = gl;
    this.points = new Points(this.gl);
    this.texture = this.gl.createTexture();
    users.add(this);
  }

  resize(width, height, dpr) {
    const w = Math.max(Math.round(width * dpr), 1), h = Math.max(Math.round(height * dpr), 1);
    this.dpr = dpr;
    if (this.canvas.width === w && this.canvas.height === h) return;
    this.canvas.width = w;
    this.canvas.height = h;
    this.at = null;
  }

  setScene(scene) {
    this.scene = scene;
    if (scene && context()) this.points.places(scene.grid);
    this.invalidate();
  }

  /** Colours, filter or selection changed: the next frame sends them anew. */
  invalidate() {
    this.stale = true;
  }

  /** Some points changed colour. */
  repaint(slots) {
    if (this.stale || slots.length > FEW_SLOTS || !context()) return this.invalidate();
    for (const slot of slots) this.points.one(slot, this.scene);
    this.points.order(this.scene.last);
    if (this.at) this._draw(this.points, this.scene, this.at.t, this.at.style);
  }

  frame(view, frame) {
    const began = performance.now();
    this.stats.frames++;
    if (!this.scene || !context()) return this._blank();
    const t = transformOf(view, frame, this.dpr), { at } = this;
    if (!this.stale && at && at.t.s === t.s && at.t.tx === t.tx && at.t.ty === t.ty) return false;
    this._send();
    this.at = { t, style: styleOf(frame, this.scene.grid.n, view.k, this.dpr) };
    this._draw(this.points, this.scene, t, this.at.style);
    this.stats.full++;
    this.stats.frameMs = this.stats.fullMs = performance.now() - began;
    return false;
  }

  /** Draw a scene at a transform once, and keep nothing of it. */
  still(scene, t, style) {
    if (!context()) return;
    this._send();
    this.travellers ??= new Points(this.gl);
    this.travellers.places(scene.grid);
    this.travellers.looks(scene);
    this._draw(this.travellers, scene, t, style);
    this.invalidate();
  }

  _blank() {
    this.painted++;
    this.context.fillStyle = `rgb(${this.palette.ground.join(",")})`;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    return false;
  }

  /** What changed since the last picture: colours, what lies above, filter, selection. */
  _send() {
    if (!this.stale) return;
    const { gl, scene, palette } = this;
    this.points.looks(scene);
    const texels = new Uint32Array(CODES);
    for (let code = 0; code < CODES; code++) texels[code] = (palette.shades[code * SHADES] & 0xffffff) | (scene.above[code] ? 0xff000000 : 0);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, SIDE, SIDE, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(texels.buffer));
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
    this.stale = false;
  }

  _draw(points, scene, t, style) {
    const { gl } = this, { canvas, program, at } = context();
    const { width: w, height: h } = this.canvas;
    if (canvas.width < w) canvas.width = w;
    if (canvas.height < h) canvas.height = h;
    const margin = reachOf(Math.max(style.radius, style.topRadius)) + 1;
    const ground = this.palette.ground.map((v) => v / 255);
    gl.viewport(-margin, -margin, w + 2 * margin, h + 2 * margin);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(0, 0, w, h);
    gl.clearColor(...ground, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendFuncSeparate(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA, gl.ZERO, gl.ONE);
    gl.useProgram(program);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.bindVertexArray(points.array);
    // The middle of the view as the sum of two floats: far into a map one is not fine enough.
    const middle = [(w / 2 - t.tx) / t.s, (t.ty - h / 2) / t.s], near = middle.map(Math.fround);
    gl.uniform2f(at.centre, ...near);
    gl.uniform2f(at.rest, ...middle.map((v, i) => v - near[i]));
    gl.uniform2f(at.size, w, h);
    gl.uniform1f(at.scale, t.s);
    gl.uniform1f(at.margin, margin);
    gl.uniform3f(at.ground, ...ground);
    const seen = this._rows(scene.grid, t, h, margin);
    for (const want of scene.selected ? [0, 1] : [-1]) {
      gl.uniform1i(at.want, want);
      const dim = want === 0 ? DIMMED : 1;
      this._style(at, style.radius, style.alpha * dim, 0);
      if (seen) gl.drawArrays(gl.POINTS, seen.first, seen.count);
      this._style(at, style.topRadius, style.topAlpha * dim, 1);
      if (scene.last.length) gl.drawElements(gl.POINTS, scene.last.length, gl.UNSIGNED_INT, 0);
    }
    gl.bindVertexArray(null);
    this.context.drawImage(canvas, 0, canvas.height - h, w, h, 0, 0, w, h);
    this.painted++;
  }

  _style(at, radius, opacity, top) {
    const { gl } = this;
    gl.uniform1f(at.radius, radius);
    gl.uniform1f(at.opacity, opacity);
    gl.uniform1f(at.rim, rimOf(radius));
    gl.uniform1f(at.reach, reachOf(radius));
    gl.uniform1i(at.top, top);
  }

  /** The slots of the rows of cells in sight: they lie side by side. */
  _rows(grid, t, h, margin) {
    const box = grid.cellsIn(-Infinity, (t.ty - h - margin) / t.s, Infinity, (t.ty + margin) / t.s);
    if (!box) return null;
    const first = grid.start[box.r0 * grid.side], end = grid.start[(box.r1 + 1) * grid.side];
    return end > first ? { first, count: end - first } : null;
  }

  /** keep: the canvas, for another renderer. */
  destroy({ keep = false } = {}) {
    this.scene = null;
    if (!keep) this.canvas.width = this.canvas.height = 0;
    if (!context()?.users.delete(this)) return;
    this.points.free();
    this.travellers?.free();
    this.gl.deleteTexture(this.texture);
  }
}
