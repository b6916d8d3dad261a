// Where the map has looked: a list of views with a place in it, as in a browser.

const KEEP = 100;

export class ViewHistory {
  /** changed({back, forward}): whether there is something on either side. */
  constructor(changed) {
    this.changed = changed;
    this.reset();
  }

  reset() {
    this.views = [];
    this.at = -1;
    this._tell();
  }

  /** The map rests at a view. The same place once more is no news. */
  push(view) {
    if (this.at >= 0 && same(this.views[this.at], view)) return;
    this.views.splice(this.at + 1, Infinity, view);
    if (this.views.length > KEEP) this.views.shift();
    this.at = this.views.length - 1;
    this._tell();
  }

  /** The view `by` steps on (-1: before), or null. */
  step(by) {
    const view = this.views[this.at + by];
    if (!view) return null;
    this.at += by;
    this._tell();
    return view;
  }

  get state() {
    return { back: this.at > 0, forward: this.at < this.views.length - 1 };
  }

  _tell() {
    this.changed(this.state);
  }
}

const same = (a, b) => a.x === b.x && a.y === b.y && a.k === b.k;
