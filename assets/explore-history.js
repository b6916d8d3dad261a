// The tab "History": steps are shown on the map and taken back; the list itself is pages/explore/history.py.
(() => {
  const X = () => window.eob.explore;

  const showStep = async ({ batch, summary }) => {
    try {
      const found = await X().api(`batches/${batch}`);
      const map = X().map();
      if (!map) return;
      const on = found.ordinals.filter((ordinal) => map.labelOf(ordinal));
      if (!on.length) { X().toast("None of these patches is on this map."); return; }
      if (map.only) map.only(on, summary);
      else map.select(on);
    } catch (error) {
      X().toast(error.message, "danger");
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("#explore-history [data-history], #explore-history [data-history-before]");
    if (!button) return;
    const { history, batch, historyBefore } = button.dataset;
    if (history === "show") showStep(button.dataset);
    else if (history === "undo") { button.disabled = true; X().undo(Number(batch)).finally(() => { button.disabled = false; }); }
    else X().props("explore-history-before", { data: historyBefore ? Number(historyBefore) : null });
  });
  // Other people's steps begin at the newest again.
  document.addEventListener("change", (event) => {
    if (event.target.closest?.("#explore-history-who")) X().props("explore-history-before", { data: null });
  });
})();
