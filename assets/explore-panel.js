// The panel on the left: the patch that is looked at, its neighbours to walk along, the trail of those walked, its history.
// And what any picture of a patch on this page answers: a ring on the map, the menu.
(() => {
  const $ = (id) => document.getElementById(id);
  const X = () => window.eob.explore;
  const TRAIL = 30; // patches remembered
  const STEPS = 6; // of them drawn
  const LONG_PRESS_MS = 550;

  const el = (tag, className, props = {}, children = []) => {
    const node = Object.assign(document.createElement(tag), { className, ...props });
    node.append(...children);
    return node;
  };

  // -- which patch is looked at, and those before it ------------------------------------------------------------------
  let shown = null;
  let trail = []; // ordinals, oldest first; the last is the one shown
  let walked = -1; // place among the neighbours that the arrow keys are at

  const showing = (ordinal, { back = false } = {}) => {
    if (!back && ordinal !== shown) trail = [...trail.filter((o) => o !== ordinal), ordinal].slice(-TRAIL);
    if (ordinal !== shown) walkTo(-1);
    shown = ordinal;
    X().remember({ patch: String(ordinal) });
    document.dispatchEvent(new CustomEvent("eob:showing", { detail: { ordinal } })); // the scene follows
    drawTrail();
  };
  const pick = (ordinal) => X().props("explore-pick", { data: { ordinal, n: X().next() } });
  const refreshPanel = () => { if (shown !== null) pick(shown); };
  /** Fly to a patch and show its neighbours. */
  const showPatch = (ordinal) => {
    const map = X().map();
    if (map && !map.flyTo(ordinal)) X().toast(`Patch ${ordinal} is not on this map; its neighbours are shown at the left.`);
    showing(ordinal);
    pick(ordinal);
  };
  const stepBack = () => {
    if (trail.length < 2) return false;
    trail = trail.slice(0, -1);
    const ordinal = trail[trail.length - 1];
    X().map()?.flyTo(ordinal);
    showing(ordinal, { back: true });
    pick(ordinal);
    return true;
  };

  const picture = (ordinal, size) => el("img", "", { src: X().imageUrl(ordinal), alt: "", width: size, height: size });
  const drawTrail = () => {
    const place = $("explore-trail");
    if (!place) return;
    const before = trail.slice(0, -1).slice(-STEPS);
    place.hidden = !before.length;
    if (!before.length) return place.replaceChildren();
    const back = el("button", "eob-button eob-button--quiet eob-button--icon", { type: "button", title: "Back to the patch before (Backspace)" }, [el("span", "eob-icon eob-icon--left")]);
    back.setAttribute("aria-label", "Back to the patch before");
    back.dataset.explore = "trail-back";
    const steps = before.map((ordinal) => {
      const step = el("button", "eob-trail__step", { type: "button", title: `Patch ${ordinal}` }, [picture(ordinal, 32)]);
      step.dataset.ordinal = String(ordinal);
      step.setAttribute("aria-label", `Patch ${ordinal}`);
      return step;
    });
    place.replaceChildren(back, ...steps);
  };

  // -- walking along the neighbours --------------------------------------------------------------------------------------
  const buttons = () => [...document.querySelectorAll("#explore-neighbours [data-ordinal]")];
  const ring = (ordinal) => {
    X().maps().forEach((map) => map.highlight?.(ordinal));
    document.dispatchEvent(new CustomEvent("eob:point", { detail: { ordinal } }));
  };
  const walkTo = (place) => {
    const all = buttons();
    walked = place < 0 ? -1 : Math.min(place, all.length - 1);
    all.forEach((button, i) => { if (i === walked) button.setAttribute("aria-current", "true"); else button.removeAttribute("aria-current"); });
    if (walked < 0) return ring(null);
    all[walked].scrollIntoView({ block: "nearest" });
    if ($("explore-neighbours").contains(document.activeElement)) all[walked].focus({ preventScroll: true });
    ring(Number(all[walked].dataset.ordinal));
    const live = $("explore-said");
    if (live) live.textContent = all[walked].title;
  };
  /** One neighbour on (or back); false where there is nothing to walk along. */
  const walk = (step) => {
    if (shown === null || !buttons().length) return false;
    walkTo(walked < 0 ? (step > 0 ? 0 : buttons().length - 1) : Math.max(0, walked + step));
    return true;
  };
  const walkedPatch = () => (walked < 0 ? null : Number(buttons()[walked]?.dataset.ordinal ?? NaN));

  // -- the history of the patch ---------------------------------------------------------------------------------------------
  const AGO = [[90, 1, "just now"], [5400, 60, "min ago"], [129600, 3600, "h ago"], [604800, 86400, "days ago"]];
  const ago = (iso) => {
    const seconds = Math.max(0, (Date.now() - Date.parse(iso)) / 1000);
    const [, unit, words] = AGO.find(([limit]) => seconds < limit) ?? [];
    if (!words) return new Date(iso).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
    return unit === 1 ? words : `${Math.round(seconds / unit)} ${words}`;
  };
  const HOW = { undo: "Undo: ", redo: "Redo: ", merge: "Merge: ", command: "", clusters: "Cluster: " };
  const tell = ({ kind, source, from_label: from, to_label: to, why, who, at }) => {
    const what = source === "import" ? `Came in as ${to || "no label"}`
      : kind === "set" ? `${HOW[source] ?? ""}${from || "no label"} → ${to || "no label"}` : `${HOW[source] ?? ""}${to}`;
    const line = el("li", "eob-story__line", { title: at }, [
      el("span", "", { textContent: what }),
      el("span", "eob-muted", { textContent: `${who || "the system"}, ${ago(at)}${why ? `: ${why}` : ""}` }),
    ]);
    return line;
  };
  let storyOf = null; // whose history stands there
  const drawStory = async (anew = false) => {
    const box = document.querySelector(".eob-story"), list = box?.querySelector("[data-story]");
    const ordinal = Number(box?.dataset.patch);
    if (!list || !box.open || (!anew && storyOf === ordinal && list.childElementCount)) return;
    const found = await X().api(`patches/${ordinal}`).catch((error) => ({ error }));
    if (!list.isConnected || Number(box.dataset.patch) !== ordinal) return;
    storyOf = ordinal;
    if (found.error) return list.replaceChildren(el("li", "eob-muted", { textContent: found.error.message }));
    const { patch, history } = found;
    const lines = history.map(tell);
    if (!history.some((entry) => entry.source === "import")) {
      lines.push(el("li", "eob-story__line", {}, [el("span", "", { textContent: `Came in as ${patch.imported_label || "no label"}` })]));
    }
    list.replaceChildren(...lines);
  };
  /** Open the history of a patch. */
  let wantsStory = false;
  const story = (ordinal) => {
    wantsStory = true;
    if (ordinal === shown) openStory();
    else { showing(ordinal); X().map()?.mark?.(ordinal); pick(ordinal); }
  };
  const openStory = () => {
    const box = document.querySelector(".eob-story");
    if (!wantsStory || !box || Number(box.dataset.patch) !== shown) return;
    wantsStory = false;
    box.open = true;
    box.scrollIntoView({ block: "nearest" });
    box.querySelector("summary").focus({ preventScroll: true });
  };
  document.addEventListener("toggle", (event) => { if (event.target.matches?.(".eob-story")) drawStory(); }, true);

  // -- place and quality: open stays open while one walks ------------------------------------------------------------------
  let placeOpen = false;
  document.addEventListener("toggle", (event) => { if (event.target.matches?.(".eob-place")) placeOpen = event.target.open; }, true);
  const copyPlace = async (text) => {
    try {
      await window.eob.exploreView.copy(text);
      X().toast(`Copied: ${text} (longitude, latitude).`, "ok");
    } catch (error) {
      X().toast(`${error.message} The place: ${text}`, "danger");
    }
  };

  // -- by which features neighbours are near -----------------------------------------------------------------------------------
  document.addEventListener("toggle", ({ target }) => {
    if (target.matches?.(".eob-near[open]")) target.lastElementChild.scrollIntoView({ block: "nearest" });
  }, true);
  let backTo = false; // the keyboard goes back to the switch once it is drawn anew
  const nearBy = (kind, name) => {
    const box = document.querySelector(".eob-near");
    box.open = false;
    backTo = true;
    X().props("explore-near", { data: kind || null });
    X().remember({ near: kind });
    walkTo(-1);
    const live = $("explore-said");
    if (live) live.textContent = `Neighbours by ${name}`;
    refreshPanel();
  };

  let drawnFor = null;
  document.addEventListener("eob:panel", () => {
    const box = document.querySelector(".eob-story"), now = box ? Number(box.dataset.patch) : null;
    if (now !== null && shown === null) showing(now); // a link's patch
    if (now !== drawnFor) { drawnFor = now; walkTo(-1); }
    const place = document.querySelector(".eob-place");
    if (place && place.open !== placeOpen) place.open = placeOpen;
    if (backTo) document.querySelector(".eob-near > summary")?.focus({ preventScroll: true });
    backTo = false;
    openStory();
    if (box?.open && storyOf !== now) drawStory();
  });
  const storyAnew = () => { storyOf = null; drawStory(true); };

  // -- what others do -----------------------------------------------------------------------------------------------------------
  document.addEventListener("eob:click", ({ detail }) => showing(detail.ordinal));
  document.addEventListener("eob:changes", () => { refreshPanel(); storyAnew(); });
  // The server answers again: what it was asked for meanwhile is asked for once more.
  document.addEventListener("eob:answers", () => {
    if (!X().root?.()) return;
    refreshPanel();
    storyAnew();
    for (const image of document.querySelectorAll("#explore-root img")) if (image.complete && !image.naturalWidth) image.src = image.src;
  });
  document.addEventListener("eob:dataset", () => { shown = null; trail = []; walked = -1; storyOf = drawnFor = null; });

  // -- pictures of patches, wherever they are -----------------------------------------------------------------------------------
  const patchAt = (node) => X()?.root?.() && node?.closest?.("#explore-root [data-ordinal], #explore-root [data-show], #explore-root .eob-explore__patch[data-patch]");
  const ordinalOf = (node) => Number(node.dataset.ordinal ?? node.dataset.show ?? node.dataset.patch);

  document.addEventListener("click", (event) => {
    if (!X().root?.()) return;
    const button = event.target.closest?.("[data-explore]"), action = button?.dataset.explore;
    const near = buttons().map((one) => Number(one.dataset.ordinal));
    if (action === "trail-back") stepBack();
    if (action === "select-neighbours") X().map()?.select([shown, ...near].filter((o) => o !== null));
    if (action === "select-clashes") X().map()?.select(near.filter((_, i) => buttons()[i].dataset.clash));
    if (action === "copy-place") copyPlace(button.dataset.place);
    const other = event.target.closest?.("#explore-neighbours [data-show]"), by = event.target.closest?.(".eob-near [data-near]");
    if (other) showPatch(Number(other.dataset.show));
    if (by) nearBy(by.dataset.near, by.dataset.kind);
    const step = event.target.closest?.("#explore-neighbours [data-ordinal], #explore-trail [data-ordinal], #explore-history [data-ordinal]");
    if (step) showPatch(Number(step.dataset.ordinal));
  });
  document.addEventListener("contextmenu", (event) => {
    const node = event.defaultPrevented ? null : patchAt(event.target);
    if (!node) return;
    event.preventDefault();
    const box = node.getBoundingClientRect();
    const keyboard = event.button !== 2 && event.pointerType !== "mouse" && event.pointerType !== "touch";
    const [x, y] = keyboard ? [box.left + box.width / 2, box.top + box.height / 2] : [event.clientX, event.clientY];
    X().menu([ordinalOf(node)], { x, y });
  });
  // A long press of a finger means the menu; the click that may follow it means nothing.
  let press = 0, pressed = false;
  const letGo = () => clearTimeout(press);
  document.addEventListener("pointerdown", (event) => {
    letGo();
    pressed = false;
    const node = event.pointerType === "touch" ? patchAt(event.target) : null;
    if (!node) return;
    const { clientX: x, clientY: y } = event;
    press = setTimeout(() => { pressed = true; X().menu([ordinalOf(node)], { x, y }); }, LONG_PRESS_MS);
  });
  for (const type of ["pointerup", "pointercancel", "scroll"]) document.addEventListener(type, letGo, true);
  document.addEventListener("pointermove", (event) => { if (Math.hypot(event.movementX, event.movementY) > 4) letGo(); });
  for (const type of ["click", "contextmenu"]) {
    document.addEventListener(type, (event) => {
      if (!pressed || !patchAt(event.target)) return;
      if (type === "click") pressed = false;
      event.preventDefault();
      event.stopImmediatePropagation();
    }, true);
  }
  // What is pointed at here is ringed there.
  let ringed = null;
  const point = (node) => {
    const ordinal = node ? ordinalOf(node) : null;
    if (ordinal === ringed) return;
    ringed = ordinal;
    ring(ordinal ?? walkedPatch());
  };
  document.addEventListener("pointerover", (event) => { if (event.pointerType !== "touch") point(patchAt(event.target)); });
  document.addEventListener("focusin", (event) => { if (patchAt(event.target) || ringed !== null) point(patchAt(event.target)); });
  /** The patch whose picture is pointed at, or has the focus of the keyboard. */
  const pointed = () => {
    const node = [...document.querySelectorAll("#explore-root [data-ordinal]:hover")].pop()
      ?? (X().root()?.dataset.input === "keys" ? document.activeElement?.closest?.("#explore-root [data-ordinal]") : null);
    return node ? ordinalOf(node) : window.eob.exploreScene?.pointed() ?? null;
  };
  // Who points at the map again has left the walk.
  document.addEventListener("pointermove", (event) => {
    if (walked >= 0 && (event.movementX || event.movementY) && event.target.closest?.(".eob-map")) walkTo(-1);
  });

  window.eob = {
    ...window.eob,
    explore: {
      ...window.eob?.explore, showPatch, showing, refreshPanel: () => { refreshPanel(); storyAnew(); }, story, stepBack, walk, walkedPatch, pointed,
      stopWalk: () => (walked < 0 ? false : (walkTo(-1), true)), shown: () => shown,
    },
  };
})();
