// Maps of one page that go together: hover, selection, recolouring and filter of one are shown by the others.

const groups = new Map(); // name -> Set of maps

export class Link {
  constructor(map) {
    this.map = map;
    this.name = null;
  }

  set(name) {
    if (name === this.name) return;
    this._leave();
    groups.get(this.name)?.delete(this.map);
    if (this.name && !groups.get(this.name).size) groups.delete(this.name);
    this.name = name;
    if (!name) return;
    if (!groups.has(name)) groups.set(name, new Set());
    groups.get(name).add(this.map);
    this.catchUp();
  }

  /** What this map has put on the others goes with it; the card of the current patch stays with one of them. */
  _leave() {
    const { pointing } = this.map;
    let heir = pointing.current >= 0 && pointing.mine;
    this.each((other) => {
      other.pointing.highlight(null);
      if (heir) heir = !other.pointing.inherit();
    });
    pointing.highlight(null);
  }

  /** Call fn with every other map of the group that shows something. */
  each(fn) {
    for (const other of groups.get(this.name) ?? []) if (other !== this.map && other.scene) fn(other);
  }

  /** A map that has just come shows what the others show. */
  catchUp() {
    const { map } = this;
    const [first] = [...(groups.get(this.name) ?? [])].filter((other) => other !== map && other.scene);
    if (!first || !map.scene) return;
    const { selecting } = first;
    const column = first.props.colourBy === map.props.colourBy ? selecting.column : undefined;
    map.selecting.setFilter({ labels: selecting.hidden, column }, { quiet: true, told: true });
    if (selecting.onlyThese) map.selecting.only(selecting.onlyThese.ordinals, selecting.onlyThese.words, { told: true });
    map.selecting.combine(first.scene.selection(), "replace", { told: true });
    const current = first.ordinalAt(first.pointing.current);
    if (current !== null && map.pointing.current < 0) map.pointing.setCurrent(map.scene.slotOf(current), { told: true });
  }

  destroy() {
    this.set(null);
  }
}
