// EO Bench's own map, mounted without Dash. The colours and positions are those that the other tools get.

import { mount } from "/map/js/map.js";
import { frame, start } from "./harness.js";

start(async (root, { n, codes, colors }) => {
  const props = {
    coordsUrl: "/coords", labelsUrl: "/codes", mode: "visualise",
    labels: colors.map((color, code) => ({ code, name: `Label ${code}`, color })),
  };
  // The bytes are in the browser's cache by now as they are for the others; reading them is part of the time.
  const ready = new Promise((ok) => root.addEventListener("eob:ready", ok, { once: true }));
  const view = mount(root, () => {});
  view.update(props);
  await ready;
  const map = root.eobMap;
  const all = Uint32Array.from({ length: n }, (_, i) => i);
  return {
    target: root.querySelector(".eob-map__top"),
    settled: async () => { await frame(); while (!map.state().settled) await frame(); },
    recolourOne: (i, code) => void map.recolour([i], code),
    // Another palette for every point, as when people choose another column to colour by.
    recolourAll: (shift) => view.update({ ...props, labels: props.labels.map((l, i) => ({ ...l, color: colors[(i + shift) % colors.length] })) }),
    pick: (x, y) => map.pick(x, y),
    lassoMode: () => { map.clearSelection(); map.fit(); },
    screenOf: (i) => { const at = map.screenOf(i); return [at.x, at.y]; },
    panMode: () => {},
    selected: (then) => root.addEventListener("eob:select", (event) => then(event.detail.count), { once: true }),
    all, codes,
  };
});
