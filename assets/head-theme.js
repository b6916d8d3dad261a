// Runs in <head> before the first paint, so that nobody sees a flash of the other theme. "auto" follows the system.
(() => {
  const KEY = "eob-theme";
  const system = window.matchMedia("(prefers-color-scheme: dark)");
  let here = "auto"; // what lasts where storage is closed (private mode)
  const chosen = () => {
    try { return localStorage.getItem(KEY) || here; } catch { return here; }
  };
  const apply = () => {
    const choice = chosen();
    const theme = choice === "auto" ? (system.matches ? "dark" : "light") : choice;
    const root = document.documentElement;
    root.dataset.themeChoice = choice;
    if (root.dataset.theme === theme) return;
    root.dataset.theme = theme;
    window.dispatchEvent(new CustomEvent("eob:theme", { detail: theme }));
  };
  const choose = (choice) => {
    here = choice;
    try { localStorage.setItem(KEY, choice); } catch { /* see above */ }
    apply();
  };
  system.addEventListener("change", apply);
  window.addEventListener("storage", (event) => { if (event.key === KEY) apply(); });
  window.eob = { ...window.eob, theme: { choose, chosen } };
  apply();
})();
