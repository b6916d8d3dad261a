// Tells the verify page which theme is shown, so that its figures are drawn in the same colours.
(() => {
  const theme = () => document.documentElement.dataset.theme || "light";
  window.addEventListener("eob:theme", ({ detail }) => {
    if (document.querySelector(".eob-verify")) window.dash_clientside.set_props("verify-theme", { data: detail });
  });
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.eobVerify = { theme };
})();
