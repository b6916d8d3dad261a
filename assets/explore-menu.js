// The context menu: assign a label (type to find it, likely ones first, a new one where none fits), marks, and ways to
// look further. One list, reached by mouse, finger and arrow keys; it opens on the map and on any picture of a patch.
(() => {
  const SHOWN = 60; // labels in the list; typing narrows thousands down to what fits
  const X = () => window.eob.explore;
  let open = null;

  const el = (tag, className, props = {}, children = []) => {
    const node = Object.assign(document.createElement(tag), { className, ...props });
    node.append(...children);
    return node;
  };

  const same = (a, b) => a.localeCompare(b, undefined, { sensitivity: "accent" }) === 0;

  /** Labels for what is typed: suggestions, then the others by size, then the offer of a new one. */
  const rowsFor = (typed, labels, suggestions) => {
    const words = typed.trim().toLowerCase();
    const fits = (label) => label.name.toLowerCase().includes(words);
    const size = new Map(labels.map((label) => [label.code, label.count]));
    const likely = suggestions.filter((s) => s.why && fits(s)).map((s) => ({ ...s, count: size.get(s.code) }));
    const known = new Set(likely.map((s) => s.code));
    const others = labels.filter((label) => !known.has(label.code) && fits(label)).sort((a, b) => b.count - a.count);
    const rows = [...likely, ...others].slice(0, SHOWN);
    const name = typed.trim().replace(/\s+/g, " ");
    if (name && !labels.some((label) => same(label.name, name))) rows.push({ create: true, name });
    return rows;
  };

  const place = (box, x, y) => {
    const { width, height } = box.getBoundingClientRect();
    box.style.left = `${Math.max(8, Math.min(x + 4, window.innerWidth - width - 8))}px`;
    box.style.top = `${Math.max(8, Math.min(y + 4, window.innerHeight - height - 8))}px`;
  };

  const close = (refocus = true) => {
    if (!open) return;
    const { box, back, away } = open;
    document.removeEventListener("pointerdown", away, true);
    open = null;
    box.remove();
    if (refocus) back?.focus?.({ preventScroll: true });
  };

  const labelRow = (row) => {
    const dot = el("span", row.create ? "eob-icon eob-icon--plus" : "eob-dot");
    if (!row.create) dot.style.background = row.color;
    const name = el("span", "eob-clip eob-grow", { textContent: row.create ? `New label “${row.name}”` : row.name });
    const note = el("span", "eob-muted", { textContent: row.why || (row.create ? "" : (row.count ?? 0).toLocaleString("en")) });
    return el("li", "eob-assign__item", { title: row.why || "" }, [dot, name, note]);
  };

  const actionRow = (action) => el("li", "eob-assign__action", {}, [
    el("span", "eob-grow", { textContent: action.name }),
    ...(action.key ? [el("kbd", "eob-muted", { textContent: action.key })] : []),
  ]);

  /**
   * Show the menu at (x, y). labels: [{code, name, color, count}], null where none may be assigned; suggest: promise of
   * [{code, name, color, why}]; actions(known): [{name, key?, run()}], where known is null until `details` is there;
   * chosen({code?, name, create?}, why) is called once, or an action runs.
   */
  const show = ({ title, x, y, labels = null, suggest, actions = () => [], details, chosen }) => {
    close(false);
    const back = document.activeElement;
    const field = el("input", "eob-input", { type: "search", placeholder: "Type a label", autocomplete: "off", spellcheck: false });
    const list = el("ul", "eob-assign__list", { id: "explore-menu-list" });
    const more = el("ul", "eob-assign__more", { id: "explore-menu-more" });
    const why = el("input", "eob-input eob-assign__why", { type: "text", placeholder: "Reason (optional)", maxLength: 500 });
    const heading = el("div", "eob-assign__title", { textContent: title });
    const box = el("div", "eob-assign", { tabIndex: -1 }, labels ? [heading, field, list, more, why] : [heading, more]);
    for (const [node, name, value] of [
      [field, "role", "combobox"], [field, "aria-expanded", "true"], [field, "aria-controls", "explore-menu-list explore-menu-more"],
      [field, "aria-autocomplete", "list"], [field, "aria-label", title], [why, "aria-label", "Reason (optional)"],
      [list, "role", "listbox"], [list, "aria-label", "Labels"], [more, "aria-label", labels ? "Or" : title],
      [more, "role", labels ? "listbox" : "menu"], [box, "role", labels ? "dialog" : "presentation"], [box, "aria-label", title],
    ]) node.setAttribute(name, value);
    document.body.append(box);
    const focused = labels ? field : more; // where the keys arrive
    if (!labels) more.tabIndex = 0;
    let suggestions = [], known = null, rows = [], items = [], at = 0;

    const take = (row) => {
      if (!row) return;
      const reason = why.value.trim();
      close();
      if (row.run) row.run();
      else chosen(row, reason);
    };
    const mark = () => {
      items.forEach((item, i) => item.toggleAttribute("data-at", i === at));
      if (labels) items.forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
      items[at]?.scrollIntoView({ block: "nearest" });
      if (items[at]) focused.setAttribute("aria-activedescendant", items[at].id);
      else focused.removeAttribute("aria-activedescendant");
    };
    const draw = () => {
      const words = field.value.trim().toLowerCase();
      const before = rows[at];
      const found = labels ? rowsFor(field.value, labels, suggestions) : [];
      const doing = actions(known).filter((action) => words.length < 2 ? !words : action.name.toLowerCase().startsWith(words));
      rows = [...found, ...doing];
      items = [...found.map(labelRow), ...doing.map(actionRow)];
      const kept = before?.run ? rows.findIndex((row) => row.id === before.id && row.run) : -1;
      at = kept >= 0 ? kept : Math.min(at, Math.max(rows.length - 1, 0));
      items.forEach((item, i) => {
        item.id = `explore-menu-${i}`;
        item.setAttribute("role", labels ? "option" : "menuitem");
        item.addEventListener("pointermove", () => { if (at !== i) { at = i; mark(); } });
        item.addEventListener("click", () => take(rows[i]));
      });
      list.replaceChildren(...items.slice(0, found.length));
      more.replaceChildren(...items.slice(found.length));
      more.hidden = !doing.length;
      mark();
    };
    field.addEventListener("input", () => { at = 0; draw(); });
    box.addEventListener("keydown", (event) => {
      event.stopPropagation(); // keys typed here are not the page's
      const last = rows.length - 1;
      const to = {
        ArrowDown: at === last ? 0 : at + 1, ArrowUp: at === 0 ? last : at - 1,
        PageDown: Math.min(last, at + 8), PageUp: Math.max(0, at - 8),
        ...(labels ? {} : { Home: 0, End: last }),
      }[event.key];
      if (to !== undefined && event.target !== why) { at = to; mark(); event.preventDefault(); }
      else if (event.key === "Enter") { take(rows[at]); event.preventDefault(); }
      else if (event.key === "Escape") { close(); event.preventDefault(); }
      else if (event.key === "Tab") {
        event.preventDefault(); // the menu is modal: between the label and the reason, and not beyond
        if (labels) (event.target === why ? field : why).focus();
      } else if (event.target !== field && event.target !== why && event.key.length === 1 && !event.ctrlKey && !event.metaKey) {
        if (labels) { field.focus(); return; } // what is typed goes on there
        const order = [...rows.keys()].map((i) => (i + at + 1) % rows.length);
        const hit = order.find((i) => rows[i].name.toLowerCase().startsWith(event.key.toLowerCase()));
        if (hit !== undefined) { at = hit; mark(); }
      }
    });
    box.addEventListener("contextmenu", (event) => event.preventDefault());
    const away = (event) => { if (!box.contains(event.target)) close(false); };
    document.addEventListener("pointerdown", away, true);
    open = { box, back, away };
    draw();
    place(box, x, y);
    // A finger would only be shown its keyboard: there a label is tapped, or the field.
    (labels && !matchMedia("(pointer: fine)").matches ? box : focused).focus({ preventScroll: true });
    const later = (promise, use) => promise?.then((found) => {
      if (open?.box !== box) return;
      use(found);
      draw();
      place(box, x, y);
    }).catch(() => {});
    later(suggest, (found) => { suggestions = found; });
    later(details, (found) => { known = found; });
  };

  // -- what the menu of the explore page holds --------------------------------------------------------------------------
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch { // no clipboard here: not a secure address, or not allowed
      const field = el("textarea", "eob-hide", { value: text });
      (document.querySelector("dialog[open]") ?? document.body).append(field);
      field.select();
      const done = document.execCommand("copy");
      field.remove();
      return done;
    }
    return true;
  };
  const copyLink = async (ordinal) => {
    const url = new URL(location.href);
    for (const key of ["v", "v2", "sel"]) url.searchParams.delete(key); // the link flies to the patch
    url.searchParams.set("patch", String(ordinal));
    const told = await copy(url.href) ? "Link copied." : `The link cannot be copied here: ${url.href}`;
    X().toast(told);
  };

  const place4 = (value, plus, minus) => `${Math.abs(value).toFixed(4)}° ${value < 0 ? minus : plus}`;
  const showPlace = ({ ordinal, lat, lon }) => X().toast(`Patch ${ordinal} lies at ${place4(lat, "N", "S")}, ${place4(lon, "E", "W")}.`);

  const markActions = (ordinals, known, seen) => {
    const action = (id, name, key, marks) => ({ id, name, key, run: () => X().mark(ordinals, marks, { seen }) });
    const doubt = action("unsure", "Mark as unsure", "u", { unsure: true });
    const trust = action("sure", "No longer unsure", "U", { unsure: false });
    const exclude = action("exclude", "Exclude from benchmark", "x", { excluded: true });
    const include = action("include", "Include in benchmark", "X", { excluded: false });
    if (ordinals.length > 1) return [doubt, trust, exclude, include];
    return [known?.unsure ? trust : doubt, known?.excluded ? include : exclude];
  };

  /** Many patches that are not yet what is selected can be selected. */
  const selectAction = (ordinals) => {
    const map = X().map();
    if (!map) return [];
    const now = map.selection(), chosen = new Set(ordinals);
    if (now.length === chosen.size && now.every((ordinal) => chosen.has(ordinal))) return [];
    const name = ordinals.length === 1 ? "Select this patch" : "Select these";
    return [{ id: "select", name, run: () => { if (!map.select(ordinals)) X().toast("None of them is shown on this map."); } }];
  };

  /** A patch that was cut from a product is shown there; of another one that has a place, that is told. */
  const sceneAction = (ordinal, known) => {
    const { exploreScene: scene } = window.eob;
    if (scene?.has()) return [{ id: "scene", name: "Show in scene", run: () => scene.open({ ordinal }) }];
    if (!Number.isFinite(known?.lat) || !Number.isFinite(known?.lon)) return [];
    return [{ id: "place", name: "Where it lies", run: () => showPlace(known) }];
  };

  const actionsFor = (ordinals, known, again, seen) => {
    const [one] = ordinals, single = ordinals.length === 1;
    return [
      ...(X().cleaning() ? markActions(ordinals, known, seen) : []),
      ...(single ? [{ id: "similar", name: "Find similar", run: () => X().showPatch(one) }] : []),
      ...selectAction(ordinals),
      ...(single ? [{ id: "history", name: "History of this patch", run: () => X().story(one) }] : []),
      ...(single ? [{ id: "link", name: "Copy link to patch", run: () => copyLink(one) }] : []),
      ...(single ? sceneAction(one, known) : []),
      ...(X().mayClean() && !X().cleaning() ? [{ id: "mode", name: "Switch to Clean to change labels", key: "m", run: () => toClean(again) }] : []),
    ];
  };

  /** Switch to Clean and go on there as soon as the page has. */
  const toClean = (then, tries = 40) => {
    if (tries === 40) X().switchMode();
    if (X().cleaning()) setTimeout(then, 0);
    else if (tries) setTimeout(() => toClean(then, tries - 1), 25);
  };

  /** The menu for patches: `total` where more are meant than could be named; labels where they may be changed. */
  const openFor = (ordinals, { x, y, total = ordinals.length } = {}) => {
    if (!ordinals.length || !X().map()) return;
    if (total > ordinals.length) { X().toast("Select at most 50,000 patches at once.", "danger"); return; }
    const one = ordinals.length === 1, may = X().cleaning(), seen = X().seen();
    const now = one ? X().map().labelOf(ordinals[0])?.name : null;
    const who = one ? `patch ${ordinals[0]}${now ? ` (${now})` : ""}` : `${total.toLocaleString("en")} patches`;
    show({
      title: may ? `Assign ${who} to …` : who[0].toUpperCase() + who.slice(1),
      x, y,
      labels: may ? X().labels() : null,
      suggest: may ? X().api(`suggest?ordinals=${ordinals.slice(0, 50).join(",")}`).then((found) => found.labels) : null,
      details: one ? X().api(`patches/${ordinals[0]}`).then((found) => found.patch) : null,
      actions: (known) => actionsFor(ordinals, known, () => openFor(ordinals, { x, y, total }), seen),
      chosen: (label, why) => X().assign(ordinals, label, why, { seen }),
    });
  };

  document.addEventListener("eob:context", ({ detail }) => {
    openFor(detail.ordinals ?? [detail.ordinal], { x: detail.x, y: detail.y, total: detail.count ?? 1 });
  });

  window.eob = {
    ...window.eob,
    assignMenu: { show, close, rowsFor, isOpen: () => open !== null },
    explore: { ...window.eob?.explore, menu: openFor, copyText: copy },
  };
})();
