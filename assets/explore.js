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
      throw new Error("The server does not answer; nothing was changed. Try again in a moment.");
    }
    const data = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(data.error || `The server answered ${answer.status}; nothing was changed.`);
    return data;
  };

  let ticking = 0;
  const tick = () => { clearTimeout(ticking); ticking = setTimeout(() => root() && props("explore-tick", { data: next() }), 200); };

  // -- groups: which are shown -------------------------------------------------------------------------------------
  const toggles = () => [...document.querySelectorAll("#explore-groups [data-code]")];
  const hidden = new Set();
  const applyFilter = () => {
    for (const button of toggles()) button.setAttribute("aria-pressed", String(!hidden.has(Number(button.dataset.code))));
    props("explore-map", { hidden: [...hidden] });
    remember();
  };
  const only = (code) => {
    const others = toggles().map((b) => Number(b.dataset.code)).filter((c) => c !== code);
    const already = others.length && others.every((c) => hidden.has(c)) && !hidden.has(code);
    hidden.clear();
    if (!already) others.forEach((c) => hidden.add(c));
    applyFilter();
  };
  const labels = () => toggles().map(({ dataset }) => ({
    code: Number(dataset.code), name: dataset.name, color: dataset.color, count: Number(dataset.count),
  })).filter((label) => label.code !== 65535);

  // -- assigning ---------------------------------------------------------------------------------------------------
  const paint = (changes) => {
    const byCode = new Map();
    for (const [ordinal, code] of changes) byCode.set(code, [...(byCode.get(code) || []), ordinal]);
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
      if (root()?.dataset.mayClean === "1") toast("Switch to Clean (top right) to change labels.");
      return;
    }
    const one = ordinals.length === 1;
    const now = one ? map().labelOf(ordinals[0])?.name : null;
    if (total > ordinals.length) { toast("Select at most 50,000 patches at once.", "danger"); return; }
    window.eob.assignMenu.show({
      title: one ? `Assign patch ${ordinals[0]}${now ? ` (${now})` : ""} to …` : `Assign ${total.toLocaleString("en")} patches to …`,
      x, y, labels: labels(),
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

  // -- the panel of neighbours -----------------------------------------------------------------------------------------
  let shown = null;
  const pick = (ordinal) => { shown = ordinal; props("explore-pick", { data: { ordinal, n: next() } }); };
  const refreshPanel = () => { if (shown !== null) pick(shown); };
  const walkTo = (ordinal) => { map()?.flyTo(ordinal); pick(ordinal); remember(); };
  const panelOrdinals = () => [...document.querySelectorAll("#explore-neighbours [data-ordinal]")].map((b) => Number(b.dataset.ordinal));

  // -- links: the view lives in the address -------------------------------------------------------------------------------
  let remembering = 0;
  const remember = (extra = {}) => {
    if (!root()) return;
    const url = new URL(location.href);
    for (const [key, value] of Object.entries(extra)) value ? url.searchParams.set(key, value) : url.searchParams.delete(key);
    shown === null ? url.searchParams.delete("patch") : url.searchParams.set("patch", shown);
    clearTimeout(remembering);
    remembering = setTimeout(() => history.replaceState(history.state, "", url), 50);
  };

  // -- what the document hears ----------------------------------------------------------------------------------------------
  document.addEventListener("eob:context", ({ detail }) => {
    openMenu(detail.ordinals ?? [detail.ordinal], detail.count ?? 1, detail.x, detail.y);
  });
  document.addEventListener("eob:click", ({ detail }) => { shown = detail.ordinal; remember(); });
  document.addEventListener("eob:changes", () => { refreshPanel(); tick(); });
  document.addEventListener("eob:view", ({ detail }) => {
    remember({ v: [detail.x, detail.y, detail.k].map((n) => n.toPrecision(6)).join(",") });
  });
  window.addEventListener("eob:theme", ({ detail }) => { if (root()) props("explore-theme", { data: detail }); });

  document.addEventListener("click", (event) => {
    if (!root()) return;
    const at = (selector) => event.target.closest?.(selector);
    const group = at("#explore-groups [data-code]");
    if (group) {
      const code = Number(group.dataset.code);
      if (event.detail > 1) { only(code); return; }
      hidden.has(code) ? hidden.delete(code) : hidden.add(code);
      applyFilter();
      return;
    }
    const neighbour = at("#explore-neighbours [data-ordinal]");
    if (neighbour) { walkTo(Number(neighbour.dataset.ordinal)); return; }
    const action = at("[data-explore]")?.dataset.explore;
    if (action === "all") { hidden.clear(); applyFilter(); }
    if (action === "undo") undo();
    if (action === "select-neighbours") map()?.select([shown, ...panelOrdinals()].filter((o) => o !== null));
  });

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
      if (root().dataset.mayClean === "1") undo();
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
      const label = labels().sort((a, b) => b.count - a.count)[Number(event.key) - 1];
      if (label) { event.preventDefault(); assign(ordinals, label); }
    }
  });

  // A page that was left takes its filter with it; groups drawn anew keep theirs.
  new MutationObserver(() => {
    if (!root()) { hidden.clear(); shown = null; return; }
    if (hidden.size) for (const button of toggles()) button.setAttribute("aria-pressed", String(!hidden.has(Number(button.dataset.code))));
  }).observe(document.documentElement, { childList: true, subtree: true });

  // -- what Dash calls ---------------------------------------------------------------------------------------------------------
  const nothing = () => window.dash_clientside.no_update;
  const openMap = (id, dataset) => {
    if (!id) return nothing();
    remember({ map: String(id), v: "" });
    document.querySelector(".eob-explore__nothing")?.remove();
    return `/data/datasets/${dataset}/embeddings/${id}.bin`;
  };
  const setMode = (mode) => {
    if (root()) root().dataset.mode = mode;
    remember({ mode: mode === "clean" ? "clean" : "" });
    return mode;
  };
  const theme = () => document.documentElement.dataset.theme || "light";
  const isolate = (click) => {
    const code = click?.points?.[0]?.customdata?.[0];
    if (code !== undefined && code >= 0) only(code);
    return { n: next() };
  };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.eobExplore = { openMap, setMode, theme, isolate };
})();
