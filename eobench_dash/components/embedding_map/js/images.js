// Patch pictures: decoded before they are shown, a bounded number kept, neighbours fetched while nothing else happens.

const KEEP = 240;
const PREFETCH_AT_ONCE = 4;

export const whenIdle = window.requestIdleCallback
  ? (fn) => window.requestIdleCallback(fn, { timeout: 500 })
  : (fn) => window.setTimeout(fn, 60);
export const cancelIdle = window.cancelIdleCallback || window.clearTimeout;

export class PatchImages {
  constructor() {
    this.template = null;
    this.look = ""; // of the query: which bands, how bright
    this.cache = new Map(); // ordinal -> {image, here, ready: Promise<image|null>}; oldest first
  }

  setTemplate(template) {
    if (template === this.template) return;
    this.template = template;
    this.cache.clear();
  }

  /** {look, stretch} by name; null for the usual ones. Whether that is another look. */
  setLook({ look, stretch }) {
    const query = [look && `look=${encodeURIComponent(look)}`, stretch && `stretch=${encodeURIComponent(stretch)}`].filter(Boolean).join("&");
    if (query === this.look) return false;
    this.look = query;
    this.cache.clear();
    return true;
  }

  urlOf(ordinal) {
    if (!this.template) return null;
    const url = this.template.replace("{ordinal}", String(ordinal));
    return this.look ? url + (url.includes("?") ? "&" : "?") + this.look : url;
  }

  /** The decoded image if it is here already, else null. */
  peek(ordinal) {
    const known = this.cache.get(ordinal);
    return known?.here ? known.image : null;
  }

  /** Promise of the decoded image; of null where there is none or it cannot be read. */
  get(ordinal, priority = "high") {
    const known = this.cache.get(ordinal);
    if (known) {
      this.cache.delete(ordinal);
      this.cache.set(ordinal, known);
      return known.ready;
    }
    const url = this.urlOf(ordinal);
    if (!url) return Promise.resolve(null);
    const image = new Image();
    image.decoding = "async";
    image.fetchPriority = priority;
    image.alt = "";
    image.src = url;
    const entry = { image, here: false, ready: null };
    entry.ready = image.decode().then(() => {
      entry.here = true;
      return image;
    }, () => {
      if (this.cache.get(ordinal) === entry) this.cache.delete(ordinal); // a passing failure is tried again at the next hover
      return null;
    });
    this.cache.set(ordinal, entry);
    while (this.cache.size > KEEP) this.cache.delete(this.cache.keys().next().value);
    return entry.ready;
  }

  /** Fetch these when the browser is idle; a newer call replaces what is not begun. */
  prefetch(ordinals) {
    cancelIdle(this.idle);
    const rest = ordinals.filter((o) => !this.cache.has(o));
    if (!rest.length || !this.template) return;
    this.idle = whenIdle(() => Promise.all(rest.splice(0, PREFETCH_AT_ONCE).map((o) => this.get(o, "low")))
      .then(() => rest.length && this.prefetch(rest)));
  }

  destroy() {
    cancelIdle(this.idle);
    this.template = null;
    this.cache.clear();
  }
}
