// Patch pictures: decoded before they are shown, a bounded number kept, neighbours fetched while nothing else happens.

const KEEP = 240;
const PREFETCH_AT_ONCE = 4;

const whenIdle = window.requestIdleCallback
  ? (fn) => window.requestIdleCallback(fn, { timeout: 500 })
  : (fn) => window.setTimeout(fn, 60);
const cancelIdle = window.cancelIdleCallback || window.clearTimeout;

export class PatchImages {
  constructor() {
    this.template = null;
    this.cache = new Map(); // ordinal -> {image, ready: Promise<image|null>}; oldest first
  }

  setTemplate(template) {
    if (template === this.template) return;
    this.template = template;
    this.cache.clear();
  }

  urlOf(ordinal) {
    return this.template ? this.template.replace("{ordinal}", String(ordinal)) : null;
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
    const ready = image.decode().then(() => image, () => {
      this.cache.delete(ordinal); // a passing failure is tried again at the next hover
      return null;
    });
    this.cache.set(ordinal, { image, ready });
    while (this.cache.size > KEEP) this.cache.delete(this.cache.keys().next().value);
    return ready;
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
