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
    if (!done) throw new Error("The browser lets no page copy here.");
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
      view.rememberViews();
      view.write();
      await copy(location.href);
      const with_ = chosen.length && !without ? `, with ${chosen.length.toLocaleString("en")} selected` : "";
      toast(`Copied: the link to this view${with_}.${without}`, "ok");
    } catch (error) {
      toast(`${error.message} The link is in the address bar.`, "danger");
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
    const map = window.eob.explore.map();
    if (!map?.table()?.ordinals.length) return toast("No patch is shown, so there is no picture.");
    try {
      save(await map.png(), `${stem()}-map.png`);
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

  /** The patches shown as one path of dots per colour, with the key to the colours beside them. */
  const xml = (text) => String(text).replace(/[<>&"']/g, (sign) => `&#${sign.charCodeAt(0)};`).replace(/[\0-\x08\x0b\x0c\x0e-\x1f]/g, "");
  const svg = ({ x, y }, { codes, css }, { title, kind, entries }) => {
    const SIDE = 1000, n = x.length;
    let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
    for (let i = 0; i < n; i++) { x0 = Math.min(x0, x[i]); x1 = Math.max(x1, x[i]); y0 = Math.min(y0, y[i]); y1 = Math.max(y1, y[i]); }
    const scale = (SIDE - 40) / Math.max(x1 - x0, y1 - y0, 1e-9), dots = new Map();
    for (let i = 0; i < n; i++) {
      if (!dots.has(codes[i])) dots.set(codes[i], []);
      dots.get(codes[i]).push(`M${(20 + (x[i] - x0) * scale).toFixed(1)} ${(20 + (y1 - y[i]) * scale).toFixed(1)}h0`);
    }
    const key = kind === "number" ? [] : entries.filter((entry) => dots.has(entry.code)).slice(0, 40);
    const height = Math.max(40 + (y1 - y0) * scale, 70 + 22 * key.length), width = 40 + (x1 - x0) * scale + 260;
    const size = Math.max(1.2, Math.min(6, 400 / Math.sqrt(n)));
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width.toFixed(0)} ${height.toFixed(0)}" font-family="sans-serif" font-size="14">\n`,
      `<rect width="100%" height="100%" fill="#fff"/><g fill="none" stroke-linecap="round" stroke-opacity="0.8" stroke-width="${size.toFixed(1)}">\n`,
      ...[...dots].map(([code, path]) => `<path stroke="${css(code)}" d="${path.join("")}"/>\n`),
      `</g>\n<text x="${(width - 230).toFixed(0)}" y="36" font-weight="600">${xml(title)}</text>\n`,
      ...key.map(({ code, name, count }, i) => `<circle cx="${(width - 224).toFixed(0)}" cy="${60 + 22 * i}" r="6" fill="${css(code)}"/><text x="${(width - 210).toFixed(0)}" y="${65 + 22 * i}">${xml(name)} (${count.toLocaleString("en")})</text>\n`),
      "</svg>\n",
    ];
  };
  const drawing = () => {
    const map = window.eob.explore.map(), shown = map?.table();
    if (!shown?.ordinals.length) return toast("No patch is shown, so there is no picture.");
    save(new Blob(svg(shown, map.painting(), map.legend()), { type: "image/svg+xml" }), `${stem()}-map.svg`);
  };

  document.addEventListener("click", ({ target }) => {
    const item = root() && target.closest?.(".eob-menu__item[data-do]");
    if (!item) return;
    item.closest("details").open = false;
    ({ link, png, svg: drawing, csv: table })[item.dataset.do]?.();
  });

  window.eob = { ...window.eob, exploreView: { ...window.eob?.exploreView, copyLink: link, copy, csv, svg, cell } };
})();
