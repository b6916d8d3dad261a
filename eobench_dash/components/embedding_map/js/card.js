// The card at the upper left: the patch under the pointer, large, and what is known of it. Everything that comes later has
// its place from the start, so nothing moves when it arrives.

import { el } from "./dom.js";
import { PatchFacts } from "./facts.js";
import { Looks } from "./looks.js";

const LARGEST = 256; // pixels of an enlarged thumbnail
const MIXED = 3;

export class HoverCard {
  /** parent: the map's element; images: its PatchImages; map: the EmbeddingMapView (without it, picture and label alone). */
  constructor(parent, images, map = null) {
    Object.assign(this, { images, map, ordinal: null, label: null });
    this.box = el("div", "eob-map__picture");
    this.dot = el("span", "eob-map__dot");
    this.name = el("span", "eob-map__label");
    this.id = el("span", "eob-map__id");
    this.value = el("div", "eob-map__value", [el("span", "eob-map__value-title"), el("span", "eob-map__dot"), el("span", "eob-map__value-text")]);
    this.mix = el("div", "eob-map__mix", Array.from({ length: MIXED }, mixRow));
    this.from = el("div", "eob-map__from", [el("div", "eob-map__file"), el("div", "eob-map__folder")]);
    const caption = el("div", "eob-map__caption", [this.dot, this.name, this.id]);
    this.root = el("div", "eob-map__card", [this.box, caption, this.value, this.mix, this.from]);
    this.root.setAttribute("aria-hidden", "true"); // the status line says the same to screen readers
    this.root.hidden = this.value.hidden = this.mix.hidden = this.from.hidden = true;
    parent.append(this.root);
    this.facts = map && new PatchFacts(map, () => this._tell());
    this.looks = map && new Looks(map, () => this._again());
  }

  /** New properties of the map. */
  update(props) {
    this.looks?.update(props);
    this.facts?.update(props);
  }

  destroy() {
    this.looks?.destroy();
    this.facts?.destroy();
  }

  /** Show patch `ordinal`: at once what is here, its picture when it is decoded. */
  show(ordinal, label) {
    this.root.hidden = false;
    this.label = label;
    this.name.textContent = label.name;
    this.dot.style.background = label.css;
    this.id.textContent = `#${ordinal}`;
    const other = this.ordinal !== ordinal;
    this.ordinal = ordinal;
    this.facts?.look(ordinal);
    this._tell();
    if (other) this._picture();
  }

  hide() {
    this.root.hidden = true;
    this.ordinal = null;
    this.facts?.look(null);
  }

  /** Step aside where the pointer is beneath the card. */
  avoid(px, py) {
    const { offsetWidth: w, offsetHeight: h, offsetTop: y } = this.root;
    this.root.classList.toggle("is-aside", px < w + 40 && py < y + h + 28);
  }

  // ---- picture ----

  /** Another look: the picture is another one, and the last one stays until it is here. */
  _again() {
    if (this.ordinal !== null && !this.root.hidden) this._picture();
  }

  /** The server answers again: what could not be shown is asked for once more. */
  retry() {
    if (this.box.classList.contains("is-missing")) this._again();
  }

  _picture() {
    const { ordinal, images } = this, { look } = images;
    const here = images.peek(ordinal);
    if (here) return this._put(here);
    if (!this._tile()) this.box.classList.add("is-waiting");
    images.get(ordinal).then((image) => {
      if (this.ordinal === ordinal && images.look === look) this._put(image); // else the pointer has moved on
    });
  }

  /** The thumbnail that the map has already, enlarged. */
  _tile() {
    const tile = this.map?.scene && !this.images.look ? this.map.thumbs?.tileOf?.(this.map.scene.slotOf(this.ordinal)) : null;
    if (!tile) return false;
    const canvas = el("canvas", "is-pixels");
    canvas.width = canvas.height = Math.min(tile.w, LARGEST);
    canvas.getContext("2d").drawImage(tile.image, tile.x, tile.y, tile.w, tile.h, 0, 0, canvas.width, canvas.height);
    this.box.classList.remove("is-waiting", "is-missing");
    this.box.dataset.tile = String(this.ordinal);
    this.box.replaceChildren(canvas);
    return true;
  }

  _put(image) {
    this.box.classList.remove("is-waiting");
    this.box.classList.toggle("is-missing", !image);
    this.box.dataset.ordinal = String(this.ordinal);
    if (!image) return this.box.replaceChildren();
    // Small patches are enlarged as pixels: smoothing would show detail that was never measured.
    image.className = image.naturalWidth < 200 ? "is-pixels" : "";
    if (this.box.firstChild !== image || this.box.childNodes.length > 1) this.box.replaceChildren(image);
  }

  // ---- words ----

  _tell() {
    if (!this.map || this.ordinal === null || !this.map.scene) return;
    this._tellValue();
    this._tellMix();
    this._tellSource();
  }

  /** What colours the map says of the patch; where labels colour it, how sure the classifier is of its label. */
  _tellValue() {
    const { map, facts } = this;
    const slot = map.scene.slotOf(this.ordinal);
    let told = slot >= 0 ? map.colouring?.valueOf?.(slot) ?? null : null;
    if (!told && facts.confidence) {
      const sure = facts.confidenceOf(this.ordinal);
      told = { title: "Confidence", text: Number.isNaN(sure) ? "not verified" : sure.toFixed(2), css: "" };
    }
    this.value.hidden = !told;
    if (!told) return;
    const [title, dot, text] = this.value.children;
    title.textContent = told.title;
    text.textContent = told.text;
    dot.hidden = !told.css;
    dot.style.background = told.css;
  }

  _tellMix() {
    const { map, facts } = this;
    this.mix.hidden = !facts.has("suggested");
    if (this.mix.hidden) return;
    const known = facts.mixOf(this.ordinal);
    for (let i = 0; i < MIXED; i++) {
      const row = this.mix.children[i], entry = known?.entries[i];
      row.classList.toggle("is-empty", !entry);
      const [name, bar, count] = row.children;
      name.textContent = entry ? map.colouring.nameOf(entry.code) : "";
      count.textContent = entry ? String(entry.count) : "";
      const fill = bar.firstChild;
      fill.style.width = entry ? `${(100 * entry.count) / known.k}%` : "0";
      fill.style.background = entry ? cssOf(map, entry.code) : "";
      row.classList.toggle("is-own", entry?.code === this.label.code);
    }
  }

  _tellSource() {
    const about = this.facts.about(this.ordinal);
    if (about) this.from.hidden = !about.path; // a dataset has paths or has none
    const [file, folder] = this.from.children;
    const parts = about?.path ? about.path.split("/") : [];
    const marks = [about?.unsure && "unsure", about?.excluded && "excluded"];
    // Of a window of a product: which product, how large, what is most wrong with it; its numbers are in the panel.
    const cut = about?.window && about.product ? about.window : null;
    file.textContent = (cut ? middled(about.product) : parts.at(-1)) ?? "";
    const more = cut ? [extent(cut), cut.worst] : [about?.product ?? parts.slice(0, -1).join("/")];
    folder.textContent = [...marks, ...more].filter(Boolean).join(" · ");
  }
}

const FITS = 30;
/** A long name by its beginning and its end: names of scenes and granules differ there. */
const middled = (name) => (name.length > FITS ? `${name.slice(0, 16)}…${name.slice(-13)}` : name);

/** The sides of a window on the ground, or where that is not known in pixels. */
function extent({ size, metres }) {
  const side = (m) => Math.round(m).toLocaleString("en");
  if (!metres) return `${size} × ${size} px`;
  const [across, down] = metres;
  return Math.abs(across - down) <= 0.01 * Math.max(across, down) ? `${side(across)} m` : `${side(across)} × ${side(down)} m`;
}

const cssOf = (map, code) => `rgb(${(map.colouring.rgb.get(code) ?? map.renderer.palette.other).join(",")})`;

function mixRow() {
  return el("div", "eob-map__mix-row", [el("span", "eob-map__mix-name"), el("span", "eob-map__mix-bar", [el("span", "eob-map__mix-fill")]), el("span", "eob-map__mix-count")]);
}
