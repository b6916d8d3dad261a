// Draws tiles. Where the browser draws without a GPU, scaling a picture on the map's canvas costs a tenth of a
// millisecond each; so tiles are made once, aside, in memory, and then only stamped: while the map is moved, moving them
// is all there is to do.

const FADE_MS = 120;
const VEIL = 0.6; // how far towards the ground

/** A tile: {slot, place, x, y (its centre), strangers: [{x, y, slot}], source: {image, x, y, size} or null, …}. */
export class Mosaic {
  constructor() {
    this.scratch = document.createElement("canvas");
    this.context = this.scratch.getContext("2d", { willReadFrequently: true, alpha: false });
  }

  destroy() {
    this.scratch.width = this.scratch.height = 0;
  }

  /**
   * Draw the tiles that have a source, all of them or only those that look otherwise than when they were last drawn.
   * style: {side, border, ring, dot, accent, ground, veiled} in device pixels and CSS colours (veiled: what is not
   * selected stands back); colorOf(slot); isSelected(slot);
   * live: draw straight from the sheets (quick on a GPU); fade: let new ones fade in. Returns whether some still fade.
   */
  draw(context, tiles, style, { colorOf, isSelected, all, live, fade }) {
    const now = performance.now();
    const common = [style.side, style.border, style.dot, style.accent, style.ground, style.veiled].join();
    const changed = [], stamped = [];
    let fading = false;
    for (const tile of tiles) {
      if (!tile.source) continue;
      tile.born ??= now;
      const alpha = fade ? Math.min((now - tile.born + 16) / FADE_MS, 1) : 1;
      tile.css = colorOf(tile.slot);
      tile.chosen = isSelected(tile.slot);
      for (const s of tile.strangers) Object.assign(s, { css: colorOf(s.slot), rim: isSelected(s.slot) ? style.accent : style.ground });
      const strangers = tile.strangers.map((s) => s.slot + s.css + s.rim);
      const look = `${tile.source.key}/${tile.css}/${tile.chosen}/${common}/${strangers}`;
      if (alpha < 1) fading = true;
      if (alpha === 1 && !all && tile.look === look) continue;
      if (alpha < 1 || live) {
        context.globalAlpha = alpha;
        paint(context, tile, cornerOf(tile, style), style);
        context.globalAlpha = 1;
        tile.look = alpha < 1 ? null : look;
        tile.stamp = null;
        continue;
      }
      if (tile.look !== look || !tile.stamp) changed.push(tile);
      tile.look = look;
      stamped.push(tile);
    }
    if (changed.length) this._make(changed, style);
    for (const tile of stamped) {
      const { data, x, y, size } = tile.stamp, [left, top] = cornerOf(tile, style);
      context.putImageData(data, left - x, top - y, x, y, size, size);
    }
    return fading;
  }

  /** Make the tiles' pictures, side by side on one sheet of pixels that they share. */
  _make(tiles, style) {
    const { scratch, context } = this;
    const widest = style.side + 2 * style.ring;
    const cols = Math.ceil(Math.sqrt(tiles.length)), rows = Math.ceil(tiles.length / cols);
    if (scratch.width < cols * widest) scratch.width = cols * widest;
    if (scratch.height < rows * widest) scratch.height = rows * widest;
    const places = tiles.map((tile, i) => {
      const x = (i % cols) * widest, y = Math.floor(i / cols) * widest;
      paint(context, tile, [x, y], style);
      return { x, y, size: style.side + (tile.chosen ? 2 * style.ring : 0) };
    });
    const data = context.getImageData(0, 0, cols * widest, rows * widest);
    tiles.forEach((tile, i) => { tile.stamp = { data, ...places[i] }; });
  }
}

const cornerOf = ({ x, y, chosen }, { side, ring }) => [x, y].map((v) => Math.round(v - side / 2) - (chosen ? ring : 0));

/** One tile with its upper left corner at (x, y): ring if selected, border in its colour, picture, strangers. */
function paint(context, tile, [x, y], { side, border, ring, dot, accent, ground, veiled }) {
  const { source, css, chosen, strangers } = tile;
  if (chosen) {
    context.fillStyle = accent;
    context.fillRect(x, y, side + 2 * ring, side + 2 * ring);
    x += ring;
    y += ring;
  }
  context.fillStyle = css;
  context.fillRect(x, y, side, side);
  const inner = side - 2 * border;
  context.imageSmoothingEnabled = true;
  context.drawImage(source.image, source.x, source.y, source.size, source.size, x + border, y + border, inner, inner);
  if (veiled && !chosen) {
    const { globalAlpha } = context;
    context.globalAlpha = globalAlpha * VEIL;
    context.fillStyle = ground;
    context.fillRect(x, y, side, side);
    context.globalAlpha = globalAlpha;
  }
  for (const stranger of strangers) {
    const at = [stranger.x - tile.x + side / 2, stranger.y - tile.y + side / 2];
    const [px, py] = at.map((v) => Math.min(Math.max(v, dot + 1), side - dot - 1)); // whole, inside
    for (const [color, radius] of [[stranger.rim, dot + 1], [stranger.css, dot]]) {
      context.fillStyle = color;
      context.beginPath();
      context.arc(x + px, y + py, radius, 0, 2 * Math.PI);
      context.fill();
    }
  }
}
