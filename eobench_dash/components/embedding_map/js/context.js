// The one WebGL 2 context that all maps of the page share, for as long as the page lives, and its program.
// What makes a point's look is said in raster.js and here in the same terms; a test compares the pictures.

import { RIM_MIX, SHADES } from "./palette.js";
import { LEAST_COVER, PHASES } from "./raster.js";

export const SIDE = 256; // of the texture that holds a colour for each of the 65,536 codes
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render|mesa offscreen/i;
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

/** What the maps share, while it is there. */
export const context = () => shared;

/** How many GL contexts the page's maps hold. */
export const glContexts = () => (shared ? 1 : 0);

/** Whether "auto" can be answered at once: to ask a browser for its GPU the first time takes a while. */
export const knowsGpu = () => Boolean(shared) || refused || emulated;

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

/** The context with its program compiled; throws where there is none, or the driver cannot. */
export function prepare() {
  if (!shared) throw new Error("it is not there");
  if (shared.ready) return shared;
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
  return Object.assign(shared, { program, ready: true });
}
