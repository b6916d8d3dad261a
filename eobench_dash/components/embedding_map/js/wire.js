// Reads the map's bytes; wire.py beside this folder says what they are. No copies: the arrays are views of the answer.

export const NO_LABEL = 65535;
const MAGIC = 0x504d4f45; // "EOMP", little-endian
const VERSION = 1;
const FLAG_ORDINALS = 1;
const HEADER_BYTES = 16;
// An ordinal is an index into arrays of that length; beyond this the bytes are damaged rather than large.
const MAX_ORDINAL = 1 << 28;

export class WireError extends Error {}

/** Bytes of the coordinates route -> {n, x, y, ordinals}; ordinals is null where point i is patch i. */
export function parseCoords(buffer) {
  if (buffer.byteLength < HEADER_BYTES) throw new WireError("The map's coordinates arrived cut short.");
  const [magic, version, n, flags] = new Uint32Array(buffer, 0, 4);
  if (magic !== MAGIC || version !== VERSION || flags & ~FLAG_ORDINALS) {
    throw new WireError("The server sent something that is not a map this page can read.");
  }
  const subset = (flags & FLAG_ORDINALS) !== 0;
  if (buffer.byteLength !== HEADER_BYTES + 4 * n * (subset ? 3 : 2)) {
    throw new WireError("The map's coordinates arrived cut short.");
  }
  const x = new Float32Array(buffer, HEADER_BYTES, n);
  const y = new Float32Array(buffer, HEADER_BYTES + 4 * n, n);
  const ordinals = subset ? new Uint32Array(buffer, HEADER_BYTES + 8 * n, n) : null;
  if (ordinals) for (let i = 0; i < n; i++) if (ordinals[i] > MAX_ORDINAL) throw new WireError("The map's patch numbers are damaged.");
  return { n, x, y, ordinals };
}

/** Bytes of the labels route -> Uint16Array of codes by ordinal. */
export function parseLabels(buffer) {
  if (buffer.byteLength % 2) throw new WireError("The map's labels arrived cut short.");
  return new Uint16Array(buffer);
}

/** "#rrggbb" -> [r, g, b]; null for anything else. */
export function parseColor(text) {
  const match = /^#([0-9a-f]{6})$/i.exec(text || "");
  if (!match) return null;
  const value = parseInt(match[1], 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}

const COLUMN_MAGIC = 0x434d4f45; // "EOMC", little-endian
const MAX_META = 1 << 24;

/** Bytes of a column -> its JSON with `n` and `codes` (Uint16Array by ordinal) or `values` (Float32Array by ordinal). */
export function parseColumn(buffer) {
  const cut = () => new WireError("The column arrived cut short.");
  if (buffer.byteLength < HEADER_BYTES) throw cut();
  const [magic, version, n, length] = new Uint32Array(buffer, 0, 4);
  const strange = () => new WireError("The server sent something that is not a column this page can read.");
  if (magic !== COLUMN_MAGIC || version !== VERSION || length % 4 || length > MAX_META) throw strange();
  if (buffer.byteLength < HEADER_BYTES + length) throw cut();
  let meta;
  try {
    meta = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(new Uint8Array(buffer, HEADER_BYTES, length)));
  } catch {
    throw strange();
  }
  const numeric = meta?.kind === "number";
  if (!numeric && !(meta?.kind === "category" && Array.isArray(meta.categories))) throw strange();
  if (numeric && !["min", "max", "low", "high"].every((key) => meta[key] === null || Number.isFinite(meta[key]))) throw strange();
  if (buffer.byteLength !== HEADER_BYTES + length + n * (numeric ? 4 : 2)) throw cut();
  const Kind = numeric ? Float32Array : Uint16Array;
  return { ...meta, n, [numeric ? "values" : "codes"]: new Kind(buffer, HEADER_BYTES + length, n) };
}
