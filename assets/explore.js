// The explore page's core: talks to the server, knows maps, labels and groups, filters by them. What experts do is
// in explore-verbs.js, -menu.js, -keys.js, -panel.js, -history.js; the frame in -view.js. They are loaded before this
// file, so they look `window.eob.explore` up when something happens. Ids are those of pages/explore/ids.py.
(() => {
  const $ = (id) => document.getElementById(id);
  const root = () => $("explore-root");
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const LOGGED_OUT = "You are logged out, and nothing was changed. Log in again to go on.";
  const login = () => `/auth/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  const toast = (text, kind = "info") => window.eob.toast({ text, kind, href: text === LOGGED_OUT ? login() : null });
  const mayClean = () => root()?.dataset.mayClean === "1";
  const cleaning = () => mayClean() && root().dataset.mode === "clean";
  /** Who could clean elsewhere is told why not here. */
  const sayWhyNot = () => { if (root()?.dataset.whyNot) toast(root().dataset.whyNot); };
  const elements = () => [...(root()?.querySelectorAll(".eob-map") ?? [])].filter((one) => one.eobMap);
  const maps = () => elements().map((one) => one.eobMap);
  /** The map one works in: that with the focus, else the first. */
  const map = () => (elements().find((one) => one.contains(document.activeElement)) ?? $("explore-map"))?.eobMap;
  let count = 0; // makes each message to the server a new one
  const next = () => Date.now() * 8 + (count++ % 8);

  // -- talking to the server --------------------------------------------------------------------------------------
  const api = async (path, body) => {
    const options = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    let answer;
    try {
      answer = await fetch(`/api/datasets/${root().dataset.dataset}/${path}`, options);
    } catch {
      throw new Error("The server does not answer; the map shows what it last knew. Try again in a moment.");
    }
    if (answer.status === 401) throw new Error(LOGGED_OUT);
    const data = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(data.error || `The server answered ${answer.status}; nothing was changed.`);
    return data;
  };

  /** The server's pieces of the page are to follow what changed. */
  let ticking = 0;
  const tick = () => { clearTimeout(ticking); ticking = setTimeout(() => root() && props("explore-tick", { data: next() }), 200); };

  const imageUrl = (ordinal) => (root()?.dataset.image ?? "").replace("{ordinal}", String(ordinal));

  // -- groups: which are shown -------------------------------------------------------------------------------------
  const NO_LABEL = 65535;
  const toggles = () => [...document.querySelectorAll("#explore-groups [data-code]")];
  const hidden = new Set();
  let labels = []; // every label, largest first: {code, name, color, count}
  let digits = []; // codes that the keys 1 to 9 assign; they stay as they are while counts change under the hands

  /** Rows that Dash has drawn anew know nothing of the filter. */
  const dressGroups = () => {
    const words = ($("explore-find")?.value ?? "").trim().toLowerCase();
    for (const button of toggles()) {
      const code = Number(button.dataset.code), key = digits.indexOf(code) + 1;
      button.setAttribute("aria-pressed", String(!hidden.has(code)));
      button.toggleAttribute("data-key", key > 0);
      if (key) button.dataset.key = key;
      button.parentElement.hidden = !button.dataset.name.toLowerCase().includes(words);
    }
    const all = document.querySelector('[data-explore="all"]');
    if (all) all.disabled = !hidden.size;
  };
  const applyFilter = () => { dressGroups(); $("explore-map")?.eobMap?.setFilter({ labels: [...hidden] }); };
  const showAll = () => { hidden.clear(); applyFilter(); };
  let beforeClick = [];
  const setHidden = (codes) => { hidden.clear(); codes.forEach((c) => hidden.add(c)); };
  const only = (code) => {
    const others = [...labels.map((label) => label.code), NO_LABEL].filter((c) => c !== code);
    const already = others.every((c) => hidden.has(c)) && !hidden.has(code);
    setHidden(already ? [] : others);
    applyFilter();
  };

  /** What the address is to say: explore-view.js keeps it. */
  const remember = (more) => window.eob.exploreView.remember(more);

  // -- what the document hears ----------------------------------------------------------------------------------------------
  document.addEventListener("eob:changes", tick);
  // The map's own legend filters too.
  document.addEventListener("eob:filter", ({ target, detail }) => {
    if (target.id !== "explore-map") return;
    setHidden(detail.labels ?? []);
    dressGroups();
  });
  document.addEventListener("eob:view", ({ target, detail }) => {
    if (target.id !== "explore-map") return;
    remember({ v: [detail.x, detail.y, detail.k].map((n) => String(Number(n.toPrecision(6)))).join(",") });
  });
  // A link's patch is marked by flying to it; then its view is put back.
  document.addEventListener("eob:ready", ({ target }) => {
    const [x, y, k] = (root()?.dataset.view || "").split(",").map(Number);
    if (!k || target.id !== "explore-map") return;
    delete root().dataset.view;
    props("explore-map", { view: { x, y, k } });
  });
  window.addEventListener("eob:theme", ({ detail }) => { if (root()) props("explore-theme", { data: detail }); });

  document.addEventListener("click", (event) => {
    if (!root()) return;
    const group = event.target.closest?.("#explore-groups [data-code]");
    if (group) {
      const code = Number(group.dataset.code);
      if (event.detail > 1) { setHidden(beforeClick); only(code); return; } // the first click of two did not mean itself
      beforeClick = [...hidden];
      hidden.has(code) ? hidden.delete(code) : hidden.add(code);
      applyFilter();
      return;
    }
    if (event.target.closest?.('[data-explore="all"]')) showAll();
  });
  document.addEventListener("input", (event) => { if (event.target.id === "explore-find") dressGroups(); });

  // How the person works here: the map's ring of focus is for the keyboard.
  document.addEventListener("pointerdown", () => { if (root()) root().dataset.input = "pointer"; }, true);
  document.addEventListener("keydown", (event) => { if (root() && event.key === "Tab") root().dataset.input = "keys"; }, true);

  // A dataset that was left takes its filter with it; groups and panels drawn anew are dressed anew.
  let dataset = null;
  new MutationObserver((changes) => {
    const now = root()?.dataset.dataset ?? null;
    if (now !== dataset) {
      dataset = now;
      hidden.clear();
      document.dispatchEvent(new CustomEvent("eob:dataset", { detail: now }));
    }
    if (!now) return;
    const drawn = (id) => changes.some(({ target }) => target.closest?.(`#${id}`));
    if (drawn("explore-groups")) dressGroups();
    if (drawn("explore-neighbours")) document.dispatchEvent(new CustomEvent("eob:panel"));
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-code", "data-dataset", "data-patch"] });

  // -- what Dash calls --------------------------------------------------------------------------------------------------
  const setMode = (mode) => {
    window.eob.assignMenu.close();
    if (root()) root().dataset.mode = mode;
    remember({ mode: mode === "clean" ? "clean" : "" });
    return [mode, mode]; // of both maps
  };
  const theme = () => document.documentElement.dataset.theme || "light";
  const begin = (of, rows, pick) => {
    table(rows, of);
    picked(pick);
    return theme();
  };
  const picked = (pick) => { if (pick) window.eob.explore.showing(pick.ordinal); };
  let tabled = null; // the dataset whose labels these are
  const table = (rows, of) => {
    const kept = `eob-digits-${of}`; // hands remember the keys: they are the same when the page is opened again
    if (of !== tabled) digits = storedDigits(kept);
    tabled = of;
    labels = (rows ?? []).map(([code, name, color, count]) => ({ code, name, color, count }));
    if (labels.length) {
      digits = digits.map((code) => (labels.some((label) => label.code === code) ? code : null)); // merged: its key is free
      for (const { code } of labels) { // a new label takes a free key
        const free = digits.includes(null) ? digits.indexOf(null) : digits.length;
        if (free < 9 && !digits.includes(code)) digits[free] = code;
      }
      try { localStorage.setItem(kept, JSON.stringify(digits)); } catch { /* a full or forbidden store: until the page is left */ }
    }
    dressGroups();
  };
  const storedDigits = (kept) => {
    try {
      const codes = JSON.parse(localStorage.getItem(kept) ?? "[]");
      return Array.isArray(codes) ? codes.slice(0, 9).map((code) => (Number.isInteger(code) ? code : null)) : []; // null: a free key
    } catch {
      return [];
    }
  };

  // The other files have put their own verbs there: assign, mark, undo, redo, menu, showPatch, showing, shown, …
  window.eob.explore = {
    ...window.eob.explore,
    api, map, maps, root, toast, remember, tick, imageUrl, cleaning, mayClean, sayWhyNot, props, next,
    labels: () => labels,
    digit: (key) => labels.find((label) => label.code === digits[key - 1]),
    hidden: () => [...hidden],
    setHidden: (codes) => { setHidden(codes); applyFilter(); },
    switchMode: () => (mayClean() ? document.querySelector("#explore-mode input:not(:checked)")?.click() : sayWhyNot()),
  };
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.eobExplore = { setMode, begin, picked, table };
})();
