// regl-scatterplot as its manual has it: positions in -1 to 1, categories as colours; its spatial index is kept where it can be.

import createScatterplot from "/npm/regl-scatterplot/dist/regl-scatterplot.esm.js";
import { finish, frame, start } from "./harness.js";

const unit = (values) => {
  let low = Infinity, high = -Infinity;
  for (const v of values) { if (v < low) low = v; if (v > high) high = v; }
  return Float32Array.from(values, (v) => (2 * (v - low)) / (high - low) - 1);
};

start(async (root, { x, y, codes, colors }) => {
  const canvas = document.createElement("canvas");
  root.append(canvas);
  const plot = createScatterplot({ canvas, width: 1000, height: 800, pointSize: 3, colorBy: "category", pointColor: colors });
  const points = { x: unit(x), y: unit(y), category: Float32Array.from(codes) };
  await plot.draw(points);
  const again = () => plot.draw(points, { transition: false, spatialIndex: plot.get("spatialIndex") ?? undefined });
  return {
    target: canvas,
    settled: async () => { await frame(); finish(root); await frame(); },
    recolourOne: (i, code) => { points.category[i] = code; return again(); },
    recolourAll: (shift) => { plot.set({ pointColor: colors.map((_, i) => colors[(i + shift) % colors.length]) }); },
    pick: (px, py) => {
      const box = canvas.getBoundingClientRect();
      const init = { clientX: box.left + px, clientY: box.top + py, bubbles: true };
      canvas.dispatchEvent(new MouseEvent("mouseenter", init));
      canvas.dispatchEvent(new MouseEvent("mousemove", init));
    },
    lassoMode: () => plot.reset(), // then shift and drag, as in ours
    screenOf: (i) => plot.getScreenPosition(i),
    panMode: () => {},
    selected: (then) => plot.subscribe("lassoEnd", () => then(plot.get("selectedPoints").length)),
  };
});
