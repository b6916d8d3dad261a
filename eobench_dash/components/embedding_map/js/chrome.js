// What surrounds the picture: tools, status line, selection, and the loading, empty and error states.

import { count, el, iconButton } from "./dom.js";

const ICONS = {
  pan: "M10 2v16M2 10h16M10 2 7.5 4.5M10 2l2.5 2.5M10 18l-2.5-2.5M10 18l2.5-2.5M2 10l2.5-2.5M2 10l2.5 2.5M18 10l-2.5-2.5M18 10l-2.5 2.5",
  lasso: "M7 14.2C4.2 13.6 2.5 11.7 2.5 9.2 2.5 5.8 6 3.5 10.2 3.5S17.5 5.6 17.5 8.8 14 14 10 14c-1.8 0-2.6.9-2.6 1.9S6.7 17.8 5.5 17.5",
  box: "M3 6V3h3M9 3h2M14 3h3v3M17 9v2M17 14v3h-3M11 17H9M6 17H3v-3M3 11V9",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  back: "M8 5 3.5 9.5 8 14M4 9.5h8a4.5 4.5 0 0 1 0 6h-1.5",
  forward: "M12 5l4.500 4.500L12 14M16 9.500H8a4.500 4.500 0 0 0 0 6h1.500",
  legend: "M3 5h2M3 10h2M3 15h2M8 5h9M8 10h9M8 15h9",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M7.5 10a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0",
};

export const HELP = "Drag moves the map, the wheel zooms, Shift and drag draws a lasso (Ctrl adds to the selection, Alt takes away, "
  + "both keep the overlap). Arrow keys move, plus and minus zoom, 0 shows all, Backspace goes back to the view before and "
  + "Shift+Backspace forward, L shows the legend, Enter opens the patch under the pointer or in the middle, "
  + "the menu key opens the menu, Escape clears the selection.";

// What a lasso does to the selection: its name, its tip with the keys, and what is said while it is drawn.
const COMBINES = {
  replace: ["New", "Select anew", "Select (Ctrl adds, Alt takes away, both keep the overlap)"],
  add: ["Add", "Add to the selection (hold Ctrl)", "Add to the selection"],
  subtract: ["Remove", "Take away from the selection (hold Alt)", "Take away from the selection"],
  intersect: ["Overlap", "Keep only what is in both (hold Ctrl and Alt)", "Keep the overlap"],
};

const patches = (n) => `${count(n)} ${n === 1 ? "patch" : "patches"}`;

export class MapChrome {
  /** on: {tool(name), combine(how), zoom(factor), fit(), step(by), legend(), clear(), only(), retry()} */
  constructor(root, on) {
    this.tools = {
      pan: iconButton("Move the map (drag)", ICONS.pan, () => on.tool("pan")),
      lasso: iconButton("Lasso (Shift + drag)", ICONS.lasso, () => on.tool("lasso")),
      box: iconButton("Box selection", ICONS.box, () => on.tool("box")),
    };
    const zooms = [
      iconButton("Zoom in (+)", ICONS.plus, () => on.zoom(1.5)),
      iconButton("Zoom out (−)", ICONS.minus, () => on.zoom(1 / 1.5)),
      iconButton("Fit the map (0)", ICONS.fit, () => on.fit()),
    ];
    this.back = iconButton("View before (Backspace)", ICONS.back, () => on.step(-1));
    this.forward = iconButton("View after (Shift+Backspace)", ICONS.forward, () => on.step(1));
    this.legend = iconButton("Legend (L)", ICONS.legend, () => on.legend());
    const gap = () => el("span", "eob-map__gap");
    const bar = el("div", "eob-map__tools", [...Object.values(this.tools), gap(), ...zooms, gap(), this.back, this.forward, this.legend]);
    bar.setAttribute("role", "toolbar");
    bar.setAttribute("aria-label", "Map tools");

    this.combines = Object.entries(COMBINES).map(([how, [name, tip]]) => {
      const button = el("button", "eob-map__combine", [name]);
      Object.assign(button, { type: "button", title: tip });
      button.dataset.how = how;
      button.addEventListener("click", () => on.combine(how));
      return button;
    });
    this.modes = el("div", "eob-map__combines", this.combines);
    this.modes.setAttribute("role", "group");
    this.modes.setAttribute("aria-label", "What a selection does");
    this.drawing = el("span", "eob-map__hint");
    this.busy = el("span", "eob-map__hint");
    this.modes.hidden = this.drawing.hidden = this.busy.hidden = true;
    const hints = el("div", "eob-map__hints", [this.modes, this.drawing, this.busy]);

    this.total = el("span", "eob-map__pill");
    this.chosen = el("button", "eob-map__pill eob-map__pill--accent");
    this.chosen.type = "button";
    this.chosen.title = "Clear the selection (Esc)";
    this.chosen.addEventListener("click", () => on.clear());
    this.only = el("button", "eob-map__pill eob-map__pill--accent");
    this.only.type = "button";
    this.only.title = "Show all patches again";
    this.only.addEventListener("click", () => on.only());
    this.offline = el("span", "eob-map__pill eob-map__pill--quiet");
    this.live = el("span", "eob-map__sr");
    this.live.setAttribute("aria-live", "polite");
    const line = el("div", "eob-map__line", [this.total, this.chosen, this.only, this.offline]);
    this.chosen.hidden = this.only.hidden = this.offline.hidden = this.total.hidden = true;

    this.message = el("p", "eob-map__message");
    this.retry = el("button", "eob-map__retry", ["Try again"]);
    this.retry.type = "button";
    this.retry.addEventListener("click", () => on.retry());
    this.state = el("div", "eob-map__state", [el("div", "eob-map__skeleton"), el("div", "eob-map__notice", [this.message, this.retry])]);
    root.append(bar, hints, line, this.live, this.state);
    this.bar = bar;
    this.setTool("pan");
    this.setCombine("replace");
    this.setHistory({ back: false, forward: false });
  }

  setTool(tool) {
    for (const [name, button] of Object.entries(this.tools)) button.setAttribute("aria-pressed", String(name === tool));
    this.modes.hidden = tool === "pan";
  }

  setCombine(how) {
    for (const button of this.combines) button.setAttribute("aria-pressed", String(button.dataset.how === how));
  }

  /** What the lasso being drawn will do; null: none is drawn. */
  setDrawing(how) {
    this.drawing.hidden = !how;
    if (how) this.drawing.textContent = COMBINES[how][2];
  }

  setHistory({ back, forward }) {
    this.back.disabled = !back;
    this.forward.disabled = !forward;
  }

  setLegend(open) {
    this.legend.setAttribute("aria-pressed", String(open));
  }

  /** Something is on its way while the map stays in use; "" when it is there. failed: it does not come. */
  setBusy(text, failed = false) {
    this.busy.hidden = !text;
    this.busy.textContent = text;
    this.busy.classList.toggle("is-failed", failed);
    if (text) this.say(text);
  }

  /** {ordinals, words} or null. */
  setOnly(only) {
    this.only.hidden = !only;
    if (!only) return;
    this.only.textContent = `${only.words || `Only ${patches(only.ordinals.length)}`} ✕`;
    this.say(this.only.textContent);
  }

  /** kind: "loading" | "ready" | "empty" | "error" */
  setState(kind, message = "", canRetry = false) {
    this.state.dataset.kind = kind;
    this.state.hidden = kind === "ready";
    if (!this.busy.classList.contains("is-failed")) this.setBusy("");
    this.message.textContent = message;
    this.retry.hidden = !canRetry;
    this.bar.hidden = kind !== "ready";
    if (kind !== "ready") this.total.hidden = true;
    if (message) this.say(message);
  }

  setCounts(shown, total) {
    this.total.hidden = false;
    this.total.textContent = shown === total ? patches(total) : `${count(shown)} of ${patches(total)}`;
  }

  setSelected(n) {
    this.chosen.hidden = n === 0;
    this.chosen.textContent = `${count(n)} selected ✕`;
    this.say(n ? `${patches(n)} selected` : "Nothing selected");
  }

  setOffline(text) {
    this.offline.hidden = !text;
    this.offline.textContent = text || "";
  }

  say(text) {
    this.live.textContent = text;
  }
}
