// The page's colours, as the style sheet gives them, and when they or the pixel ratio change.

import { rgbOf } from "./dom.js";

const css = (rgb) => `rgb(${rgb.join(",")})`;

/** map.css puts the colours that are drawn rather than styled on these elements. */
export function readColors({ root, base, top, help }) {
  const own = getComputedStyle(root);
  const accent = rgbOf(getComputedStyle(top).color);
  return {
    ground: rgbOf(own.backgroundColor),
    unlabelled: rgbOf(getComputedStyle(base).color),
    accent,
    overlay: { accent: css(accent), danger: css(rgbOf(getComputedStyle(help).color)) },
  };
}

/** Calls on.colors() when the theme changes and on.size() when element or pixel ratio do. Returns the way to stop. */
export function watchLooks(root, on) {
  const sizes = new ResizeObserver(on.size);
  sizes.observe(root);
  const themes = new MutationObserver(on.colors);
  for (let node = root; node; node = node.parentElement) {
    themes.observe(node, { attributes: true, attributeFilter: ["data-theme", "data-bs-theme"] });
  }
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", on.colors);
  // Zooming the page, or another screen, changes the pixel ratio without a resize of ours.
  let ratio = null;
  const ratioChanged = () => { watchRatio(); on.size(); };
  const watchRatio = () => {
    ratio?.removeEventListener("change", ratioChanged);
    ratio = window.matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    ratio.addEventListener("change", ratioChanged);
  };
  watchRatio();
  return () => {
    sizes.disconnect();
    themes.disconnect();
    dark.removeEventListener("change", on.colors);
    ratio.removeEventListener("change", ratioChanged);
  };
}
