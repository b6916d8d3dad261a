// Thumbnails: as the map is zoomed into, patches' pictures take the place of their points, drawn on the base picture.
// A patch whose tile finds no room, or whose sheet is still on its way, stays a point.

import { Mosaic } from "./mosaic.js";
import { calm } from "./motion.js";
import { PER_SHEET, Sheets, SIDE } from "./sheets.js";
import { Arrangement, precedence, roomOf, sheetsOf, sizeAt } from "./tiles.js";
import { transformOf } from "./view.js";

const OVERVIEW = 1.25; // up to this zoom the map is seen as a whole: points
const MOST_SEEN = { off: 3000, on: 4500 }; // points on the screen; more stay points. Two bounds, so that nothing flickers
const LEAST_ROOM = { off: 13, on: 10 }; // CSS pixels that a point has for itself
const FEW = 200; // so few points are shown as thumbnails however near each other they lie
const MOST_DRAWN = 2500;
const MOST_SHEETS = 12;
const GAP = 3; // CSS pixels between tiles: room for the ring of the selected
const STRANGER = { small: 2, large: 3 }; // CSS pixels: radius of a point shown above another patch's tile …
const LARGE = 28; // … from this side on
const FINE_FROM = { off: 40, on: 34 }; // device pixels of a tile from which the sheets of tile 64 are used
const SHARP_FROM = 64; // … and beyond, for so few tiles, each patch's own picture
const MOST_SHARP = 60;
const SHARP_AT_ONCE = 4;
const SHARP_AFTER_MS = 180;

export class Thumbs {
  /** map: the EmbeddingMapView it belongs to. */
  constructor(map) {
    this.map = map;
    this.sheets = new Sheets(() => this._refresh());
    this.sharp = new Map(); // slot -> source: the patch's own picture
    this.mosaic = new Mosaic();
    this.forget(null);
  }

  destroy() {
    clearTimeout(this.timer);
    this.sheets.destroy();
    this.mosaic.destroy();
    this.forget(null);
    this.map = null;
  }

  update({ sheetsUrl, thumbnails }) {
    const url = thumbnails === false ? null : sheetsUrl || null;
    if (url === this.sheets.url) return;
    this.sheets.set(url);
    this.forget(null);
    if (!this.map.scene) return;
    this.map.renderer.invalidate(); // what is drawn on the picture goes
    this.map.draw();
  }

  state() {
    const { requested, cancelled } = this.sheets.counts;
    return {
      tile: this.on ? Math.round(this.last.size) : 0, drawn: this.drawn, pending: this.sheets.pending, requested, cancelled,
      sheets: this.sheets.kept.size, sharp: this.sharp.size,
    };
  }

  /** Slot of the patch whose tile is drawn at a place (CSS pixels), or -1. */
  pick(px, py) {
    if (!this.drawn) return -1;
    const { dpr } = this.map.camera;
    const x = px * dpr, y = py * dpr;
    const tile = this.tiles[this.arrangement.at(x, y, this.side)];
    if (!tile?.source) return -1;
    const stranger = tile.strangers.find((s) => Math.hypot(s.x - x, s.y - y) <= this._dot() + dpr);
    return (stranger ?? tile).slot;
  }

  _dot() {
    const { dpr } = this.map.camera;
    return (this.side < LARGE * dpr ? STRANGER.small : STRANGER.large) * dpr;
  }

  /** Half the side of the tile drawn for a slot, in CSS pixels; 0 where its point is drawn. */
  halfOf(slot) {
    return !this.bySlot.get(slot)?.source ? 0 : this.side / this.map.camera.dpr / 2;
  }

  /** What a patch's thumbnail is drawn from, if it is here: {image, x, y, w, h}; else null. The card enlarges it. */
  tileOf(slot) {
    const { scene, sheets } = this;
    if (slot < 0 || !scene || sheets.places?.length !== scene.n) return null;
    const source = this._source({ slot, place: sheets.places[scene.grid.order[slot]] });
    return source && { ...source, w: source.size, h: source.size };
  }

  /** After the base picture, each frame. Returns whether another frame is wanted. */
  frame(view, frame, scene) {
    const { renderer } = this.map;
    if (!this.sheets.url) return false;
    if (scene !== this.scene) this.forget(scene);
    const moved = renderer.painted !== this.painted;
    if (!moved && !this.fresh && !this.fading) return false;
    this.painted = renderer.painted;
    this.fresh = false;
    if (moved) this._arrange(view, frame, scene);
    if (!this.on) return false;
    const before = this.drawn;
    this._draw(renderer.context, moved);
    // What lies under a resting pointer may be another patch now.
    const look = (moved || this.drawn !== before) && this.map.pointing.at !== null;
    if (look) this.map.pointing.moved = true;
    return this.fading || look;
  }

  /** Another scene, or none: nothing of what there was is of use. */
  forget(scene) {
    Object.assign(this, { scene, on: false, last: null, fine: false, painted: null, fresh: false });
    this._clear();
    this.sheets.want(32, []);
  }

  _clear() {
    Object.assign(this, { tiles: [], bySlot: new Map(), arrangement: null, side: 0, drawn: 0, fading: false });
    this.sharp.clear();
    clearTimeout(this.timer);
  }

  /** A sheet or a picture has come. */
  _refresh() {
    if (!this.map?.scene) return;
    this.fresh = true;
    if (!this.bySlot.size) this.painted = null; // the places have come: look what there is to show
    this.map.draw();
  }

  // ---- which tiles ----

  _arrange(view, frame, scene) {
    const { dpr } = this.map.camera;
    const seen = view.k > OVERVIEW ? this._seen(view, frame, scene) : null;
    const room = seen ? roomOf(seen.x, seen.y, frame.w * dpr, frame.h * dpr) / dpr : 0;
    const mode = this.on ? "on" : "off";
    this.on = seen !== null && seen.slots.length > 0 && (room >= LEAST_ROOM[mode] || seen.slots.length <= FEW);
    if (!this.on || !this._placed()) {
      this.on = false;
      this.last = null;
      this._clear();
      return this.sheets.want(32, []);
    }
    this.last = { size: sizeAt(room, view.k, this.last), k: view.k };
    this._place(seen, frame, dpr);
    this._ask(frame, dpr);
  }

  /** Whether it is known where the patches lie on the sheets. */
  _placed() {
    this.sheets.open();
    return this.sheets.places?.length === this.scene.n;
  }

  /** The shown points on the screen: {slots, x, y} in device pixels; null where they are too many. */
  _seen(view, frame, scene) {
    const { grid, flags } = scene, { dpr } = this.map.camera;
    const most = this.on ? MOST_SEEN.on : MOST_SEEN.off;
    const t = transformOf(view, frame, dpr), w = frame.w * dpr, h = frame.h * dpr;
    const box = grid.cellsIn(-t.tx / t.s, (t.ty - h) / t.s, (w - t.tx) / t.s, t.ty / t.s);
    const slots = [], x = [], y = [];
    if (!box) return { slots, x, y };
    for (let row = box.r0; row <= box.r1; row++) {
      for (let s = grid.start[row * grid.side + box.c0], end = grid.start[row * grid.side + box.c1 + 1]; s < end; s++) {
        if (flags[s] >= 2) continue;
        const px = grid.gx[s] * t.s + t.tx, py = t.ty - grid.gy[s] * t.s;
        if (px < 0 || py < 0 || px >= w || py >= h) continue;
        if (slots.length === most) return null;
        slots.push(s);
        x.push(px);
        y.push(py);
      }
    }
    return { slots, x, y };
  }

  /** The patch that was clicked or flown to is shown, whichever tile it has to take the place of. */
  makeRoom(slot) {
    if (this.on && slot >= 0 && !this.bySlot.has(slot)) this.map.renderer.invalidate();
  }

  /** Give tiles to the current patch, to those that had one, then to the selected, then by fixed precedence, as long as there is room. */
  _place({ slots, x, y }, frame, dpr) {
    const { scene, bySlot } = this;
    const side = this.last.size * dpr;
    const arrangement = new Arrangement(side + GAP * dpr, frame.w * dpr, frame.h * dpr);
    const rank = slots.map((slot) => {
      if (slot === this.map.pointing.current) return -Infinity;
      const had = bySlot.get(slot);
      if (had) return had.rank - MOST_DRAWN - 2;
      return scene.flags[slot] === 1 ? -1 : precedence(scene.ordinalOf(slot));
    });
    const order = slots.map((_, i) => i).sort((a, b) => rank[a] - rank[b] || slots[a] - slots[b]);
    const tiles = [];
    for (const i of order) {
      if (tiles.length === MOST_DRAWN) break;
      if (!arrangement.put(x[i], y[i])) continue;
      const slot = slots[i];
      const tile = bySlot.get(slot) ?? { slot, place: this.sheets.places[scene.grid.order[slot]], source: null, look: null, stamp: null };
      tiles.push(Object.assign(tile, { x: x[i], y: y[i], rank: tiles.length, strangers: [] }));
    }
    this.bySlot = new Map(tiles.map((tile) => [tile.slot, tile]));
    Object.assign(this, { tiles, arrangement, side: Math.round(side) });
    this._strangers(slots, x, y);
    for (const slot of this.sharp.keys()) if (!this.bySlot.has(slot)) this.sharp.delete(slot);
  }

  /** Points under the tile of a patch of another colour (or not selected as it is) are shown above it: it hides no stray. */
  _strangers(slots, x, y) {
    const { scene, bySlot, tiles, arrangement, side } = this;
    for (let i = 0; i < slots.length; i++) {
      if (bySlot.has(slots[i])) continue;
      const tile = tiles[arrangement.at(x[i], y[i], side)];
      const differs = (codes) => codes[slots[i]] !== codes[tile.slot];
      if (tile && (differs(scene.paint) || differs(scene.flags))) tile.strangers.push({ slot: slots[i], x: x[i], y: y[i] });
    }
  }

  // ---- their pictures ----

  /** Ask for the sheets that the tiles lie on: fine ones where tiles are large and few sheets are enough. */
  _ask(frame, dpr) {
    const { tiles } = this;
    const places = tiles.map((t) => t.place), x = tiles.map((t) => t.x), y = tiles.map((t) => t.y);
    const centre = [(frame.w * dpr) / 2, (frame.h * dpr) / 2];
    const of = (tile) => sheetsOf(places, x, y, PER_SHEET[tile], centre, MOST_SHEETS);
    let level = 32, found = null;
    if (this.side >= FINE_FROM[this.fine ? "on" : "off"]) {
      found = of(64);
      if (found.all <= MOST_SHEETS) level = 64;
    }
    if (level === 32) found = of(32);
    this.fine = level === 64;
    this.sheets.want(level, found.sheets.map((sheet) => sheet.number));
    clearTimeout(this.timer);
    if (this.side > SHARP_FROM && tiles.length <= MOST_SHARP) this.timer = setTimeout(() => this._sharpen(), SHARP_AFTER_MS);
    else this.sharp.clear();
  }

  /** Fetch the patches' own pictures, a few at a time. */
  async _sharpen() {
    const { tiles, scene } = this, template = this.map.props.imageUrl;
    if (!template) return;
    const waiting = tiles.filter((tile) => !this.sharp.has(tile.slot));
    const one = async () => {
      while (waiting.length && this.tiles === tiles) {
        const { slot } = waiting.shift();
        const image = new Image();
        image.fetchPriority = "low";
        image.src = template.replace("{ordinal}", String(scene.ordinalOf(slot)));
        try {
          await image.decode();
        } catch {
          continue; // the sheet shows what there is
        }
        if (this.scene !== scene || !this.bySlot.has(slot)) continue;
        if (image.naturalWidth !== image.naturalHeight) continue; // … and squarely
        this.sharp.set(slot, { key: "own", image, x: 0, y: 0, size: image.naturalWidth });
        this._refresh();
      }
    };
    await Promise.all(Array.from({ length: SHARP_AT_ONCE }, one));
  }

  // ---- the drawing ----

  _draw(context, all) {
    const { map, scene, side } = this, { dpr } = map.camera;
    this.drawn = 0;
    for (const tile of this.tiles) {
      tile.source = this._source(tile);
      this.drawn += tile.source ? 1 : 0;
    }
    const style = {
      side, border: Math.max(Math.round((side < 24 * dpr ? 1 : 2) * dpr), 1), ring: Math.round(2 * dpr), dot: this._dot(),
      veiled: scene.selected > 0, accent: map.overlay.colors.accent, ground: `rgb(${map.renderer.palette.ground.join(",")})`,
    };
    this.fading = this.mosaic.draw(context, this.tiles, style, {
      all, colorOf: (slot) => map.colouring.cssOf(slot), isSelected: (slot) => scene.flags[slot] === 1,
      live: map.renderer.kind === "gpu", fade: !calm(),
    });
  }

  /** What to draw a tile from: its own picture, else its sheet, else the same place on a sheet of the other kind. */
  _source(tile) {
    const own = this.sharp.get(tile.slot);
    if (own) return own;
    for (const size of this.fine ? [64, 32] : [32, 64]) {
      const per = PER_SHEET[size], row = SIDE / size, at = tile.place % per;
      const image = this.sheets.get(size, Math.floor(tile.place / per));
      if (image) return { key: size, image, x: (at % row) * size, y: Math.floor(at / row) * size, size };
    }
    return null;
  }
}
