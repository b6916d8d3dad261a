// plotly.js scattergl: one trace, colours as an array of codes with a stepped colour scale (its fastest way).

import { finish, frame, start } from "./harness.js";

start(async (root, { x, y, codes, colors }) => {
  const { Plotly } = window;
  const k = colors.length;
  const scale = (shift) => colors.flatMap((_, i) => [[i / k, colors[(i + shift) % k]], [(i + 1) / k, colors[(i + shift) % k]]]);
  let color = Float32Array.from(codes);
  const trace = {
    type: "scattergl", mode: "markers", x, y, hoverinfo: "none",
    marker: { size: 3, color, cmin: -0.5, cmax: k - 0.5, colorscale: scale(0), line: { width: 0 } },
  };
  const axis = { visible: false };
  const layout = { width: 1000, height: 800, margin: { l: 0, r: 0, t: 0, b: 0 }, xaxis: axis, yaxis: axis, dragmode: "pan", hovermode: "closest" };
  await Plotly.newPlot(root, [trace], layout, { scrollZoom: true, displayModeBar: false });
  const target = root.querySelector(".nsewdrag");
  return {
    target,
    pickPause: 60, // it looks at most every 50 ms; a call in between would measure nothing
    settled: async () => { await frame(); finish(root); await frame(); },
    recolourOne: (i, code) => { color = color.slice(); color[i] = code; return Plotly.restyle(root, { "marker.color": [color] }, [0]); },
    recolourAll: (shift) => Plotly.restyle(root, { "marker.colorscale": [scale(shift)] }, [0]),
    pick: (px, py) => {
      const box = target.getBoundingClientRect();
      Plotly.Fx.hover(root, { clientX: box.left + px, clientY: box.top + py, target, xpx: px, ypx: py }, "xy");
    },
    lassoMode: () => Plotly.relayout(root, { dragmode: "lasso", "xaxis.autorange": true, "yaxis.autorange": true }),
    screenOf: (i) => {
      const { xaxis, yaxis } = root._fullLayout;
      return [xaxis._offset + xaxis.l2p(x[i]), yaxis._offset + yaxis.l2p(y[i])];
    },
    panMode: () => Plotly.relayout(root, { dragmode: "pan" }),
    selected: (then) => root.once("plotly_selected", (event) => then(event?.points?.length ?? 0)),
  };
});
