// What surrounds the picture: tools, status line, selection, and the loading, empty and error states.

import { el, iconButton } from "./dom.js";

const ICONS = {
  pan: "M10 2v16M2 10h16M10 2 7.5 4.5M10 2l2.5 2.5M10 18l-2.5-2.5M10 18l2.5-2.5M2 10l2.5-2.5M2 10l2.5 2.5M18 10l-2.5-2.5M18 10l-2.5 2.5",
  lasso: "M7 14.2C4.2 13.6 2.5 11.7 2.5 9.2 2.5 5.8 6 3.5 10.2 3.5S17.5 5.6 17.5 8.8 14 14 10 14c-1.8 0-2.6.9-2.6 1.9S6.7 17.8 5.5 17.5",
  box: "M3 6V3h3M9 3h2M14 3h3v3M17 9v2M17 14v3h-3M11 17H9M6 17H3v-3M3 11V9",
  plus: "M10 4v12M4 10h12",
  minus: "M4 10h12",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M7.5 10a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0",
};

export const HELP = "Drag moves the map, the wheel zooms, Shift and drag draws a lasso (Alt takes away, Ctrl adds). "
  + "Arrow keys move, plus and minus zoom, 0 shows all, Enter opens the patch under the pointer or in the middle, "
  + "the menu key opens the menu, Escape clears the selection.";

export const count = (n) => n.toLocaleString("en");
const patches = (n) => `${count(n)} ${n === 1 ? "patch" : "patches"}`;

export class MapChrome {
  /** on: {tool(name), zoom(factor), fit(), clear(), retry()} */
  constructor(root, on) {
    this.tools = {
      pan: iconButton("Move the map (drag)", ICONS.pan, () => on.tool("pan")),
      lasso: iconButton("Lasso (Shift + drag); Alt takes away", ICONS.lasso, () => on.tool("lasso")),
      box: iconButton("Box selection", ICONS.box, () => on.tool("box")),
    };
    const zooms = [
      iconButton("Zoom in (+)", ICONS.plus, () => on.zoom(1.5)),
      iconButton("Zoom out (−)", ICONS.minus, () => on.zoom(1 / 1.5)),
      iconButton("Show all (0)", ICONS.fit, () => on.fit()),
    ];
    const bar = el("div", "eob-map__tools", [...Object.values(this.tools), el("span", "eob-map__gap"), ...zooms]);
    bar.setAttribute("role", "toolbar");
    bar.setAttribute("aria-label", "Map tools");

    this.total = el("span", "eob-map__pill");
    this.chosen = el("button", "eob-map__pill eob-map__pill--accent");
    this.chosen.type = "button";
    this.chosen.title = "Clear the selection (Esc)";
    this.chosen.addEventListener("click", () => on.clear());
    this.offline = el("span", "eob-map__pill eob-map__pill--quiet");
    this.live = el("span", "eob-map__sr");
    this.live.setAttribute("aria-live", "polite");
    const line = el("div", "eob-map__line", [this.total, this.chosen, this.offline]);
    this.chosen.hidden = this.offline.hidden = this.total.hidden = true;

    this.message = el("p", "eob-map__message");
    this.retry = el("button", "eob-map__retry", ["Try again"]);
    this.retry.type = "button";
    this.retry.addEventListener("click", () => on.retry());
    this.state = el("div", "eob-map__state", [el("div", "eob-map__skeleton"), el("div", "eob-map__notice", [this.message, this.retry])]);
    root.append(bar, line, this.live, this.state);
    this.bar = bar;
    this.setTool("pan");
  }

  setTool(tool) {
    for (const [name, button] of Object.entries(this.tools)) button.setAttribute("aria-pressed", String(name === tool));
  }

  /** kind: "loading" | "ready" | "empty" | "error" */
  setState(kind, message = "", canRetry = false) {
    this.state.dataset.kind = kind;
    this.state.hidden = kind === "ready";
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
