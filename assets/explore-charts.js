// The tab "Charts": a click on a part of a chart shows its patches alone on the map, a second click shows all again;
// downloads. The server's half is pages/explore/charts.py; the numbers come with the figure.
(() => {
  const $ = (id) => document.getElementById(id);
  const page = () => window.eob.explore;
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const NO_LABEL = 65535;
  let lit = null; // the part whose patches are shown alone: {key, count}

  /** Whether a part is shown alone; the map's own chip may have ended that without a word. */
  const isLit = (key) => lit?.key === key && page().map().state().shown <= lit.count;
  const everything = () => {
    lit = null;
    for (const map of page().maps()) map.only(null);
  };

  /** One label alone; false where it was alone already and all are shown again. */
  const onlyLabel = (code) => {
    const others = [...page().labels().map((label) => label.code), NO_LABEL].filter((c) => c !== code);
    const now = new Set(page().hidden());
    const already = !now.has(code) && others.every((c) => now.has(c));
    page().setHidden(already ? [] : others);
    return !already;
  };

  /** The patches behind a part, asked for and shown alone. */
  const onlyMembers = async (key, query) => {
    if (isLit(key)) { everything(); return; }
    const asked = (lit = { key, count: Infinity });
    try {
      const found = await page().api(`members?${new URLSearchParams(query)}`);
      if (lit !== asked) return; // another part was clicked while this one was on its way
      const words = `${found.ordinals.length.toLocaleString("en")}${found.more ? "+" : ""} ${found.words}`;
      for (const map of page().maps()) map.only(found.ordinals, words);
      asked.count = found.ordinals.length;
      if (found.more) page().toast(`Only the first ${found.ordinals.length.toLocaleString("en")} patches are shown.`);
    } catch (error) {
      lit = null;
      page().toast(error.message, "danger");
    }
  };

  const ACTIONS = {
    labels: ([code]) => { if (code >= 0) onlyLabel(code); },
    changes: (key) => {
      if (key.length === 1) onlyLabel(key[0]);
      else onlyMembers(`changes:${key}`, { before: key[0], after: key[1] });
    },
    people: ([person]) => onlyMembers(`people:${person}`, { person }),
    time: ([time, person]) => onlyMembers(`time:${time}:${person}`, person < 0 ? { time } : { time, person }),
    clusters: ([cluster], set) => { if (cluster >= 0) window.eob.clusters.isolate(set, cluster); },
  };

  // Ribbons of a flow tell their two codes as text: Dash drops what is a list there.
  const keyOf = (point) => {
    const data = point?.customdata;
    if (Array.isArray(data)) return data;
    return typeof data === "string" && /^\d+,\d+$/.test(data) ? data.split(",").map(Number) : null;
  };

  const clicked = (click, chart, set) => {
    const key = keyOf(click?.points?.[0]);
    if (!click) return window.dash_clientside.no_update;
    if (key) {
      $("explore-charts-dialog")?.close();
      ACTIONS[chart.split(":")[0]]?.(key, set);
    }
    return null; // so that a second click on the same part is news again
  };

  // A click on a tile means its patches; Plotly would also make the tile fill the chart.
  const keepTiles = (figure, id) => {
    const tame = (tries) => {
      const graph = $(id)?.querySelector(".js-plotly-plot");
      if (graph?.on && !graph.eobTamed) {
        graph.eobTamed = true;
        graph.on("plotly_treemapclick", (event) => { graph.emit("plotly_click", event); return false; });
      }
      if (!graph?.on && tries) setTimeout(tame, 100, tries - 1);
    };
    if (figure?.data?.[0]?.type === "treemap") tame(50);
    return window.dash_clientside.no_update;
  };

  // -- downloads ------------------------------------------------------------------------------------------------------
  const stem = (text) => text.replace(/[^\p{L}\p{N}_.-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "") || "dataset";
  const chosen = () => document.querySelector("#explore-charts-kind input:checked")?.value;

  const download = async (button) => {
    const chart = chosen() ?? "labels:bar", what = chart.split(":")[0];
    if (button.dataset.chartAs === "csv") {
      const set = button.closest(".eob-chart").dataset.set;
      const query = what === "clusters" ? `?set=${set || 0}` : "";
      const link = document.createElement("a");
      Object.assign(link, { href: `/download/datasets/${page().root().dataset.dataset}/charts/${what}.csv${query}`, download: "" });
      link.click();
      return;
    }
    const here = button.closest("dialog") ?? button.closest(".eob-chart");
    const graph = here.querySelector(".js-plotly-plot");
    if (!graph?.data?.length) { page().toast("There is nothing in this chart to download yet."); return; }
    const style = getComputedStyle(document.documentElement);
    const { width, height } = graph.getBoundingClientRect();
    const figure = {
      data: graph.data,
      // On the page the card shines through; a file stands alone.
      layout: { ...graph.layout, paper_bgcolor: style.getPropertyValue("--eob-surface").trim() },
    };
    const filename = `${stem(button.dataset.stem)}-${chart.replace(":", "-")}`;
    await window.Plotly.downloadImage(figure, { format: button.dataset.chartAs, width: Math.max(width, 320), height, scale: 3, filename });
  };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-chart-as]");
    if (button) download(button).catch((error) => page().toast(`The chart could not be saved: ${error.message}`, "danger"));
  });

  // A dialog's chart is drawn while the dialog has no size; tell it that it has one now.
  document.addEventListener("click", ({ target }) => {
    if (target.closest?.("#explore-charts-enlarge")) requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
  });

  const remember = (set) => {
    const tab = document.querySelector(".eob-chart");
    if (tab) tab.dataset.set = set ?? "";
    return window.dash_clientside.no_update;
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.eobCharts = { clicked, remember, keepTiles };
  window.eob = { ...window.eob, charts: { onlyLabel, onlyMembers, everything } };
})();
