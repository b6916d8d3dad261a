// The explore page's instant half: filter groups, assign labels (painted before the server answers), undo, keys, links.
// The server's half is pages/explore/callbacks.py; ids are those of pages/explore/ids.py.
(() => {
  const $ = (id) => document.getElementById(id);
  const root = () => $("explore-root");
  const map = () => $("explore-map")?.eobMap;
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const toast = (text, kind = "info") => window.eob.toast({ text, kind });
  const cleaning = () => root()?.dataset.mode === "clean" && root().dataset.mayClean === "1";
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
    const data = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(data.error || `The server answered ${answer.status}; nothing was changed.`);
    return data;
  };

  let ticking = 0;
  const tick = () => { clearTimeout(ticking); ticking = setTimeout(() => root() && props("explore-tick", { data: next() }), 200); };

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
  const applyFilter = () => { dressGroups(); props("explore-map", { hidden: [...hidden] }); };
  const showAll = () => { hidden.clear(); applyFilter(); };
  let beforeClick = [];
  const setHidden = (codes) => { hidden.clear(); codes.forEach((c) => hidden.add(c)); };
  const only = (code) => {
    const others = [...labels.map((label) => label.code), NO_LABEL].filter((c) => c !== code);
    const already = others.every((c) => hidden.has(c)) && !hidden.has(code);
    setHidden(already ? [] : others);
    applyFilter();
  };

  // -- assigning ---------------------------------------------------------------------------------------------------
  const paint = (changes) => {
    const byCode = new Map();
    for (const [ordinal, code] of changes) {
      if (!byCode.has(code)) byCode.set(code, []);
      byCode.get(code).push(ordinal);
    }
    for (const [code, ordinals] of byCode) map()?.recolour(ordinals, code);
  };

  const nameSkipped = (skipped) => {
    if (!skipped?.length) return;
    const [first] = skipped;
    const more = skipped.length > 1 ? ` and ${skipped.length - 1} more` : "";
    toast(`Left alone: patch ${first.ordinal}${more}, changed since by ${first.by} to ${first.label || "no label"}.`, "danger");
    map()?.refresh();
  };

  const assign = async (ordinals, label, why = "") => {
    const takeBack = label.create ? () => {} : map().recolour(ordinals, label.code);
    try {
      const done = await api("relabel", { ordinals, label: label.name, why, create: Boolean(label.create), seen: map().state().lastEvent });
      if (done.skipped?.length) takeBack();
      paint(done.changes);
      if (ordinals.length > 1) map()?.clearSelection(); // else the next key would change them all once more
      toast(done.summary, "ok");
      nameSkipped(done.skipped);
      refreshPanel();
      tick();
    } catch (error) {
      takeBack();
      toast(error.message, "danger");
    }
  };

  const undo = async () => {
    try {
      const done = await api("undo", {});
      paint(done.changes);
      toast(done.summary, "ok");
      nameSkipped(done.skipped);
      refreshPanel();
      tick();
    } catch (error) {
      toast(error.message, "danger");
    }
  };

  const openMenu = (ordinals, total, x, y) => {
    if (!cleaning()) {
      if (root()?.dataset.mayClean === "1") toast("Switch to Clean (m) to change labels.");
      return;
    }
    const one = ordinals.length === 1;
    const now = one ? map().labelOf(ordinals[0])?.name : null;
    if (total > ordinals.length) { toast("Select at most 50,000 patches at once.", "danger"); return; }
    window.eob.assignMenu.show({
      title: one ? `Assign patch ${ordinals[0]}${now ? ` (${now})` : ""} to …` : `Assign ${total.toLocaleString("en")} patches to …`,
      x, y, labels,
      suggest: api(`suggest?ordinals=${ordinals.slice(0, 50).join(",")}`).then((found) => found.labels ?? found),
      chosen: (label, why) => assign(ordinals, label, why),
    });
  };

  /** What a key acts on: the selection, else the patch under the pointer, else the one last clicked. */
  const target = () => {
    const state = map()?.state();
    if (!state?.ready) return [];
    if (state.selected) return Array.from(map().selection());
    const one = state.hovered ?? state.current;
    return one === null || one === undefined ? [] : [one];
  };

  // -- the panel of neighbours --------------------------------------------------------------------------------------
  let shown = null;
  const pick = (ordinal) => props("explore-pick", { data: { ordinal, n: next() } });
  const refreshPanel = () => { if (shown !== null) pick(shown); };
  const walkTo = (ordinal) => { map()?.flyTo(ordinal); pick(ordinal); };
  const panelOrdinals = () => [...document.querySelectorAll("#explore-neighbours [data-ordinal]")].map((b) => Number(b.dataset.ordinal));

  // -- links: the view lives in the address -----------------------------------------------------------------------------
  let remembering = 0;
  let news = {}; // what the address does not say yet
  const remember = (more) => {
    Object.assign(news, more);
    clearTimeout(remembering);
    remembering = setTimeout(() => {
      if (!root()) return;
      const url = new URL(location.href);
      for (const [key, value] of Object.entries(news)) value === "" ? url.searchParams.delete(key) : url.searchParams.set(key, value);
      news = {};
      history.replaceState(history.state, "", url.href.replaceAll("%2C", ","));
    }, 60);
  };
  const showing = (ordinal) => { shown = ordinal; remember({ patch: String(ordinal) }); };

  // -- what the document hears ----------------------------------------------------------------------------------------------
  document.addEventListener("eob:context", ({ detail }) => {
    openMenu(detail.ordinals ?? [detail.ordinal], detail.count ?? 1, detail.x, detail.y);
  });
  document.addEventListener("eob:click", ({ detail }) => showing(detail.ordinal));
  document.addEventListener("eob:changes", () => { refreshPanel(); tick(); });
  document.addEventListener("eob:view", ({ detail }) => {
    remember({ v: [detail.x, detail.y, detail.k].map((n) => String(Number(n.toPrecision(6)))).join(",") });
  });
  // A link's patch is marked by flying to it; then its view is put back.
  document.addEventListener("eob:ready", () => {
    const [x, y, k] = (root()?.dataset.view || "").split(",").map(Number);
    if (!k) return;
    delete root().dataset.view;
    props("explore-map", { view: { x, y, k } });
  });
  window.addEventListener("eob:theme", ({ detail }) => { if (root()) props("explore-theme", { data: detail }); });

  document.addEventListener("click", (event) => {
    if (!root()) return;
    const at = (selector) => event.target.closest?.(selector);
    const group = at("#explore-groups [data-code]");
    if (group) {
      const code = Number(group.dataset.code);
      if (event.detail > 1) { setHidden(beforeClick); only(code); return; } // the first click of two did not mean itself
      beforeClick = [...hidden];
      hidden.has(code) ? hidden.delete(code) : hidden.add(code);
      applyFilter();
      return;
    }
    const neighbour = at("#explore-neighbours [data-ordinal]");
    if (neighbour) { walkTo(Number(neighbour.dataset.ordinal)); return; }
    const action = at("[data-explore]")?.dataset.explore;
    if (action === "all") showAll();
    if (action === "undo") undo();
    if (action === "select-neighbours") map()?.select([shown, ...panelOrdinals()].filter((o) => o !== null));
  });
  document.addEventListener("input", (event) => { if (event.target.id === "explore-find") dressGroups(); });

  document.addEventListener("contextmenu", (event) => {
    const neighbour = event.target.closest?.("#explore-neighbours [data-ordinal]");
    if (!neighbour) return;
    event.preventDefault();
    openMenu([Number(neighbour.dataset.ordinal)], 1, event.clientX, event.clientY);
  });

  const typing = (node) => node instanceof HTMLElement && (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName));
  document.addEventListener("keydown", (event) => {
    if (!root() || typing(event.target) || document.querySelector("dialog[open]") || window.eob.assignMenu.isOpen()) return;
    const undoing = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey) && !event.shiftKey;
    if (undoing || (event.key === "z" && cleaning() && !event.altKey)) {
      event.preventDefault();
      if (cleaning()) undo();
      else if (root().dataset.mayClean === "1") toast("Switch to Clean (m) to take changes back.");
      return;
    }
    if (event.key === "m" && !event.ctrlKey && !event.metaKey && !event.altKey) {
      document.querySelector("#explore-mode input:not(:checked)")?.click();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || !cleaning()) return;
    const ordinals = target();
    if (event.key === "/") {
      event.preventDefault();
      if (!ordinals.length) { toast("Point at a patch or select some, then press /."); return; }
      const where = map().screenOf(ordinals[0]) || { x: window.innerWidth / 2, y: window.innerHeight / 3 };
      openMenu(ordinals, ordinals.length, where.x, where.y);
    } else if (/^[1-9]$/.test(event.key) && ordinals.length) {
      const label = labels.find((one) => one.code === digits[Number(event.key) - 1]);
      if (label) { event.preventDefault(); assign(ordinals, label); }
    }
  });

  // How the person works here: the map's ring of focus is for the keyboard.
  document.addEventListener("pointerdown", () => { if (root()) root().dataset.input = "pointer"; }, true);
  document.addEventListener("keydown", (event) => { if (root() && event.key === "Tab") root().dataset.input = "keys"; }, true);

  // A dataset that was left takes its filter with it; groups drawn anew keep theirs.
  let dataset = null;
  new MutationObserver((changes) => {
    const now = root()?.dataset.dataset ?? null;
    if (now !== dataset) {
      dataset = now;
      hidden.clear();
      shown = null;
      labels = digits = [];
      news = {};
    }
    if (now && changes.some(({ target }) => target.closest?.("#explore-groups"))) dressGroups();
  }).observe(document.documentElement, { childList: true, subtree: true, attributes: true, attributeFilter: ["data-code", "data-dataset"] });

  // -- what Dash calls --------------------------------------------------------------------------------------------------
  const nothing = () => window.dash_clientside.no_update;
  const openMap = (id, dataset) => {
    if (!id) return [nothing(), nothing()];
    remember({ map: String(id), v: "" });
    return [`/data/datasets/${dataset}/embeddings/${id}.bin`, null];
  };
  const hideBack = (id, whole) => !id || !whole?.length || whole.includes(id);
  const goBack = (clicks, whole) => (clicks && whole?.length ? whole[0] : nothing());
  const setMode = (mode) => {
    window.eob.assignMenu.close();
    if (root()) root().dataset.mode = mode;
    remember({ mode: mode === "clean" ? "clean" : "" });
    return mode;
  };
  const theme = () => document.documentElement.dataset.theme || "light";
  const isolate = (click) => {
    const code = click?.points?.[0]?.customdata?.[0];
    if (code === undefined) return nothing();
    if (code >= 0) only(code);
    return null; // a second click on the same bar is news again
  };
  const picked = (pick) => { if (pick) showing(pick.ordinal); };
  const table = (rows) => {
    labels = (rows ?? []).map(([code, name, color, count]) => ({ code, name, color, count }));
    if (!digits.length) digits = labels.slice(0, 9).map((label) => label.code);
    dressGroups();
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.eobExplore = { openMap, hideBack, goBack, setMode, theme, isolate, picked, table };
})();
