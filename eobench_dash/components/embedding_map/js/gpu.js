// The GPU renderer: the software raster's picture, drawn by WebGL 2. One context serves all maps of the page, for as long as
// the page lives: each map draws at the context's lower left and copies the picture into its own canvas at once.
// What makes a point's look is said in raster.js and here in the same terms; a test compares the pictures.

import { CODES, Palette, RIM_MIX, SHADES } from "./palette.js";
import { DIMMED, LEAST_COVER, PHASES, reachOf, rimOf } from "./raster.js";
import { styleOf, transformOf } from "./view.js";

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render|mesa offscreen/i;
const SIDE = 256; // of the texture that holds a colour for each of the 65,536 codes
const FEW_SLOTS = 400; // up to so many recoloured points are sent one by one
const OPTIONS = { alpha: false, antialias: false, depth: false, stencil: false, premultipliedAlpha: false, powerPreference: "high-performance" };

const float = (value) => (Number.isInteger(value) ? `${value}.0` : String(value));

const VERTEX = `#version 300 es
precision highp float; precision highp int;
layout(location = 0) in float x; layout(location = 1) in float y;
layout(location = 2) in uint paint; layout(location = 3) in uint flags;
uniform vec2 centre, rest, size; // of the view in map units, as the sum of two; of the picture in pixels
uniform float scale, reach, margin;
uniform int want, top;
uniform sampler2D colors;
flat out vec2 phase; flat out vec3 rgb;
void main() {
  vec4 color = texelFetch(colors, ivec2(int(paint) & ${SIDE - 1}, int(paint) / ${SIDE}), 0);
  rgb = color.rgb;
  vec2 p = ((vec2(x, y) - centre) - rest) * scale;
  vec2 px = vec2(size.x * 0.5 + p.x, size.y * 0.5 - p.y);
  vec2 pixel = floor(px);
  phase = (floor((px - pixel) * ${float(PHASES)}) + 0.5) / ${float(PHASES)};
  vec2 at = (pixel + 0.5 + margin) / (size + 2.0 * margin) * 2.0 - 1.0; // discs reach in from beyond the edge
  bool out_ = flags > 1u || (want >= 0 && int(flags) != want) || (top == 0 && color.a > 0.5);
  gl_Position = out_ ? vec4(2.0, 2.0, 2.0, 1.0) : vec4(at.x, -at.y, 0.0, 1.0);
  gl_PointSize = 2.0 * reach + 1.0;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
uniform float radius, opacity, rim, reach;
uniform vec3 ground;
flat in vec2 phase; flat in vec3 rgb;
out vec4 color;
void main() {
  vec2 from = floor(gl_PointCoord * (2.0 * reach + 1.0)) - reach;
  float d = length(from + 0.5 - phase);
  float cover = clamp(radius + 0.5 - d, 0.0, 1.0);
  if (cover < ${float(LEAST_COVER)}) discard;
  float edge = rim > 0.0 ? clamp(d - (radius - rim) + 0.5, 0.0, 1.0) : 0.0;
  float shade = floor(edge * ${float(SHADES - 1)} + 0.5) / ${float(SHADES - 1)};
  color = vec4(mix(rgb, ground, shade * ${float(RIM_MIX)}), floor(cover * opacity * 256.0 + 0.5) / 256.0);
}`;

let shared = null; // {canvas, gl, program, at (uniforms), users}
let refused = false; // it was lost: not asked for again
let emulated = false; // known to be no real GPU: taken only where somebody insists

/** How many GL contexts the page's maps hold. */
export const glContexts = () => (shared ? 1 : 0);

/** Should maps be drawn by the GPU? wished: "auto" (where there is a real one) | "gpu" (where there is any) | "software". */
export function wantsGpu(wished) {
  const insist = wished === "gpu";
  if (wished === "software" || refused || (emulated && !insist)) return false;
  shared ??= open(!insist);
  emulated = !shared || shared.software;
  if (shared && emulated && !insist && !shared.users.size) close(); // slower than the raster
  return shared !== null && (insist || !emulated);
}

/** Let the context go, as the browser itself may at any time; the maps go on in software. */
export function loseContext() {
  shared?.gl.getExtension("WEBGL_lose_context")?.loseContext();
}

function open(strict) {
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", { ...OPTIONS, failIfMajorPerformanceCaveat: strict });
  if (!gl) return null;
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  canvas.addEventListener("webglcontextlost", () => {
    if (shared?.canvas !== canvas) return; // we let it go ourselves
    const users = [...shared.users];
    shared = null;
    refused = true;
    for (const user of users) user.lost();
  });
  return { canvas, gl, software: SOFTWARE.test(name), users: new Set(), ready: false };
}

function close() {
  const { gl } = shared;
  shared = null; // first: the loss is no news
  gl.getExtension("WEBGL_lose_context")?.loseContext();
}

/** Compile once; throws where the driver cannot. */
function prepare() {
  if (shared.ready) return;
  const { gl } = shared;
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error("its shaders were refused");
  shared.at = {};
  for (let i = 0; i < gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS); i++) {
    const { name } = gl.getActiveUniform(program, i);
    shared.at[name] = gl.getUniformLocation(program, name);
  }
  Object.assign(shared, { program, ready: true });
}

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
    if (!shared) throw new Error("it is not there");
    prepare();
    Object.assign(this, { canvas, kind: "gpu", painted: 0, palette: new Palette(), scene: null, at: null, stale: true, travellers: null });
    this.context = canvas.getContext("2d", { alpha: false });
    this.stats = { full: 0, fullMs: 0, frames: 0, frameMs: 0, strips: 0, approximate: 0, slices: 0 };
    this.lost = () => on.lost();
    this.gl = shared.gl;
    this.points = new Points(this.gl);
    this.texture = this.gl.createTexture();
    shared.users.add(this);
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
    if (scene && shared) this.points.places(scene.grid);
    this.invalidate();
  }

  /** Colours, filter or selection changed: the next frame sends them anew. */
  invalidate() {
    this.stale = true;
  }

  /** Some points changed colour. */
  repaint(slots) {
    if (this.stale || slots.length > FEW_SLOTS || !shared) return this.invalidate();
    for (const slot of slots) this.points.one(slot, this.scene);
    this.points.order(this.scene.last);
    if (this.at) this._draw(this.points, this.scene, this.at.t, this.at.style);
  }

  frame(view, frame) {
    const began = performance.now();
    this.stats.frames++;
    if (!this.scene || !shared) return this._blank();
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
    if (!shared) return;
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
    const { gl } = this, { canvas, program, at } = shared;
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
    if (!shared?.users.delete(this)) return;
    this.points.free();
    this.travellers?.free();
    this.gl.deleteTexture(this.texture);
  }
}
