// What changes labels and marks: painted before the server answers, taken back where it refuses; undo, redo; and the
// choice where somebody else changed the same patches meanwhile.
(() => {
  const X = () => window.eob.explore;
  const HTML = (tag, className, text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const patches = (n) => `${n.toLocaleString("en")} ${n === 1 ? "patch" : "patches"}`;
  const SHOWN = 6; // pictures in the dialog
  const FLASHED = 60;

  /** The last event of others that this page has shown. */
  const seen = () => X().map()?.state().lastEvent ?? 0;

  // -- painting ----------------------------------------------------------------------------------------------------
  const repaint = (ordinals, code) => {
    const back = X().maps().map((map) => map.recolour(ordinals, code));
    return () => back.forEach((fn) => fn());
  };
  const paint = ({ changes, reload }) => {
    const byCode = new Map();
    for (const [ordinal, code] of changes) {
      if (!byCode.has(code)) byCode.set(code, []);
      byCode.get(code).push(ordinal);
    }
    for (const [code, ordinals] of byCode) repaint(ordinals, code);
    if (reload) refresh();
  };
  const refresh = () => X().maps().forEach((map) => map.refresh());

  /** Rings for a moment around patches whose change was taken back, so that the eye finds them. */
  const flash = (ordinals) => {
    const map = X().map(), stage = X().root()?.querySelector(".eob-explore__stage");
    if (!map || !stage) return;
    const box = stage.getBoundingClientRect();
    for (const ordinal of Array.from(ordinals.slice(0, FLASHED))) {
      const at = map.screenOf(ordinal);
      if (!at || at.x < box.left || at.x > box.right || at.y < box.top || at.y > box.bottom) continue;
      const ring = HTML("span", "eob-flash");
      Object.assign(ring.style, { left: `${at.x - box.left}px`, top: `${at.y - box.top}px` });
      stage.append(ring);
      setTimeout(() => ring.remove(), 1600);
    }
  };

  // -- after each step -----------------------------------------------------------------------------------------------
  const after = () => { X().refreshPanel(); X().tick(); tellStep(); };

  /** The buttons' tips name what they would do. */
  let telling = 0;
  const tellStep = () => {
    clearTimeout(telling);
    telling = setTimeout(async () => {
      if (!X().mayClean()) return;
      const step = await X().api("undo").catch(() => null);
      if (!step || !X().root()) return;
      for (const [verb, keys] of [["undo", "Ctrl+Z"], ["redo", "Ctrl+Shift+Z"]]) {
        const button = document.querySelector(`[data-explore="${verb}"]`);
        button.title = step[verb] ? `${step[verb]} (${keys})` : `Nothing to ${verb}`;
        button.setAttribute("aria-label", button.title);
        button.disabled = !step[verb];
      }
    }, 250);
  };

  const leftAlone = (skipped) => {
    if (!skipped?.length) return;
    const [first] = skipped;
    const more = skipped.length > 1 ? ` and ${skipped.length - 1} more` : "";
    X().toast(`Left alone: patch ${first.ordinal}${more}, changed since by ${first.by} to ${first.label || "no label"}.`, "danger");
    refresh();
  };

  // -- two on the same patches ---------------------------------------------------------------------------------------
  /** What others did, as sentences: one for each person and label. */
  const theirs = (skipped) => {
    const groups = new Map();
    for (const { by, label } of skipped) {
      const key = JSON.stringify([by, label]);
      groups.set(key, (groups.get(key) ?? 0) + 1);
    }
    return [...groups].sort((a, b) => b[1] - a[1]).slice(0, 4).map(([key, n]) => {
      const [by, label] = JSON.parse(key);
      return `${by}: ${patches(n)} → ${label || "no label"}`;
    });
  };

  /** Ask whose change is to stand; a promise of true for "mine". To close the dialog keeps theirs. */
  const choose = (skipped, mine) => new Promise((answer) => {
    const box = HTML("dialog", "eob-dialog eob-dialog--small eob-conflict");
    box.setAttribute("aria-labelledby", "explore-conflict-title");
    const head = HTML("div", "eob-dialog__head");
    head.append(Object.assign(HTML("h2", "", "Somebody else was here"), { id: "explore-conflict-title" }));
    const body = HTML("div", "eob-dialog__body");
    const many = skipped.length === 1 ? "this patch" : `${skipped.length.toLocaleString("en")} of these patches`;
    const told = HTML("ul", "eob-conflict__told");
    told.append(...theirs(skipped).map((line) => HTML("li", "", line)));
    const pictures = HTML("div", "eob-conflict__pictures");
    pictures.append(...skipped.slice(0, SHOWN).map(({ ordinal, label }) => {
      const figure = HTML("figure", "");
      const image = Object.assign(HTML("img", ""), { src: X().imageUrl(ordinal), alt: "", width: 64, height: 64 });
      figure.append(image, HTML("figcaption", "eob-clip", label || "no label"));
      figure.title = `Patch ${ordinal}, now ${label || "without label"}`;
      return figure;
    }));
    const keep = Object.assign(HTML("button", "eob-button", "Keep theirs"), { type: "button", value: "theirs" });
    const use = Object.assign(HTML("button", "eob-button eob-button--primary", `Use mine: ${mine}`), { type: "button", value: "mine" });
    const row = HTML("div", "eob-row");
    row.append(keep, use);
    body.append(HTML("p", "", `You changed ${many} after somebody else had, and had not seen it yet. Theirs stands until you say otherwise.`), told, pictures, row);
    box.append(head, body);
    let wanted = false;
    keep.addEventListener("click", () => box.close());
    use.addEventListener("click", () => { wanted = true; box.close(); });
    box.addEventListener("close", () => { box.remove(); answer(wanted); });
    document.body.append(box);
    box.showModal();
    keep.focus();
  });

  // -- the verbs ----------------------------------------------------------------------------------------------------
  const known = (label) => {
    if (typeof label === "object") return label;
    const found = X().labels().find((one) => one.code === label || one.name === label);
    return found ?? { name: String(label), create: true };
  };

  /**
   * Give patches a label: its object, code or name; {name, create: true} makes a new one. `seen`: the last event of
   * others that whoever decided had seen. Returns what the server did, null where it refused.
   */
  const assign = async (ordinals, wanted, why = "", { seen: at = seen() } = {}) => {
    const label = known(wanted), chosen = Array.from(ordinals);
    const takeBack = label.create ? () => {} : repaint(chosen, label.code);
    let done;
    try {
      done = await X().api("relabel", { ordinals: chosen, label: label.name, why, create: Boolean(label.create), seen: at });
    } catch (error) {
      takeBack();
      flash(chosen);
      X().toast(error.message, "danger");
      return null;
    }
    const { skipped = [] } = done;
    if (skipped.length) takeBack();
    paint(done);
    if (chosen.length > 1) X().maps().forEach((map) => map.clearSelection()); // else the next key would change them all once more
    if (done.batch || !skipped.length) X().toast(done.summary, done.batch ? "ok" : "info");
    after();
    if (!skipped.length) return done;
    refresh(); // theirs is shown beneath the question
    flash(skipped.map((one) => one.ordinal));
    if (await choose(skipped, label.name)) return assign(skipped.map((one) => one.ordinal), label, why, { seen: done.last });
    X().toast(`Kept: ${theirs(skipped)[0]}.`);
    return done;
  };

  const MARK = { unsure: ["sure", "unsure"], excluded: ["included", "excluded"] };

  /** Mark patches: {unsure: true}, {excluded: false}. Returns what the server did, null where it refused. */
  const mark = async (ordinals, marks, { seen: at = seen() } = {}) => {
    const chosen = Array.from(ordinals);
    let done;
    try {
      done = await X().api("mark", { ordinals: chosen, ...marks, seen: at });
    } catch (error) {
      flash(chosen);
      X().toast(error.message, "danger");
      return null;
    }
    const { skipped = [] } = done;
    if (done.batch || !skipped.length) X().toast(done.summary, done.batch ? "ok" : "info");
    after();
    document.dispatchEvent(new CustomEvent("eob:marks", { detail: { ordinals: chosen, marks } }));
    if (!skipped.length) return done;
    const mine = Object.entries(marks).map(([name, value]) => MARK[name][Number(value)]).join(", ");
    if (await choose(skipped, mine)) return mark(skipped.map((one) => one.ordinal), marks, { seen: done.last });
    return done;
  };

  const back = async (path, body) => {
    try {
      const done = await X().api(path, body);
      paint(done);
      X().toast(done.summary, "ok");
      leftAlone(done.skipped);
      after();
      return done;
    } catch (error) {
      X().toast(error.message, "danger");
      refresh(); // what others did meanwhile, if that is why
      return null;
    }
  };
  /** Take back the newest step of this browser, or that of the history with this id. */
  const undo = (batch) => back("undo", batch === undefined ? {} : { batch });
  const redo = () => back("redo", {});

  document.addEventListener("eob:dataset", ({ detail }) => { if (detail) tellStep(); });
  document.addEventListener("eob:ready", tellStep);
  document.addEventListener("click", (event) => {
    if (event.target.closest?.('[data-explore="undo"]') && X().root()) undo();
    if (event.target.closest?.('[data-explore="redo"]') && X().root()) redo();
  });

  window.eob = { ...window.eob, explore: { ...window.eob?.explore, assign, mark, undo, redo, seen, flash } };
})();
