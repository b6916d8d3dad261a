// The menus "Colour by": what this dataset offers, by groups; what is missing says how to get it. Mouse and keyboard.
(() => {
  const $ = (id) => document.getElementById(id);
  const root = () => $("explore-root");
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const menuOf = (mapId) => document.querySelector(`[data-colour-menu="${mapId}"]`);
  const el = (tag, className, more = {}, children = []) => {
    const node = Object.assign(document.createElement(tag), { className, ...more });
    node.append(...children);
    return node;
  };

  const OWN = [
    { name: "label", title: "Label", group: "Labels", help: "Today's label of every patch." },
    { name: "none", title: "One colour", group: "Labels", help: "Every patch alike: only the arrangement shows." },
  ];
  // What is not there, and the way to it. ``page``: a page of this dataset; ``tab``: of the right panel.
  const MISSING = [
    { has: /^agreement$/, group: "Suspicion", words: "Neighbours' votes: compute features first", page: "datasets" },
    { has: /^confidence$/, group: "Suspicion", words: "Confidence and suspicion: verify first", page: "verify" },
    { has: /^cluster-/, group: "Clusters", words: "Find clusters first", tab: "clusters" },
    { has: /^honesty$/, group: "Map", words: "Map honesty: compute this map anew" },
    { has: /^(product|longitude)$/, group: "Source", words: "The patches of this dataset carry no place or product" },
  ];

  const columns = async (mapId) => {
    const id = menuOf(mapId)?.dataset.map;
    return (await window.eob.explore.api(`columns${id ? `?map=${id}` : ""}`)).columns;
  };

  // -- one colouring after another --------------------------------------------------------------------------------------
  const say = (mapId, name, title) => {
    const menu = menuOf(mapId);
    if (!menu) return;
    menu.dataset.colour = name;
    menu.querySelector("[data-colour-title]").textContent = title;
    window.eob.exploreView.remember({ [mapId === "explore-map2" ? "colour2" : "colour"]: name === "label" ? "" : name });
  };
  const own = (name) => OWN.find((one) => one.name === name);
  const colourBy = (name, { map = "explore-map", title = own(name)?.title ?? name } = {}) => {
    say(map, name, title);
    props(map, { colourBy: name });
  };
  /** The map says itself what it is coloured by, whoever asked for it. */
  document.addEventListener("eob:column", ({ target, detail }) => {
    if (!menuOf(target.id)) return;
    const name = detail?.name ?? target.eobMap.state().colourBy;
    if (detail || own(name)) say(target.id, name, detail?.title ?? own(name).title); // else it could not be loaded
  });

  /** Another map has columns of its own: one that it has not gives way to the labels. */
  const mapChanged = async (mapId, id) => {
    const menu = menuOf(mapId);
    if (!menu) return;
    menu.dataset.map = id ?? "";
    if (!id || menu.dataset.colour !== "honesty") return;
    const found = await columns(mapId).catch(() => []);
    if (menu.dataset.map === String(id) && !found.some((one) => one.name === "honesty")) colourBy("label", { map: mapId });
  };

  const honesty = async () => {
    const found = await columns("explore-map").catch(() => []);
    if (found.some((one) => one.name === "honesty")) colourBy("honesty", { title: "Map honesty" });
    else window.eob.toast({ text: "The honesty of this map was not measured for each patch. Compute the map anew: New map." });
  };

  // -- the menu -----------------------------------------------------------------------------------------------------------
  const item = (menu, column) => {
    const chosen = menu.dataset.colour === column.name;
    const node = el("button", "eob-menu__item eob-colours__item", { type: "button", title: column.help ?? "", tabIndex: -1 }, [
      el("span", `eob-icon eob-icon--${chosen ? "check" : "blank"}`), el("span", "eob-clip", { textContent: column.title }),
    ]);
    node.setAttribute("role", "menuitemradio");
    node.setAttribute("aria-checked", String(chosen));
    node.dataset.colour = column.name;
    node.dataset.title = column.title;
    return node;
  };
  const absent = (one) => {
    const dataset = root().dataset.dataset;
    const node = one.page ? el("a", "", { href: `/${one.page}/${dataset}` }) : el("button", "", { type: "button", disabled: !one.tab });
    node.className = "eob-menu__item eob-colours__item eob-colours__absent";
    node.tabIndex = -1;
    node.setAttribute("role", "menuitem");
    if (one.tab) node.dataset.opens = one.tab;
    node.append(el("span", "eob-icon eob-icon--blank"), one.words);
    return node;
  };
  const fill = (menu, found, problem) => {
    const panel = menu.querySelector(".eob-colours");
    const known = [...OWN, ...found];
    const lacking = problem ? [] : MISSING.filter((one) => !found.some((column) => one.has.test(column.name)));
    const groups = new Set([...known, ...lacking].map((one) => one.group));
    const parts = [...groups].flatMap((group) => [
      el("div", "eob-colours__group", { textContent: group }),
      ...known.filter((one) => one.group === group).map((one) => item(menu, one)),
      ...lacking.filter((one) => one.group === group).map(absent),
    ]);
    if (problem) parts.push(el("p", "eob-muted eob-small", { textContent: problem }));
    const focused = panel.contains(document.activeElement);
    panel.replaceChildren(...parts);
    if (menu.open && (focused || document.activeElement === menu.querySelector("summary"))) {
      (panel.querySelector('[aria-checked="true"]') ?? panel.querySelector("button"))?.focus();
    }
  };

  document.addEventListener("toggle", async ({ target }) => {
    if (!target.matches?.("[data-colour-menu]") || !target.open) return;
    if (!target.querySelector(".eob-colours").firstChild) fill(target, [], "Looking what there is …");
    try {
      fill(target, await columns(target.dataset.colourMenu));
    } catch (error) {
      fill(target, [], error.message);
    }
  }, true);

  document.addEventListener("click", ({ target }) => {
    const node = root() && target.closest?.(".eob-colours__item");
    if (!node) return;
    const menu = node.closest("[data-colour-menu]");
    if (node.dataset.colour) colourBy(node.dataset.colour, { map: menu.dataset.colourMenu, title: node.dataset.title });
    if (node.dataset.opens) window.eob.exploreView.openTab(node.dataset.opens);
    menu.open = false;
    if (!node.href) menu.querySelector("summary").focus();
  });

  document.addEventListener("keydown", (event) => {
    const menu = event.target.closest?.("[data-colour-menu][open]");
    if (!menu) return;
    const items = [...menu.querySelectorAll(".eob-colours__item:not(:disabled)")];
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at < 0 ? items.length - 1 : at - 1 + items.length, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === "Escape") { menu.open = false; menu.querySelector("summary").focus(); event.stopPropagation(); }
    if (next === undefined || !items.length) return;
    event.preventDefault();
    event.stopPropagation(); // these arrows are not the map's
    items[next % items.length].focus();
  }, true);

  // The title of a column that came with the link.
  document.addEventListener("eob:ready", async ({ target }) => {
    const menu = menuOf(target.id), name = menu?.dataset.colour;
    if (!name || own(name)) { if (name) menu.querySelector("[data-colour-title]").textContent = own(name).title; return; }
    const found = await columns(target.id).catch(() => null);
    if (!found || menu.dataset.colour !== name) return;
    const column = found.find((one) => one.name === name);
    if (column) menu.querySelector("[data-colour-title]").textContent = column.title;
    else {
      window.eob.toast({ text: "The column that this link colours by is not there (any more); the labels are shown." });
      colourBy("label", { map: target.id });
    }
  });

  window.eob = { ...window.eob, exploreView: { ...window.eob?.exploreView, colourBy, mapChanged, honesty } };
})();
