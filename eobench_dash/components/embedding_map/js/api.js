// What the page's own scripts may call: element.eobMap.

export function publicApi(map) {
  const slotOf = (ordinal) => (map.scene ? map.scene.slotOf(ordinal) : -1);
  return {
    /** Show patches under another label at once; returns the function that takes it back. */
    recolour: (ordinals, code) => map.recolour(ordinals, code),
    setMode: (mode) => map.setMode(mode),
    /** "pan" | "lasso" | "box" */
    setTool: (tool) => map.setTool(tool),
    /** Replaces the selection; returns how many of them are on this map. */
    select: (ordinals) => map.select(ordinals),
    clearSelection: () => map.select([]),
    /** Uint32Array of the selected ordinals, all of them, ascending. */
    selection: () => (map.scene ? map.scene.selection() : new Uint32Array(0)),
    /** {code, name} or null where the patch is not on this map. */
    labelOf(ordinal) {
      const slot = slotOf(ordinal);
      return slot < 0 ? null : { code: map.labelOf(slot).code, name: map.labelOf(slot).name };
    },
    /** Where a patch is drawn, in pixels of the window; null where it is not. */
    screenOf(ordinal) {
      const mark = map.mark(slotOf(ordinal));
      const box = map.top.getBoundingClientRect();
      return mark && { x: mark.px + box.left, y: mark.py + box.top };
    },
    /** The patch drawn at a place of the map (CSS pixels of its box), or null. */
    pick: (px, py) => map.ordinalAt(map.scene ? map.pointing.pick(px, py) : -1),
    /** Go to a patch and mark it; false where it is not on this map. */
    flyTo: (ordinal) => map.flyTo(ordinal),
    fit: () => map.camera.fit(),
    /** Ask for other people's changes now. */
    refresh: () => map.feed.poll(),
    state: () => stateOf(map),
    /** on("hover" | "click" | "context" | "select" | "changes" | "view" | "ready", fn(detail)); returns the way to stop. */
    on(name, fn) {
      const listener = (event) => event.target === map.root && fn(event.detail);
      map.root.addEventListener(`eob:${name}`, listener);
      return () => map.root.removeEventListener(`eob:${name}`, listener);
    },
  };
}

function stateOf(map) {
  const { scene, camera, pointing, renderer } = map;
  return {
    ready: Boolean(scene), n: scene ? scene.n : 0, shown: scene ? scene.shown(map.visible) : 0,
    selected: scene ? scene.selected : 0, counts: scene ? scene.counts() : {},
    view: camera.view ? { ...camera.view } : null, mode: map.mode, tool: map.tool,
    hovered: map.ordinalAt(pointing.hovered), current: map.ordinalAt(pointing.current),
    offline: Boolean(map.offline), lastEvent: map.lastEvent, settled: !map.raf && !camera.flight, stats: { ...renderer.stats },
  };
}
