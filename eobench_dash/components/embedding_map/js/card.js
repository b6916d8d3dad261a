// The card at the upper left: the patch under the pointer, large, with its label.

import { el } from "./dom.js";

export class HoverCard {
  constructor(parent, images) {
    this.images = images;
    this.box = el("div", "eob-map__picture");
    this.dot = el("span", "eob-map__dot");
    this.name = el("span", "eob-map__label");
    this.id = el("span", "eob-map__id");
    this.root = el("div", "eob-map__card", [this.box, el("div", "eob-map__caption", [this.dot, this.name, this.id])]);
    this.root.setAttribute("aria-hidden", "true"); // the status line says the same to screen readers
    this.root.hidden = true;
    parent.append(this.root);
  }

  /** Show patch `ordinal`; its picture replaces the last one when it is decoded. */
  show(ordinal, label) {
    this.root.hidden = false;
    this.setLabel(label);
    this.id.textContent = `#${ordinal}`;
    if (this.ordinal === ordinal) return;
    this.ordinal = ordinal;
    this.box.classList.add("is-waiting");
    this.images.get(ordinal).then((image) => {
      if (this.ordinal !== ordinal) return; // the pointer has moved on
      this.box.classList.remove("is-waiting");
      this.box.classList.toggle("is-missing", !image);
      this.box.dataset.ordinal = String(ordinal);
      if (!image) return this.box.replaceChildren();
      // Small patches are enlarged as pixels: smoothing would show detail that was never measured.
      image.className = image.naturalWidth < 200 ? "is-pixels" : "";
      this.box.replaceChildren(image);
    });
  }

  setLabel({ name, css }) {
    this.name.textContent = name;
    this.dot.style.background = css;
  }

  hide() {
    this.root.hidden = true;
    this.ordinal = null;
  }

  /** Step aside where the pointer is beneath the card. */
  avoid(px, py) {
    const { offsetWidth: w, offsetHeight: h, offsetTop: y } = this.root;
    this.root.classList.toggle("is-aside", px < w + 40 && py < y + h + 28);
  }
}
