// The menu "assign to …": type to filter, most likely labels first, a new label where none fits. Mouse and keyboard.
(() => {
  const SHOWN = 60; // rows in the list; typing narrows thousands of labels down to what fits
  let open = null;

  const el = (tag, className, props = {}, children = []) => {
    const node = Object.assign(document.createElement(tag), { className, ...props });
    node.append(...children);
    return node;
  };

  const same = (a, b) => a.localeCompare(b, undefined, { sensitivity: "accent" }) === 0;

  /** Rows for what is typed: suggestions, then the other labels by size, then the offer of a new one. */
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

  /**
   * Show the menu at (x, y). labels: [{code, name, color, count}]; suggest: promise of [{code, name, color, why}];
   * chosen({code?, name, create?}, why) is called once.
   */
  const show = ({ title, x, y, labels, suggest, chosen }) => {
    close(false);
    const back = document.activeElement;
    const field = el("input", "eob-input", { type: "search", placeholder: "Type a label", autocomplete: "off" });
    field.setAttribute("role", "combobox");
    field.setAttribute("aria-expanded", "true");
    field.setAttribute("aria-controls", "explore-menu-list");
    field.setAttribute("aria-label", title);
    const list = el("ul", "eob-assign__list", { id: "explore-menu-list" });
    list.setAttribute("role", "listbox");
    const why = el("input", "eob-input eob-assign__why", { type: "text", placeholder: "Reason (optional)", maxLength: 500 });
    why.setAttribute("aria-label", "Reason (optional)");
    const box = el("div", "eob-assign", {}, [el("div", "eob-assign__title", { textContent: title }), field, list, why]);
    box.setAttribute("role", "dialog");
    box.setAttribute("aria-label", title);
    document.body.append(box);
    let suggestions = [], rows = [], at = 0;

    const take = (row) => { if (!row) return; const reason = why.value.trim(); close(); chosen(row, reason); };
    const mark = () => {
      [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === at)));
      list.children[at]?.scrollIntoView({ block: "nearest" });
      if (list.children[at]) field.setAttribute("aria-activedescendant", list.children[at].id);
    };
    const draw = () => {
      rows = rowsFor(field.value, labels, suggestions);
      at = Math.min(at, Math.max(rows.length - 1, 0));
      list.replaceChildren(...rows.map((row, i) => {
        const dot = el("span", row.create ? "eob-icon eob-icon--plus" : "eob-dot");
        if (!row.create) dot.style.background = row.color;
        const name = el("span", "eob-clip eob-grow", { textContent: row.create ? `New label “${row.name}”` : row.name });
        const note = el("span", "eob-muted", { textContent: row.why || (row.create ? "" : (row.count ?? 0).toLocaleString("en")) });
        const item = el("li", "eob-assign__item", { id: `explore-menu-${i}`, title: row.why || "" }, [dot, name, note]);
        item.setAttribute("role", "option");
        item.addEventListener("pointerenter", () => { at = i; mark(); });
        item.addEventListener("click", () => take(row));
        return item;
      }));
      mark();
    };
    field.addEventListener("input", () => { at = 0; draw(); });
    box.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[event.key];
      if (step) { at = Math.max(0, Math.min(rows.length - 1, at + step)); mark(); event.preventDefault(); }
      else if (event.key === "Enter") { take(rows[at]); event.preventDefault(); }
      else if (event.key === "Escape") { close(); event.preventDefault(); }
      event.stopPropagation(); // keys typed here are not the page's
    });
    box.addEventListener("contextmenu", (event) => event.preventDefault());
    const away = (event) => { if (!box.contains(event.target)) close(false); };
    document.addEventListener("pointerdown", away, true);
    open = { box, back, away };
    draw();
    place(box, x, y);
    field.focus({ preventScroll: true });
    suggest?.then((found) => { if (open?.box === box) { suggestions = found; draw(); place(box, x, y); } }).catch(() => {});
  };

  window.eob = { ...window.eob, assignMenu: { show, close, rowsFor, isOpen: () => open !== null } };
})();
