// What is looked at on the explore page: tabs of the right panel, the second map, and the address that says it all.
// The server's half is pages/explore/; what experts do with their hands is in explore.js, colours in explore-colours.js,
// links and downloads in explore-share.js.
(() => {
  const $ = (id) => document.getElementById(id);
  const root = () => $("explore-root");
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const nothing = () => window.dash_clientside.no_update;

  // -- the address says what is looked at -----------------------------------------------------------------------------
  let writing = 0;
  let news = {}; // what the address does not say yet; "" takes a word out of it
  const write = () => {
    clearTimeout(writing);
    if (root()) {
      const url = new URL(location.href);
      for (const [key, value] of Object.entries(news)) value === "" ? url.searchParams.delete(key) : url.searchParams.set(key, value);
      history.replaceState(history.state, "", url.href.replaceAll("%2C", ","));
    }
    news = {};
  };
  const remember = (more) => {
    Object.assign(news, more);
    clearTimeout(writing);
    writing = setTimeout(write, 60);
  };
  const short = (n) => String(Number(n.toPrecision(6)));

  const MAPS = { "explore-map": "", "explore-map2": "2" }; // what the address adds to its words for each

  document.addEventListener("eob:view", ({ target, detail }) => {
    if (target.id === "explore-map2") remember({ v2: [detail.x, detail.y, detail.k].map(short).join(",") });
  });
  /** Where the maps look now; one that nobody has moved has not said so itself. */
  const rememberViews = () => {
    for (const [id, n] of Object.entries(MAPS)) {
      const view = $(id)?.eobMap?.state().view;
      if (view) remember({ [`v${n}`]: [view.x, view.y, view.k].map(short).join(",") });
    }
  };
  // A link that names a patch and no view flies to the patch: who has one before them is to find all as it was.
  document.addEventListener("eob:showing", () => { if (opened()) rememberViews(); });

  // Each map, once it is there, opens what the link says of it (the first: the rest as well); until then nothing is said anew.
  const opened = (n = "") => Boolean(root()?.dataset[`opened${n}`]);
  document.addEventListener("eob:ready", ({ target }) => {
    const n = MAPS[target.id];
    if (n === undefined) return;
    if (opened(n)) { // another map has taken its place
      if (window.eob.explore.shown() !== null) rememberViews();
      return;
    }
    root().dataset[`opened${n}`] = "1";
    const words = new URL(location.href).searchParams;
    const codes = (text) => (text ?? "").split(",").filter((part) => /^\d{1,5}$/.test(part)).map(Number);
    const range = (words.get(`crange${n}`) ?? "").split(",").map(Number);
    if (!n && words.get("hide")) window.eob.explore.setHidden(codes(words.get("hide")));
    const column = { hidden: codes(words.get(`chide${n}`)), range: range.length === 2 && range.every(Number.isFinite) ? range : null };
    const map = target.eobMap;
    if (map.state().column) {
      if (column.hidden.length || column.range) map.setFilter({ column });
      else tellFilter({ target }); // a map that came later has taken over the other's
    }
    if (!n && /^\d{1,9}$/.test(words.get("sel") ?? "")) openSelection(words.get("sel"));
  });

  const tellFilter = ({ target }) => {
    const n = MAPS[target.id];
    if (n === undefined || !opened(n)) return;
    const { labels, column: { hidden, range } } = target.eobMap.filter();
    if (!n) remember({ hide: labels.join(",") });
    remember({ [`chide${n}`]: hidden.join(","), [`crange${n}`]: range ? range.map(short).join(",") : "" });
  };
  document.addEventListener("eob:filter", tellFilter);
  document.addEventListener("eob:column", tellFilter); // another column colours: the filter by the last one is gone

  // -- saved selections -----------------------------------------------------------------------------------------------
  let opening = false; // the selection that changes now is the link's own
  const openSelection = async (id) => {
    try {
      const { ordinals } = await window.eob.explore.api(`selections/${id}`);
      opening = true;
      const shown = window.eob.explore.map().select(ordinals);
      if (shown < ordinals.length) window.eob.toast({ text: `${(ordinals.length - shown).toLocaleString("en")} of the link's patches are not shown on this map.` });
    } catch (error) {
      window.eob.toast({ text: error.message, kind: "danger" });
    } finally {
      opening = false;
    }
  };
  document.addEventListener("eob:select", () => {
    if (opened() && !opening && new URL(location.href).searchParams.has("sel")) remember({ sel: "" });
  });

  // -- what is filled in when it is wanted (later.py) -----------------------------------------------------------------
  const fill = (name) => {
    const place = document.querySelector(`.eob-explore [data-later="${name}"]`);
    if (place && !place.firstElementChild) props({ type: "explore-ask", name }, { data: Date.now() });
  };
  document.addEventListener("eob:ready", () => window.setTimeout(fill, 300, "new"));
  document.addEventListener("click", ({ target }) => { if (target.closest?.('[data-eob-open="explore-new"]')) fill("new"); });

  // -- tabs of the right panel ----------------------------------------------------------------------------------------
  const tabs = () => [...document.querySelectorAll(".eob-explore [data-tab]")];
  const openTab = (name) => {
    if (!tabs().some((tab) => tab.dataset.tab === name)) return;
    for (const tab of tabs()) {
      const chosen = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", String(chosen));
      tab.tabIndex = chosen ? 0 : -1;
    }
    for (const panel of document.querySelectorAll(".eob-explore [data-panel]")) panel.hidden = panel.dataset.panel !== name;
    remember({ tab: name === "labels" ? "" : name });
    fill(name);
    props("explore-tab", { data: name });
    window.dispatchEvent(new Event("resize")); // charts that were hidden have no size of their own yet
    document.dispatchEvent(new CustomEvent("eob:tab", { detail: name }));
  };

  document.addEventListener("keydown", (event) => {
    const tab = root() && event.target.closest?.(".eob-explore [data-tab]");
    if (!tab) return;
    const all = tabs(), at = all.indexOf(tab);
    const next = { ArrowRight: at + 1, ArrowLeft: at - 1 + all.length, Home: 0, End: all.length - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // these arrows are not the map's
    openTab(all[next % all.length].dataset.tab);
    all[next % all.length].focus();
  }, true);

  // The server answers again: what it was asked for meanwhile is asked for once more.
  document.addEventListener("eob:answers", () => {
    if (!root()) return;
    openTab(tabs().find((tab) => tab.getAttribute("aria-selected") === "true").dataset.tab);
    fill("new");
  });

  // -- switches ---------------------------------------------------------------------------------------------------------
  const pressed = (what) => document.querySelector(`[data-do="${what}"][aria-pressed]`);
  const verbs = {
    thumbs: () => props("explore-thumbs", { data: pressed("thumbs").getAttribute("aria-pressed") !== "true" }),
    split: () => props("explore-split", { data: Date.now() }),
    honesty: (button) => { button.closest("details").open = false; window.eob.exploreView.honesty(); },
  };
  document.addEventListener("click", ({ target }) => {
    if (!root() || !(target instanceof Element)) return;
    const tab = target.closest("[data-tab]"), what = target.closest("[data-do]");
    if (tab) openTab(tab.dataset.tab);
    if (what) verbs[what.dataset.do]?.(what);
  });

  const typing = (node) => node instanceof HTMLElement && (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName));
  const keys = {
    t: () => verbs.thumbs(),
    d: () => verbs.split(),
    c: () => {
      const summary = document.querySelector('[data-colour-menu="explore-map"] > summary');
      summary.focus(); // from where the menu takes it on
      summary.click();
    },
  };
  document.addEventListener("keydown", (event) => {
    if (!root() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
    if (document.querySelector("dialog[open], .eob-assign") || !keys[event.key] || !root().dataset.map) return;
    event.preventDefault();
    keys[event.key]();
  });

  // -- what Dash calls --------------------------------------------------------------------------------------------------
  const urls = (id, dataset) => {
    if (!id) return [null, null, null, null];
    const on = `/data/datasets/${dataset}/embeddings/${id}`;
    return [`${on}.bin`, root()?.dataset.pictures ? `${on}/sheets` : null, `/data/datasets/${dataset}/columns/{name}.bin?map=${id}`, null];
  };
  const openMap = (id, dataset) => {
    if (!id) return [nothing(), nothing(), nothing(), nothing()];
    root().dataset.map = "1";
    remember({ map: String(id), v: "" });
    window.eob.exploreView.mapChanged("explore-map", id);
    return urls(id, dataset);
  };
  const openSecond = (id, dataset) => {
    if (root()) root().dataset.split = id ? "1" : "";
    pressed("split")?.setAttribute("aria-pressed", String(Boolean(id)));
    remember(id ? { map2: String(id), v2: "" } : { map2: "", v2: "", colour2: "", chide2: "", crange2: "" });
    window.eob.exploreView.mapChanged("explore-map2", id);
    return urls(id, dataset);
  };
  /** Opens the second map on another map than the first, where there is one; or closes it. */
  const split = (asked, now, options, first) => {
    if (!asked) return nothing();
    const all = (options ?? []).map((option) => option.value);
    return now ? null : (all.find((id) => id !== first) ?? first ?? null);
  };
  const thumbnails = (on) => {
    const shown = on !== false;
    pressed("thumbs")?.setAttribute("aria-pressed", String(shown));
    return [shown, shown];
  };
  const hideBack = (id, whole) => !id || !whole?.length || whole.includes(id);
  const goBack = (clicks, whole) => (clicks && whole?.length ? whole[0] : nothing());
  const chosenMethod = (method, ids) => ids.map((id) => id.name !== method);

  window.eob = {
    ...window.eob,
    exploreView: { ...window.eob?.exploreView, remember, rememberViews, write, openTab, verbs, keys, opened },
  };
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.eobView = { openMap, openSecond, split, thumbnails, hideBack, goBack, chosenMethod };
})();
