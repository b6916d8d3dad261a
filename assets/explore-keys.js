// The keys of the explore page; the sheet behind "?" lists them (pages/explore/page.py).
(() => {
  const X = () => window.eob.explore;
  const WALK = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

  /** What a key acts on: the selection, else the neighbour walked to, the picture or point under the pointer, the patch clicked. */
  const target = () => {
    const state = X().map()?.state();
    if (!state?.ready) return [];
    if (state.selected) return Array.from(X().map().selection());
    const hovered = X().maps().map((map) => map.state().hovered).find((ordinal) => ordinal !== null && ordinal !== undefined);
    const one = [X().walkedPatch(), X().pointed(), hovered, state.current, X().shown()].find((o) => Number.isFinite(o));
    return one === undefined ? [] : [one];
  };

  const typing = (node) => node instanceof HTMLElement && (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName));
  const elsewhere = (event) =>
    !X()?.root?.() || typing(event.target) || document.querySelector("dialog[open]") || window.eob.assignMenu.isOpen();
  const plain = (event) => !event.ctrlKey && !event.metaKey && !event.altKey;
  const done = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };

  // Arrows walk where no control of its own wants them: on the map, in the neighbours, on the page itself.
  const places = ".eob-map, #explore-neighbours, #explore-trail", menu = ".eob-near, .eob-place";
  const free = (node) => node === document.body || (node.closest?.(places) && !node.closest(menu)) || node.id === "shell-main";
  /** A control on the map keeps the keys that are its own: Enter presses a button, arrows move a handle. */
  const keeps = (node, key) =>
    key === "Enter" ? node.closest?.(".eob-map :is(button, summary, a)") : WALK[key] && node.closest?.(".eob-map :is(input, [role=slider])");
  document.addEventListener("keydown", (event) => {
    if (elsewhere(event) || !plain(event) || !free(event.target) || keeps(event.target, event.key)) return;
    const onMap = Boolean(event.target.closest?.(".eob-map"));
    if (WALK[event.key] && !event.shiftKey) {
      const current = X().maps().some((map) => (map.state().current ?? null) !== null);
      if ((current || !onMap) && X().walk(WALK[event.key])) done(event);
    } else if (event.key === "Enter" && X().walkedPatch() !== null) {
      X().showPatch(X().walkedPatch());
      done(event);
    } else if (event.key === "Escape" && X().stopWalk()) {
      done(event);
    } else if (event.key === "Backspace" && !onMap && X().stepBack()) {
      done(event);
    }
  }, true);

  const openMenu = (ordinals) => {
    const middle = { x: window.innerWidth / 2, y: window.innerHeight / 3 };
    X().menu(ordinals, { ...(X().map().screenOf(ordinals[0]) || middle) });
  };
  const marks = { u: { unsure: true }, U: { unsure: false }, x: { excluded: true }, X: { excluded: false } };

  document.addEventListener("keydown", (event) => {
    if (elsewhere(event) || event.defaultPrevented) return;
    const key = event.key.toLowerCase(), control = event.ctrlKey || event.metaKey;
    const undoing = key === "z" && !event.altKey && (control || X().cleaning());
    const redoing = (undoing && event.shiftKey) || (key === "y" && control && !event.altKey);
    if (undoing || redoing) {
      event.preventDefault();
      if (X().cleaning()) (redoing ? X().redo : X().undo)();
      else if (X().mayClean()) X().toast("Switch to Clean (m) to take changes back.");
      return;
    }
    if (!plain(event)) return;
    if (event.key === "m") { X().switchMode(); return; }
    const wants = event.key === "/" || marks[event.key] || /^[1-9]$/.test(event.key);
    if (!wants) return;
    if (!X().mayClean()) { X().sayWhyNot(); return; }
    event.preventDefault();
    if (!X().cleaning()) { X().toast("Switch to Clean (m) to change labels."); return; }
    const ordinals = target();
    if (!ordinals.length) X().toast(`Point at a patch or select some, then press ${event.key}.`);
    else if (event.key === "/") openMenu(ordinals);
    else if (marks[event.key]) X().mark(ordinals, marks[event.key]);
    else if (X().digit(Number(event.key))) X().assign(ordinals, X().digit(Number(event.key)));
  });
})();
