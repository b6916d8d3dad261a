// Small helpers for building elements. Text goes in as text, never as markup.

const SVG = "http://www.w3.org/2000/svg";

export const count = (n) => n.toLocaleString("en");

export function el(tag, className, children = []) {
  const node = document.createElement(tag);
  node.className = className;
  node.append(...children);
  return node;
}

/** A button with an icon given as SVG path data, a name for screen readers and a tip. */
export function iconButton(name, path, onClick, attributes = {}) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  const button = el("button", "eob-map__button", [svg]);
  button.type = "button";
  button.title = name;
  button.setAttribute("aria-label", name);
  for (const [key, value] of Object.entries(attributes)) button.setAttribute(key, value);
  button.addEventListener("click", onClick);
  return button;
}

const probe = document.createElement("canvas");
probe.width = probe.height = 1;
const probeContext = probe.getContext("2d", { willReadFrequently: true });

/** Any CSS colour as the browser computed it -> [r, g, b]. */
export function rgbOf(css) {
  probeContext.fillStyle = "#808080";
  probeContext.fillStyle = css; // an unreadable colour leaves the grey
  probeContext.fillRect(0, 0, 1, 1);
  return [...probeContext.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}
