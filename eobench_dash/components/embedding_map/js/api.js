// What the page's own scripts may call: element.eobMap.

import { glContexts } from "./context.js";
import { NO_LABEL } from "./wire.js";

export function publicApi(map) {
  const slotOf = (ordinal) => (map.scene ? map.scene.slotOf(ordinal) : -1);
  return {
    /** Show patches under another label at once; returns the function that takes it back. */
    recolour: (ordinals, code) => map.selecting.recolour(ordinals, code),
    setMode: (mode) => map.setMode(mode),
    /** "pan" | "lasso" | "box" */
    setTool: (tool) => map.setTool(tool),
    /** Replaces the selection; returns how many of them are on this map. */
    select: (ordinals) => map.selecting.select(ordinals),
    clearSelection: () => map.selecting.select([]),
    /** Uint32Array of the selected ordinals, all of them, ascending. */
    selection: () => (map.scene ? map.scene.selection() : new Uint32Array(0)),
    /** {labels: [hidden codes], column: {hidden: [codes], range: [lo, hi] | null}}; parts not given stay. */
    setFilter: (filter) => map.selecting.setFilter(filter),
    filter: () => map.selecting.filter(),
    /** Show just these patches, with a chip in these words that ends it; null: all again. */
    only: (ordinals, words) => map.selecting.only(ordinals, words),
    /** Just this code of what colours (label or column); asked again, all of them. */
    isolate: (code) => map.selecting.isolate(code),
    /** Ring a patch without moving the map; null: no longer. False where it is not shown. */
    highlight(ordinal) {
      map.link.each((other) => other.pointing.highlight(ordinal));
      return map.pointing.highlight(ordinal);
    },
    /** Make a patch the current one without moving the map; null: none. False where it is not on this map. */
    mark(ordinal) {
      const slot = ordinal === null ? -1 : slotOf(ordinal);
      if (map.scene) map.pointing.setCurrent(slot);
      return slot >= 0;
    },
    /** The view before this one, and the other way; false where there is none. */
    back: () => map.step(-1),
    forward: () => map.step(1),
    /** Promise of the picture as a PNG Blob, as it is shown. */
    png: () => map.painting.png(),
    /** {ordinals, x, y, codes} of the patches shown, by ascending ordinal (typed arrays). */
    table: () => tableOf(map.scene),
    /** What paints them: {codes (per row of the table), css (code => colour)}. */
    painting: () => ({ codes: tableOf(map.scene, "paint").codes, css: (code) => `rgb(${map.renderer.palette.rgbOf(code).join(",")})` }),
    /** What the legend says: {title, kind, entries: [{code, name, css, count, hidden}]}. */
    legend: () => ({
      title: map.colouring.column?.title ?? "Labels", kind: map.colouring.column?.kind ?? "label",
      entries: map.colouring.column?.kind === "number" ? [] : map.colouring.entries().map((e) => ({ ...e, hidden: map.selecting.isHidden(e.code) })),
    }),
    /** The colour that a patch's label or column gives it; null where it has none or is not shown. */
    cssOf(ordinal) {
      const slot = map.props.colourBy === "none" ? -1 : slotOf(ordinal);
      return slot >= 0 && map.scene.isShown(slot) && map.scene.paint[slot] !== NO_LABEL ? map.colouring.cssOf(slot) : null;
    },
    /** What the colouring says of a patch: {title, text, css}; null where labels colour or it is not on this map. */
    valueOf(ordinal) {
      const slot = slotOf(ordinal);
      return slot < 0 ? null : map.colouring.valueOf(slot);
    },
    /** {code, name} or null where the patch is not on this map. */
    labelOf(ordinal) {
      const slot = slotOf(ordinal);
      if (slot < 0) return null;
      const { code, name } = map.labelOf(slot);
      return { code, name };
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
    refresh: () => map.loading.feed.poll(),
    state: () => stateOf(map),
    /** on("hover" | "click" | "context" | "select" | "changes" | "view" | "ready" | "filter" | "column" | "paint" | "history", fn(detail)); returns the way to stop. */
    on(name, fn) {
      const listener = (event) => event.target === map.root && fn(event.detail);
      map.root.addEventListener(`eob:${name}`, listener);
      return () => map.root.removeEventListener(`eob:${name}`, listener);
    },
  };
}

function stateOf(map) {
  const { scene, camera, pointing, painting, renderer, colouring, loading } = map;
  return {
    ready: Boolean(scene), n: scene ? scene.n : 0, shown: scene ? scene.shown : 0,
    selected: scene ? scene.selected : 0, counts: scene ? scene.counts() : {},
    view: camera.view ? { ...camera.view } : null, mode: map.mode, tool: map.tool, combine: map.combine,
    colourBy: map.props.colourBy ?? "label", column: colouring.meta(), filter: map.selecting.filter(), look: "auto",
    hovered: map.ordinalAt(pointing.hovered), linked: map.ordinalAt(pointing.linked), current: map.ordinalAt(pointing.current),
    history: map.history.state, offline: loading.offline, lastEvent: loading.lastEvent,
    settled: !painting.raf && !camera.flight && !painting.travel, stats: { ...renderer.stats },
    renderer: { kind: renderer.kind, contexts: glContexts() }, thumbs: map.thumbs?.state() ?? null,
  };
}

function tableOf(scene, of = "codes") {
  const slots = [];
  for (let o = 0, s; scene && o < scene.end; o++) if (scene.isShown((s = scene.slotOf(o)))) slots.push(s);
  return {
    ordinals: Uint32Array.from(slots, (s) => scene.ordinalOf(s)), codes: Uint16Array.from(slots, (s) => scene[of][s]),
    x: Float32Array.from(slots, (s) => scene.grid.gx[s]), y: Float32Array.from(slots, (s) => scene.grid.gy[s]),
  };
}
