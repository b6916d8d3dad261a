// The ingest page: gathers what is filled in, asks for the grid of the product shown, draws it on the scene (scene.js).
// The server's half is pages/ingest and routes/ingesting.py. Ids are those of pages/ingest/ids.py.
(() => {
  const $ = (id) => document.getElementById(id);
  const root = () => $("ingest-root");
  const find = (what) => root()?.querySelector(what);
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const skip = () => window.dash_clientside.no_update;
  // dark to light, told apart by colour-blind people too (viridis, five steps)
  const RAMP = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];

  const LEAST = 0.004; // what is less leaves the picture as it is
  const SEEN = ["black_edge", "nodata"]; // what was not measured of these, the quick-look hints at

  let scene = null, place = null; // the scene and the element it was made for: Dash may have drawn another
  let shown = null; // {path, form: what was asked, data: what came}
  let meant = null; // the path of the product asked for, whether or not its grid has come
  let listed = []; // {path, modality} of all products of the folder: of a long list only what is in sight is drawn
  let asked = null, timer = 0, flag = "nodata";

  const theScene = () => {
    if (place === $("ingest-scene") && scene) return scene;
    scene?.destroy();
    place = $("ingest-scene");
    shown = null;
    scene = place && window.eob.scene(place, { words: told, rectangle: drew, hover: () => {} });
    return scene;
  };

  // -- what is filled in ---------------------------------------------------------------------------------------------
  let opening = 0;
  /** While a folder opens, what is listed is that of the folder before: it is not to be ticked any more. */
  const open = (on) => {
    clearTimeout(opening);
    const list = find(".eob-ingest__list");
    if (list) list.inert = on;
    if (on) opening = setTimeout(() => open(false), 5000); // it could not be opened: a message says so
  };

  const gather = (found, only, patch, stride, scales, resolution, bands, unit, grid, nodata, cloud, area, features, name, attribution, folder, options) => {
    open(false);
    listed = options.map(({ value, label }) => ({ path: value, modality: label?.props?.["data-modality"] ?? "" }));
    if (root()) root().dataset.only = only; // those that will not be taken step back
    // all of a large folder is the folder
    const all = folder && options.length > 100 && found.length === options.length;
    return {
      paths: all ? [folder] : found, only, patch, stride, scales, resolution, bands, unit, grid: (grid ?? []).length > 0,
      nodata, cloud, area, features, name, attribution,
    };
  };

  /** What is asked for when the button is pressed: as filled in at that moment. */
  const start = (clicks, ...filled) => clicks ? gather(...filled) : skip();

  const tick = (_all, _none, options) => {
    const { triggered } = window.dash_clientside.callback_context;
    return triggered[0]?.prop_id.startsWith("ingest-tick-all") ? options.map(({ value }) => value) : [];
  };

  /** Show a product that is ticked and will be taken. */
  const choose = (found, only, now) => {
    const taken = (path) => only === "auto" || ["", only].includes(listed.find((one) => one.path === path)?.modality ?? "");
    if (found?.includes(now) && taken(now)) return skip();
    const next = (found ?? []).find(taken) ?? found?.[0] ?? null;
    return next === now ? skip() : next;
  };

  const walk = (by) => {
    const paths = listed.map((one) => one.path);
    if (!paths.length) return;
    meant = paths[(paths.indexOf(meant) + by + paths.length) % paths.length]; // at once: the next key goes on from here
    props("ingest-shown", { data: meant });
  };

  const markShown = () => {
    for (const one of document.querySelectorAll("#ingest-found [data-path]")) one.toggleAttribute("data-shown", one.dataset.path === meant);
  };

  // Quick-looks are asked for when they come into sight: a folder may hold hundreds of products.
  const sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      sight.unobserve(target);
      target.addEventListener("error", () => { target.dataset.none = ""; target.removeAttribute("src"); }, { once: true });
      target.src = target.dataset.src;
    }
  });
  new MutationObserver((changes) => {
    if (!root() || !changes.some(({ target }) => target.closest?.("#ingest-root"))) return;
    markShown();
    for (const picture of document.querySelectorAll("#ingest-found img[data-src]:not([src], [data-none])")) sight.observe(picture);
  }).observe(document.documentElement, { childList: true, subtree: true });

  // -- the preview -------------------------------------------------------------------------------------------------------
  const say = (words, tone = "") => {
    const note = find("[data-ingest-note]");
    if (!note) return;
    note.textContent = words;
    note.dataset.tone = tone;
  };

  const preview = (form, path) => {
    clearTimeout(timer);
    if (!form) return skip();
    meant = path;
    markShown();
    timer = setTimeout(() => ask(form, path), 120);
    return skip();
  };

  const ask = async (form, path) => {
    const view = theScene();
    if (!view) return;
    asked?.abort();
    if (!path) { shown = null; view.show(null); legend(); say(""); return; }
    asked = new AbortController();
    const { signal } = asked;
    if (shown?.path !== path && view.product === null) view.say("");
    const wanted = JSON.stringify([form.patch, form.stride, form.scales, form.resolution, form.bands, form.unit, form.grid, form.nodata, form.cloud, form.area]);
    if (shown?.path === path && shown.wanted === wanted) return;
    say("Laying the grid …");
    let data;
    try {
      const answer = await fetch("/api/ingest/preview", { method: "POST", signal, headers: { "Content-Type": "application/json" }, body: JSON.stringify({ path, form }) });
      data = await answer.json();
      if (!answer.ok) throw new Error(data.error || `The server answered ${answer.status}.`);
    } catch (error) {
      if (signal.aborted) return;
      const words = error instanceof TypeError ? "The server does not answer. Try again in a moment." : error.message;
      if (shown?.path === path) { say(words, "danger"); return; } // what was seen of it stays
      shown = null;
      view.show(null);
      view.say(words);
      legend();
      say("");
      return;
    }
    if (signal.aborted || place !== $("ingest-scene")) return;
    const same = shown?.path === path && shown.picture === data.picture;
    const size = view.size;
    shown = { path, wanted, data, picture: data.picture, limits: { nodata: form.nodata, cloud: form.cloud }, form };
    const flags = {};
    for (const [name, { at, values }] of Object.entries(data.flags)) {
      flags[name] = new Float32Array(data.rows.length).fill(NaN);
      at.forEach((i, n) => { flags[name][i] = values[n]; });
    }
    shown.flags = flags;
    if (!same) view.show({ height: data.height, width: data.width, image: data.picture });
    const total = Object.values(data.counts).reduce((sum, n) => sum + n, 0);
    view.give({ n: data.rows.length, row: Int32Array.from(data.rows), col: Int32Array.from(data.cols), size: Int32Array.from(data.sizes), part: data.rows.length < total }, size);
    scales(view);
    colour(flag);
    summary(data, total);
  };

  /** How many patches there are, lie in the area, are shown and were measured. */
  const summary = (data, total) => {
    const words = (n) => n.toLocaleString("en");
    const all = data.rows.length, inside = data.inside.reduce((sum, one) => sum + one, 0);
    if (!total) { say("This product is smaller than a patch: choose a smaller patch size.", "warn"); return; }
    if (!inside) { say(`None of the ${words(total)} patches in this product lies in the area of interest.`, "warn"); return; }
    let lead = `${words(total)} patches in this product`;
    if (all < total) lead += ` (${words(all)} of them shown${inside < all ? `, of which ${words(inside)} lie in the area of interest` : ""})`;
    else if (inside < all) lead = `${words(inside)} of ${words(total)} patches in this product lie in the area of interest`;
    const rest = data.measured < inside ? ` ${words(data.measured)} were measured; the others are told from the quick-look or hatched.` : "";
    say(`${lead}.${rest}`);
  };

  const scales = (view) => {
    const box = find("[data-ingest-scales]");
    box.replaceChildren(...(view.sizes.length < 2 ? [] : view.sizes.map((size) => {
      const button = Object.assign(document.createElement("button"), { type: "button", className: "eob-button eob-button--quiet eob-button--small", textContent: `${size} px` });
      button.setAttribute("aria-pressed", String(size === view.size));
      button.addEventListener("click", () => { view.scale(size); scales(view); });
      return button;
    })));
  };

  // -- colours: the flag of each window, refused ones crossed out -----------------------------------------------------------
  const valueOf = (name, i) => {
    const value = shown.flags[name]?.[i];
    return Number.isNaN(value) && SEEN.includes(name) ? shown.data.black[i] : value;
  };
  const most = (name) => {
    const limit = shown.limits[name];
    return typeof limit === "number" ? limit / 100 : Infinity;
  };
  const refused = (i) => !shown.data.inside[i] || Object.keys(shown.limits).some((name) => shown.flags[name]?.[i] > most(name));
  /** Whether the product can tell the flag at all. */
  const tells = (name) => SEEN.includes(name) || (shown.flags[name] ?? []).some((value) => !Number.isNaN(value));
  /** Not measured, and the quick-look hints at nothing. */
  const unknown = (i) => shown.data.inside[i] && Number.isNaN(shown.flags[flag]?.[i] ?? NaN) && !(valueOf(flag, i) > LEAST);
  const css = (value) => {
    const at = Math.min(Math.max(value, 0), 1) * (RAMP.length - 1), low = Math.min(Math.floor(at), RAMP.length - 2), part = at - low;
    return `rgb(${RAMP[low].map((from, n) => Math.round(from + (RAMP[low + 1][n] - from) * part)).join(" ")})`;
  };

  const colour = (name) => {
    flag = name || flag;
    const view = theScene();
    if (!view || !shown) { legend(); return skip(); }
    // shares of a per cent and of all are to be told apart: the ramp runs over the square root
    view.paint((i) => {
      if (!shown.data.inside[i]) return "rgb(120 120 120)";
      const value = valueOf(flag, i);
      return value > LEAST ? css(Math.sqrt(value)) : null;
    }, refused, tells(flag) ? unknown : null);
    legend();
    return skip();
  };

  const legend = () => {
    const box = find("[data-ingest-legend]");
    if (!box) return;
    if (!shown) { box.replaceChildren(); return; }
    const word = (text, name = "") => Object.assign(document.createElement("span"), { textContent: text, className: name });
    const swatch = (name) => word("", `eob-ingest__swatch eob-ingest__swatch--${name}`);
    if (!tells(flag)) { box.replaceChildren(word("This product cannot tell this flag.")); return; }
    // the ramp as it is used: it begins with what is coloured at all, and its middle is the square of the root's
    const bar = word("", "eob-ingest__ramp"), low = Math.sqrt(LEAST);
    bar.style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map((part) => css(low + (1 - low) * part)).join(", ")})`;
    const scale = word("", "eob-ingest__scale"), { inside } = shown.data;
    scale.append(bar, word(String(LEAST)), word((((1 + low) / 2) ** 2).toFixed(2)), word("1"));
    box.replaceChildren(
      swatch("none"), word("none"), scale,
      ...(inside.some((_, i) => unknown(i)) ? [swatch("unknown"), word("not measured")] : []),
      ...(inside.every(Boolean) ? [] : [swatch("outside"), word("outside of the area")]),
      word("✕ refused"),
    );
  };

  const TITLES = { nodata: "no data", cloud: "cloud", blur: "blur", saturation: "saturation", black_edge: "black edge", border_noise: "border noise" };
  const told = (i) => {
    const { row, col, size } = scene.windows;
    const numbers = Object.keys(TITLES).map((name) => [TITLES[name], valueOf(name, i)]).filter(([, value]) => value !== undefined && !Number.isNaN(value));
    const place = `row ${row[i]}, column ${col[i]}, ${size[i]} × ${size[i]}`;
    if (!shown.data.inside[i]) return `${place}\noutside of the area of interest`;
    const words = numbers.map(([name, value]) => `${name} ${value.toFixed(2)}`).join(" · ") || "not measured in this preview";
    return `${place}${refused(i) ? " · refused" : ""}\n${words}`;
  };

  // -- the area of interest, drawn -----------------------------------------------------------------------------------------
  const drawing = (on) => {
    const view = theScene(), button = find('[data-ingest="draw"]');
    if (!view || !button) return;
    view.set({ drawing: on });
    button.setAttribute("aria-pressed", String(on));
    view.canvas.style.cursor = on ? "crosshair" : "grab";
    if (on && !shown) say("Tick a product first: the area is drawn on its picture.", "warn");
  };

  const drew = async (box) => {
    drawing(false);
    if (!shown || box.width < 1 || box.height < 1) return;
    try {
      const answer = await fetch("/api/ingest/area", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ path: shown.path, form: shown.form, box: [box.row, box.col, box.height, box.width] }) });
      const data = await answer.json();
      if (!answer.ok) throw new Error(data.error);
      props("ingest-area", { value: data.area });
    } catch (error) {
      say(error.message || "The area could not be found on the map.", "danger");
    }
    scene.set({ rectangle: null });
  };

  // -- what the page hears ---------------------------------------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    if (!root()) return;
    const what = event.target.closest?.("[data-ingest]")?.dataset.ingest;
    if (what === "before") walk(-1);
    if (what === "next") walk(1);
    if (what === "fit") theScene()?.fit();
    if (what === "draw") drawing(event.target.closest("[data-ingest]").getAttribute("aria-pressed") !== "true");
    if (event.target.closest?.("#ingest-browser button")) open(true);
    const picture = event.target.closest?.("#ingest-found [data-path] img"); // the picture shows, the box ticks
    if (picture) {
      event.preventDefault();
      props("ingest-shown", { data: picture.closest("[data-path]").dataset.path });
    }
  });
  document.addEventListener("keydown", (event) => {
    if (!root() || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, [role=combobox]")) return;
    if (event.key === "[" || event.key === "]") walk(event.key === "[" ? -1 : 1);
    if (event.key === "Escape") drawing(false);
  });

  // A field tells what is typed after a pause; left for a button before that, it has to tell at once.
  document.addEventListener("change", ({ target }) => {
    if (!root()?.contains(target) || !target.matches("input[id].dash-input-element")) return;
    const number = target.type === "number";
    props(target.id, { value: number ? (target.value === "" ? null : Number(target.value)) : target.value });
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.eobIngest = { gather, start, tick, choose, preview, colour };
})();
