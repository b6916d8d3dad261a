// What the pointer means: the patch under it, the card, the click, the menu, the lasso.

import { insidePolygon } from "./grid.js";
import { outline } from "./overlay.js";
import { MAX_SENT } from "./selecting.js";

const PICK_CSS_PX = 9;
const PREFETCH_CSS_PX = 40;
const PREFETCHED = 12;
const PREFETCH_CROWD = 20000; // in a crowd there is no telling which is next

export class Pointing {
  /** map: the EmbeddingMapView it belongs to. */
  constructor(map) {
    this.map = map;
    this.at = this.onPage = null; // where the pointer rests: in the map, in the window
    this.forget();
  }

  /** Another scene: slots mean other patches now. */
  forget() {
    const over = this.hovered >= 0;
    this.hovered = this.current = this.linked = -1; // slots; "linked" is pointed at elsewhere: another map, a panel
    this.mine = true; // the current patch was made so here, and not on a linked map
    this.elsewhere = false; // a linked map has the pointer
    this.moved = true; // a pointer that rests is over something else
    this.lasso = null; // being drawn
    this.lassoed = []; // outlines of the selection, in map units
    this.map.card.hide();
    this.map.chrome.setDrawing(null);
    if (over) this._tellHovered();
  }

  pick(px, py) {
    const { scene, camera, thumbs } = this.map;
    const tile = thumbs?.pick?.(px, py) ?? -1; // what lies on top is what is meant
    if (tile >= 0) return tile;
    const [x, y] = camera.toMap(px, py);
    return scene.grid.pick(x, y, camera.units(Math.max(PICK_CSS_PX, camera.radius + 2)), scene.flags);
  }

  /** What is highlighted is what is meant, even where events round positions differently; -1 for nothing. */
  under(px, py) {
    this.look();
    const resting = this.at && Math.hypot(px - this.at[0], py - this.at[1]) < 1.5;
    return resting ? this.hovered : this.pick(px, py);
  }

  // ---- hover ----

  hover(px, py, onPage) {
    if (px === null) {
      this.at = this.onPage = null;
      return this._setHovered(-1);
    }
    this.at = [px, py];
    this.onPage = onPage;
    this.moved = true;
    this.map.draw();
  }

  /** The map has changed its size, and so maybe its place: a resting pointer is over something else now. */
  resized() {
    if (!this.at) return;
    const box = this.map.top.getBoundingClientRect();
    this.hover(this.onPage[0] - box.left, this.onPage[1] - box.top, this.onPage);
  }

  /** Once a frame: look what lies under the pointer, if it or the map moved. Points that travel are waited for. */
  look() {
    const { scene, painting } = this.map;
    if (!this.moved || !this.at || !scene?.grid.placed || painting.travel) return;
    this.moved = false;
    this.map.card.avoid(...this.at);
    this._setHovered(this.pick(...this.at));
  }

  _setHovered(slot) {
    if (slot === this.hovered) return;
    const { map } = this;
    this.hovered = slot;
    this.showCard();
    map.draw();
    this._tellHovered();
    if (slot >= 0) this._prefetch(slot);
  }

  _tellHovered() {
    const { map, hovered } = this, ordinal = map.ordinalAt(hovered);
    map.top.classList.toggle("is-over", hovered >= 0);
    map.link.each((other) => other.pointing.highlight(ordinal, { byMap: true }));
    map.emit("hover", { ordinal, code: hovered >= 0 ? map.scene.codes[hovered] : null });
  }

  /** Ring a patch that is pointed at elsewhere; null for none. byMap: on a linked map, whose card tells of it. Returns whether it is shown. */
  highlight(ordinal, { byMap = false } = {}) {
    const elsewhere = byMap && ordinal !== null;
    if (elsewhere !== this.elsewhere) {
      this.elsewhere = elsewhere;
      this.showCard();
    }
    const slot = ordinal === null || !this.map.scene ? -1 : this.map.scene.slotOf(ordinal);
    if (slot !== this.linked) {
      this.linked = slot;
      this.map.draw();
    }
    return slot >= 0 && this.map.scene.isShown(slot);
  }

  /** The card tells of the hovered patch, else of the current one; of linked maps only one shows it. */
  showCard() {
    const { map } = this;
    const slot = this.hovered >= 0 ? this.hovered : this.mine && !this.elsewhere ? this.current : -1;
    if (!map.scene?.isShown(slot)) return map.card.hide();
    map.card.show(map.scene.ordinalOf(slot), map.labelOf(slot));
  }

  _prefetch(slot) {
    const { scene, camera, images } = this.map;
    const { grid, flags } = scene;
    const x = grid.gx[slot], y = grid.gy[slot], reach = camera.units(PREFETCH_CSS_PX);
    if (grid.countIn(x - reach, y - reach, x + reach, y + reach) > PREFETCH_CROWD) return;
    images.prefetch(grid.nearest(x, y, reach, PREFETCHED, flags).map((s) => scene.ordinalOf(s)));
  }

  // ---- click and menu ----

  setCurrent(slot, { told = false, mine = !told } = {}) {
    const { map } = this;
    this.current = slot;
    this.mine = mine;
    this.showCard();
    map.thumbs.makeRoom(slot);
    map.draw();
    if (told) return;
    const ordinal = map.ordinalAt(slot);
    map.link.each((other) => other.pointing.setCurrent(ordinal === null ? -1 : other.scene.slotOf(ordinal), { told: true }));
  }

  /** The map that showed the current patch's card goes; whether the patch is on this one, which then shows it. */
  inherit() {
    this.mine = this.current >= 0;
    this.showCard();
    return this.mine;
  }

  click(slot, event) {
    const { map } = this;
    this.setCurrent(slot);
    if (slot < 0) return;
    const clickData = { ordinal: map.scene.ordinalOf(slot), n: map.nextN() };
    map.chrome.say(`Patch ${clickData.ordinal}, ${map.labelOf(slot).name}`);
    map.send({ clickData });
    map.emit("click", { ...clickData, x: event.clientX ?? null, y: event.clientY ?? null });
  }

  /** By keyboard: the patch under the pointer, else the one in the middle. */
  enter() {
    const { w, h } = this.map.camera.frame;
    const slot = this.hovered >= 0 ? this.hovered : this.pick(w / 2, h / 2);
    if (slot >= 0) this.click(slot, {});
  }

  /** On a selected patch, or inside the drawn outline, the selection is meant; else the patch under the pointer. */
  context(px, py) {
    const { scene, camera, top } = this.map;
    const keyboard = px === null;
    const slot = keyboard ? (this.hovered >= 0 ? this.hovered : this.current) : this.under(px, py);
    const inside = !keyboard && slot < 0 && this.lassoed.some((p) => insidePolygon(p, ...camera.toMap(px, py)));
    const whole = scene.selected > 0 && (inside || (slot >= 0 ? scene.flags[slot] === 1 : keyboard));
    if (!whole && slot < 0) return;
    const box = top.getBoundingClientRect();
    const at = keyboard ? this.map.mark(slot) || { px: box.width / 2, py: box.height / 2 } : { px, py };
    const where = { x: Math.round(at.px + box.left), y: Math.round(at.py + box.top), n: this.map.nextN() };
    if (!whole) this.setCurrent(slot);
    const contextData = whole
      ? { ordinals: Array.from(scene.selection(MAX_SENT)), count: scene.selected, ...where }
      : { ordinal: scene.ordinalOf(slot), ...where };
    this.map.send({ contextData });
    this.map.emit("context", contextData);
  }

  // ---- lasso ----

  lassoStart(px, py, how) {
    this.lasso = { ...how, points: [[px, py]] };
    this.map.chrome.setDrawing(how.combine);
    this.map.draw();
  }

  lassoMove(px, py) {
    this.lasso?.points.push([px, py]);
    this.map.draw();
  }

  lassoCancel() {
    this.lasso = null;
    this.map.chrome.setDrawing(null);
    this.map.draw();
  }

  lassoEnd() {
    if (!this.lasso) return;
    const { shape, combine, points } = this.lasso;
    const { scene, camera, selecting } = this.map;
    const polygon = outline(shape, points).map(([px, py]) => camera.toMap(px, py));
    this.lassoCancel();
    const slots = scene.grid.inPolygon(polygon, scene.flags);
    const ordinals = Uint32Array.from(slots, (s) => scene.ordinalOf(s));
    const before = this.lassoed;
    selecting.combine(ordinals, combine);
    // What is left after taking away has no simple outline: then only its patches count as inside.
    this.lassoed = !scene.selected ? [] : combine === "replace" ? [polygon] : combine === "add" ? [...before, polygon] : [];
  }
}
