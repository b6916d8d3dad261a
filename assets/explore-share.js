// The explore page's way out: the link to a view (with its selection), the map as a picture, its patches as a table.
(() => {
  const root = () => document.getElementById("explore-root");
  const toast = (text, kind = "info") => window.eob.toast({ text, kind });
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  // -- link -----------------------------------------------------------------------------------------------------------
  const copy = async (text) => {
    if (navigator.clipboard && window.isSecureContext) return navigator.clipboard.writeText(text);
    const field = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "eob-hide" });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy"); // all that is left on a page without TLS
    field.remove();
    if (!done) throw new Error("The browser lets no page copy here: take the link from the address bar.");
  };

  const link = async () => {
    const { exploreView: view, explore } = window.eob;
    const chosen = explore.map()?.selection() ?? [];
    let without = "";
    try {
      if (chosen.length && root().dataset.maySave) {
        const { id } = await explore.api("selections", { ordinals: Array.from(chosen) });
        view.remember({ sel: String(id) });
      } else if (chosen.length) without = " Log in to have your selection in it.";
      await pause(120); // what was just done is still on its way into the address
      view.write();
      await copy(location.href);
      const with_ = chosen.length && !without ? `, with ${chosen.length.toLocaleString("en")} selected` : "";
      toast(`Copied: the link to this view${with_}.${without}`, "ok");
    } catch (error) {
      toast(error.message, "danger");
    }
  };

  // -- downloads ------------------------------------------------------------------------------------------------------
  const save = (blob, name) => {
    const url = URL.createObjectURL(blob);
    Object.assign(document.createElement("a"), { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 30000);
  };
  const stem = () => (root().dataset.name || "map").replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80);

  const png = async () => {
    try {
      save(await window.eob.explore.map().png(), `${stem()}-map.png`);
    } catch (error) {
      toast(`The map could not be made into a picture: ${error.message}`, "danger");
    }
  };

  /** One cell: quoted where it has to be; a spreadsheet takes no name for a formula (OWASP, "CSV Injection"). */
  const cell = (text) => {
    const safe = /^\s*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  /** Lines of {ordinals, x, y, codes} in pieces, so that a million patches are no single string. */
  const csv = ({ ordinals, x, y, codes }, nameOf) => {
    const pieces = ["\ufeffpatch,x,y,label\r\n"], names = new Map();
    const named = (code) => { if (!names.has(code)) names.set(code, cell(nameOf(code))); return names.get(code); };
    for (let from = 0; from < ordinals.length; from += 20000) {
      let lines = "";
      for (let i = from; i < Math.min(from + 20000, ordinals.length); i++) lines += `${ordinals[i]},${x[i]},${y[i]},${named(codes[i])}\r\n`;
      pieces.push(lines);
    }
    return pieces;
  };
  const table = () => {
    const { map, labels } = window.eob.explore;
    const shown = map()?.table();
    if (!shown?.ordinals.length) return toast("No patch is shown, so there is no table.");
    const names = new Map(labels().map((label) => [label.code, label.name]));
    save(new Blob(csv(shown, (code) => names.get(code) ?? ""), { type: "text/csv" }), `${stem()}-patches.csv`);
  };

  document.addEventListener("click", ({ target }) => {
    const item = root() && target.closest?.(".eob-menu__item[data-do]");
    if (!item) return;
    item.closest("details").open = false;
    ({ link, png, csv: table })[item.dataset.do]?.();
  });

  window.eob = { ...window.eob, exploreView: { ...window.eob?.exploreView, copyLink: link, csv, cell } };
})();
