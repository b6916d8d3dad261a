// Which bands of the patches are shown, and how bright: a switch above the card where there is a choice. All maps of a
// dataset share one choice. Key b goes on to the next bands (Shift+b: the next brightness).

import { request } from "./data.js";
import { el } from "./dom.js";
import { cancelIdle, whenIdle } from "./images.js";

const choices = new Map(); // looksUrl -> Choice: kept for the life of the page, as the choice is

class Choice extends EventTarget {
  constructor(url) {
    super();
    Object.assign(this, { url, looks: [], stretches: [], look: 0, stretch: 0, asked: false });
  }

  static of(url) {
    if (!choices.has(url)) choices.set(url, new Choice(url));
    return choices.get(url);
  }

  /** Ask what there is, once. */
  async open() {
    if (this.asked) return;
    this.asked = true;
    try {
      const { looks, stretches } = await (await request(this.url)).json();
      Object.assign(this, { looks, stretches });
      this.dispatchEvent(new Event("change"));
    } catch {
      this.asked = false; // asked again with the next map
    }
  }

  get isOpen() {
    return this.looks.length > 1 || this.stretches.length > 1;
  }

  set(kind, index) {
    const count = this.listOf(kind).length;
    if (count < 2) return;
    this[kind] = ((index % count) + count) % count;
    this.dispatchEvent(new Event("change"));
  }

  listOf(kind) {
    return kind === "look" ? this.looks : this.stretches;
  }

  /** Names for the picture's address; null for the usual ones, so that these are fetched once for everybody. */
  get query() {
    return { look: this.look ? this.looks[this.look].name : null, stretch: this.stretch ? this.stretches[this.stretch].name : null };
  }
}

export class Looks {
  /** map: the EmbeddingMapView; changed(): pictures are to be fetched anew. */
  constructor(map, changed) {
    Object.assign(this, { map, changed, choice: null });
    this.gone = new AbortController();
    const { signal } = this.gone;
    this.root = el("div", "eob-map__looks");
    this.root.hidden = true;
    map.root.append(this.root);
    this.follow = () => this._show();
    map.root.addEventListener("eob:ready", (event) => event.target === map.root && this._wish(), { signal });
    document.addEventListener("keydown", (event) => this._key(event), { signal });
  }

  update({ looksUrl }) {
    if ((looksUrl || null) === (this.choice?.url ?? null)) return;
    this.choice?.removeEventListener("change", this.follow);
    this.choice = looksUrl ? Choice.of(looksUrl) : null;
    this.choice?.addEventListener("change", this.follow);
    this._show();
    if (this.map.scene) this._wish();
  }

  destroy() {
    cancelIdle(this.idle);
    this.gone.abort();
    this.choice?.removeEventListener("change", this.follow);
    this.root.remove();
  }

  _wish() {
    cancelIdle(this.idle);
    this.idle = whenIdle(() => this.map.dead || this.choice?.open());
  }

  _key(event) {
    if (event.key.toLowerCase() !== "b" || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const { target } = event;
    const typing = target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
    if (typing || !this.choice?.isOpen || document.querySelector("dialog[open]") || !this.map.root.isConnected) return;
    event.preventDefault(); // the other map of the page hears it too: once is enough
    const kind = event.shiftKey || this.choice.looks.length < 2 ? "stretch" : "look";
    this.choice.set(kind, this.choice[kind] + 1);
    const now = this.choice.listOf(kind)[this.choice[kind]];
    if (now) this.map.chrome.say(`Pictures: ${now.title}`);
  }

  _show() {
    const { choice, map } = this;
    const shown = Boolean(choice?.isOpen);
    this.root.hidden = !shown;
    map.root.classList.toggle("has-looks", shown);
    const focused = this.root.contains(document.activeElement) ? document.activeElement.dataset.look : null;
    this.root.replaceChildren(...(shown ? [this._group("look", "Bands (b)"), this._group("stretch", "Brightness (Shift+b)")] : []));
    if (focused) this.root.querySelector(`[data-look="${focused}"]`)?.focus();
    if (!map.images.setLook(choice?.query ?? {})) return;
    this.changed();
    map.emit("look", choice.query);
  }

  _group(kind, name) {
    const list = this.choice.listOf(kind);
    if (list.length < 2) return "";
    const buttons = list.map((one, index) => {
      const button = el("button", "eob-map__look", [one.title]);
      button.type = "button";
      button.title = `${one.help} ${name.replace(/.*\(/, "Key: ").replace(")", "")}`.trim();
      button.dataset.look = `${kind}-${one.name}`;
      const chosen = index === this.choice[kind];
      button.setAttribute("aria-pressed", String(chosen));
      // A small map shows the chosen one only: there it leads on to the next.
      button.addEventListener("click", () => this.choice.set(kind, chosen ? index + 1 : index));
      return button;
    });
    const group = el("span", `eob-map__look-group eob-map__look-group--${kind}`, buttons);
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", name);
    return group;
  }
}
