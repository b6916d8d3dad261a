// The scene beside the map: the product that a patch was cut from, its patches in the map's own colours. Hover, click and
// selection go both ways. The canvas is scene.js; the place and the switch are pages/explore/{scene,bar}.py.
(() => {
  const X = () => window.eob.explore;
  const root = () => X()?.root?.() ?? null;
  const find = (what) => root()?.querySelector(`[data-scene="${what}"]`) ?? null;
  const first = () => document.getElementById("explore-map")?.eobMap ?? null; // whose colours are shown
  const MOST = 50000; // patches named to the menu
  const LATER_MS = 150;
  const el = (tag, className, more = {}, children = []) => {
    const node = Object.assign(document.createElement(tag), { className, ...more });
    node.append(...children);
    return node;
  };

  let scene = null, place = null; // the canvas, and the element it was made in
  let list = null, of = null; // the products of a dataset: a promise, and its id
  let products = []; // once they are there
  let product = null, windows = null; // what is shown
  let opacity = 0.5;

  const isOpen = () => root()?.dataset.scene === "1";

  // -- what the server tells -----------------------------------------------------------------------------------------
  const listed = () => {
    const dataset = root().dataset.dataset;
    if (of === dataset && list) return list;
    of = dataset;
    products = [];
    list = X().api("products").then((found) => (products = found.products));
    list.catch(() => { list = null; }); // asked again the next time
    return list;
  };

  /** The windows of a product: {height, width, n, ordinal, row, col, size, parent} (domain/wire.py). */
  const unpack = (buffer) => {
    const head = new DataView(buffer, 0, 24);
    if (head.getUint32(0) !== 0x454f4d57 || head.getUint32(4, true) !== 1) throw new Error("The server speaks another version: load the page again.");
    const n = head.getUint32(8, true);
    const [ordinal, row, col, size, parent] = [0, 1, 2, 3, 4].map((k) => new Int32Array(buffer, 24 + 4 * n * k, n));
    return { height: head.getUint32(12, true), width: head.getUint32(16, true), n, ordinal, row, col, size, parent };
  };
  const fetched = async (one) => {
    let answer;
    try {
      answer = await fetch(`/data/datasets/${of}/products/${one.id}/windows.bin`);
    } catch {
      throw new Error("The server does not answer. Try again in a moment.");
    }
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || `The server answered ${answer.status}.`);
    return unpack(await answer.arrayBuffer());
  };

  /** Where in ascending `values` the last one lies that is not above `wanted`; -1: all are. */
  const floor = (n, valueAt, wanted) => {
    let low = 0, high = n;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (valueAt(middle) <= wanted) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  };
  const productOf = (ordinal) => {
    const one = products[floor(products.length, (i) => products[i].first, ordinal)];
    return one && ordinal < one.first + one.patches ? one : null;
  };
  const indexOf = (ordinal) => {
    if (!windows || !Number.isFinite(ordinal)) return -1;
    const i = floor(windows.n, (at) => windows.ordinal[at], ordinal);
    return i >= 0 && windows.ordinal[i] === ordinal ? i : -1;
  };

  /** Sentinel's long names begin alike: what tells products apart comes first. The whole name is in the tip. */
  const short = (name) => {
    const told = /^(S[123][A-Z])_.*?_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)\d\d(?:_.*?_(T\d\d[A-Z]{3}))?/.exec(name);
    if (!told) return name;
    const [, mission, year, month, day, hour, minute, tile] = told;
    const rest = name.split(" ").slice(1).join(" ");
    return [rest, tile, `${year}-${month}-${day} ${hour}:${minute}`, mission].filter(Boolean).join(" · ");
  };

  // -- the pane --------------------------------------------------------------------------------------------------------
  const dress = () => {
    if (place && place === find("place")) return;
    scene?.destroy();
    place = find("place");
    product = windows = null;
    scene = window.eob.scene(place, { words, hover, click, context, chosen, escape: () => first()?.clearSelection() });
    scene.set({ opacity });
    const tool = (what, icon, title, look = "eob-button--icon") => {
      const button = el("button", `eob-button eob-button--quiet eob-button--small ${look}`, { type: "button", title }, [el("span", `eob-icon eob-icon--${icon}`)]);
      button.setAttribute("aria-label", title);
      button.dataset.scene = what;
      return button;
    };
    const choice = el("select", "eob-explore__product", { title: "Product" });
    choice.setAttribute("aria-label", "Product");
    choice.dataset.scene = "product";
    const slider = el("input", "eob-explore__opacity", { type: "range", min: "0", max: "1", step: "0.05", value: String(opacity), title: "How strong the colours are" });
    slider.setAttribute("aria-label", "How strong the colours are");
    slider.dataset.scene = "opacity";
    const sizes = el("span", "eob-explore__scene-sizes");
    sizes.dataset.scene = "sizes";
    const choosing = tool("choosing", "grid", "Select patches by a rectangle (or hold shift)");
    choosing.setAttribute("aria-pressed", "false");
    find("head").replaceChildren(
      tool("before", "left", "The product before this one ([)"), choice, tool("next", "right", "The next product (])"), sizes, choosing,
      slider, tool("fit", "zoom", "See all of it (0)"), tool("close", "close", "Close the scene (s)"),
    );
  };

  const fillProducts = () => {
    const choice = find("product");
    if (!choice || choice.options.length === products.length) return;
    choice.replaceChildren(...products.map((one) => el("option", "", { value: String(one.id), title: one.name, textContent: `${short(one.name)} · ${one.patches.toLocaleString("en")}` })));
    for (const what of ["before", "next"]) find(what).disabled = products.length < 2;
  };

  const fillSizes = () => {
    find("sizes").replaceChildren(...(scene.sizes.length < 2 ? [] : scene.sizes.map((size) => {
      const button = el("button", "eob-button eob-button--quiet eob-button--small", { type: "button", textContent: `${size}`, title: `Patches of ${size} × ${size} pixels` });
      button.setAttribute("aria-pressed", String(size === scene.size));
      button.dataset.scene = "size";
      button.dataset.size = String(size);
      return button;
    })));
  };

  /** Show a product, and a patch of it where one is named. */
  const show = async (one, ordinal = null) => {
    if (!one) return;
    if (one !== product) {
      product = one;
      windows = null;
      find("product").value = String(one.id);
      find("product").title = one.name;
      X().remember({ scene: String(one.id) });
      const size = scene.size;
      scene.show({ height: one.height, width: one.width, image: `/data/datasets/${of}/products/${one.id}/quicklook.jpg?longest=2048` });
      let found;
      try {
        found = await fetched(one);
      } catch (error) {
        if (product === one) { product = null; scene.say(error.message); }
        return;
      }
      if (product !== one || !isOpen()) return; // another one was asked for meanwhile
      windows = found;
      scene.give(windows, size);
      fillSizes();
      colours();
      selection();
    }
    if (ordinal === null) return;
    const i = indexOf(ordinal);
    if (i >= 0 && scene.current !== i) { scene.goTo(i); fillSizes(); }
  };

  const press = () => document.querySelector('[data-do="scene"]')?.setAttribute("aria-pressed", String(isOpen()));

  /** Open it at a patch, a product, or at what is looked at. False where the dataset has no products. */
  const open = async ({ ordinal = null, id = null } = {}) => {
    if (!find("place")) return false;
    root().dataset.scene = "1";
    press();
    dress();
    try {
      await listed();
    } catch (error) {
      scene.say(error.message);
      return true;
    }
    if (!isOpen() || place !== find("place")) return true;
    fillProducts();
    if (!products.length) { scene.say("This dataset has no products."); return true; }
    const patch = ordinal ?? (id === null ? X().shown() : null);
    const at = patch === null || !Number.isFinite(patch) ? null : productOf(patch);
    await show(at ?? products.find((one) => one.id === id) ?? product ?? products[0], at ? patch : null);
    return true;
  };
  const close = () => {
    if (!isOpen()) return;
    root().dataset.scene = "";
    press();
    first()?.highlight(null);
    X().remember({ scene: "" });
    document.querySelector('[data-do="scene"]')?.focus({ preventScroll: true });
  };
  const toggle = () => (isOpen() ? close() : open());
  const walk = (by) => {
    const at = products.indexOf(product);
    if (at >= 0 && products.length > 1) show(products[(at + by + products.length) % products.length]);
  };

  // -- from the map to the scene -------------------------------------------------------------------------------------------
  const colours = () => {
    const map = first();
    if (!windows || !scene) return;
    scene.paint((i) => map?.cssOf(windows.ordinal[i]) ?? null);
  };
  const selection = () => {
    if (!windows || !scene) return;
    const map = first(), chosen = new Set();
    for (const ordinal of map?.selection() ?? []) {
      const i = indexOf(ordinal);
      if (i >= 0) chosen.add(i);
    }
    scene.set({ selected: chosen });
  };
  const soon = (fn) => {
    let frame = 0;
    return () => { frame = frame || requestAnimationFrame(() => { frame = 0; if (isOpen()) fn(); }); };
  };
  const coloursSoon = soon(colours), selectionSoon = soon(selection);
  const ofMap = (target) => target.id === "explore-map" || target.id === "explore-map2";
  document.addEventListener("eob:paint", ({ target }) => { if (target.id === "explore-map") coloursSoon(); });
  document.addEventListener("eob:select", ({ target }) => { if (ofMap(target)) selectionSoon(); });
  document.addEventListener("eob:ready", ({ target }) => {
    if (target.id !== "explore-map") return;
    coloursSoon();
    selectionSoon();
    const asked = new URL(location.href).searchParams.get("scene");
    if (asked && !isOpen() && find("place") && !root().dataset.sceneAsked) {
      root().dataset.sceneAsked = "1"; // the link is followed once
      const patch = X().shown();
      open({ id: Number(asked) }).then(() => { if (patch !== null && productOf(patch) === product) show(product, patch); });
    }
  });
  document.addEventListener("eob:hover", ({ target, detail }) => {
    if (isOpen() && scene && ofMap(target)) scene.set({ hovered: indexOf(detail.ordinal ?? NaN) });
  });
  document.addEventListener("eob:point", ({ detail }) => { if (isOpen() && scene) scene.set({ hovered: indexOf(detail.ordinal ?? NaN) }); });
  document.addEventListener("eob:showing", ({ detail }) => {
    if (!isOpen() || !products.length) return;
    show(productOf(detail.ordinal), detail.ordinal);
  });
  document.addEventListener("eob:dataset", () => { scene?.destroy(); scene = place = product = windows = list = of = null; products = []; });

  // -- from the scene to the map -------------------------------------------------------------------------------------------
  const words = (i) => {
    const map = first(), ordinal = windows.ordinal[i];
    const label = map?.labelOf(ordinal), value = map?.valueOf(ordinal);
    const where = `row ${windows.row[i]}, column ${windows.col[i]}`;
    return [
      [`Patch ${ordinal}`, label ? label.name : "not on this map"].join(" · "),
      ...(value ? [`${value.title}: ${value.text}`] : []), `${where}, ${windows.size[i]} × ${windows.size[i]} pixels`,
    ].join("\n");
  };
  const hover = (i) => first()?.highlight(i < 0 ? null : windows.ordinal[i]);

  let looking = 0;
  /** Look at a patch: current on the map, its neighbours beside it. Keys walk fast: the neighbours follow at the end. */
  const click = (i, event) => {
    const ordinal = windows.ordinal[i], map = first(), at = map?.screenOf(ordinal);
    const box = document.getElementById("explore-map").getBoundingClientRect();
    const seen = at && at.x > box.left && at.x < box.right && at.y > box.top && at.y < box.bottom;
    if (seen || !map?.flyTo(ordinal)) map?.mark(ordinal);
    X().showing(ordinal);
    clearTimeout(looking);
    looking = setTimeout(() => { if (root() && X().shown() === ordinal) X().refreshPanel(); }, event ? 0 : LATER_MS);
  };
  const context = (i, { x, y }) => {
    const ordinal = windows.ordinal[i], chosen = first()?.selection() ?? [];
    if (scene.selected.has(i)) X().menu(Array.from(chosen.subarray(0, MOST)), { x, y, total: chosen.length });
    else X().menu([ordinal], { x, y });
  };
  const chosen = (found, how) => {
    const map = first();
    if (!map) return;
    const now = new Set(map.selection());
    for (const i of found) {
      const ordinal = windows.ordinal[i];
      if (how === "subtract" || (how === "toggle" && now.has(ordinal))) now.delete(ordinal);
      else now.add(ordinal);
    }
    const wanted = [...now];
    if (map.select(wanted) < wanted.length) X().toast("Patches that the map does not show are not selected.");
  };
  const pointed = () => {
    if (!isOpen() || !scene || !windows) return null;
    const i = scene.canvas.matches(":hover") ? scene.hovered : document.activeElement === scene.canvas ? scene.current : -1;
    return i >= 0 ? windows.ordinal[i] : null;
  };

  // -- hands -----------------------------------------------------------------------------------------------------------------
  const verbs = {
    before: () => walk(-1),
    next: () => walk(1),
    fit: () => scene.fit(),
    close,
    size: ({ dataset }) => { scene.scale(Number(dataset.size)); fillSizes(); },
    choosing: (button) => {
      scene.set({ choosing: !scene.choosing });
      button.setAttribute("aria-pressed", String(scene.choosing));
    },
  };
  document.addEventListener("click", ({ target }) => {
    if (!root() || !(target instanceof Element)) return;
    if (target.closest('[data-do="scene"]')) toggle();
    const what = target.closest("button[data-scene]");
    if (what && scene) verbs[what.dataset.scene]?.(what);
  });
  document.addEventListener("input", ({ target }) => {
    if (!root() || target.dataset?.scene !== "opacity") return;
    opacity = Number(target.value);
    scene.set({ opacity });
  });
  document.addEventListener("change", ({ target }) => {
    if (root() && target.dataset?.scene === "product") show(products.find((one) => String(one.id) === target.value));
  });
  const typing = (node) => node instanceof HTMLElement && (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName));
  document.addEventListener("keydown", (event) => {
    if (!root() || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || typing(event.target)) return;
    if (document.querySelector("dialog[open], .eob-assign") || !find("place") || !root().dataset.map) return;
    const does = { s: toggle, "[": () => isOpen() && walk(-1), "]": () => isOpen() && walk(1) }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  });

  window.eob = { ...window.eob, exploreScene: { open, close, isOpen, pointed, unpack, has: () => Boolean(find("place")), scene: () => scene, product: () => product } };
})();
