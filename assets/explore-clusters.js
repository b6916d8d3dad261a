// The tab "Clusters": colour the map by clusters, show or select one, name it, split it off as a label, merge labels.
// The server's half is pages/explore/clusters.py and routes/clusters.py.
(() => {
  const $ = (id) => document.getElementById(id);
  const page = () => window.eob.explore;
  const props = (id, values) => window.dash_clientside.set_props(id, values);
  const plural = (n, word, more = `${word}s`) => `${n.toLocaleString("en")} ${n === 1 ? word : more}`;
  let count = 0;
  const changed = () => props("explore-clusters-changed", { data: Date.now() * 8 + (count++ % 8) });
  const complain = (error) => page().toast(error.message, "danger");
  const column = (set) => `cluster-${set}`;

  // -- on the map -----------------------------------------------------------------------------------------------------
  const MAP = "explore-map";
  const map = () => $(MAP).eobMap;

  /** Colour by a cluster set; resolves when the map does. */
  const colour = (set, title) => {
    if (map().state().column?.name === column(set)) return Promise.resolve();
    const done = new Promise((resolve, reject) => {
      const heard = ({ target, detail }) => {
        if (target.id !== MAP || detail?.name !== column(set)) return;
        document.removeEventListener("eob:column", heard);
        resolve();
      };
      document.addEventListener("eob:column", heard);
      setTimeout(() => {
        document.removeEventListener("eob:column", heard);
        reject(new Error("The clusters could not be shown on this map. Try again in a moment."));
      }, 15000);
    });
    window.eob.exploreView.colourBy(column(set), { map: MAP, ...(title ? { title } : {}) });
    return done;
  };

  /** Only this cluster, in the clusters' colours; asked again, all of them. */
  const isolate = (set, cluster) => colour(set).then(() => map().isolate(cluster)).catch(complain);

  const members = async (set, cluster) => (await page().api(`clusters/${set}/members/${cluster}`)).ordinals;

  const select = async (set, cluster) => {
    const found = await members(set, cluster);
    const shown = map().select(found);
    if (shown < found.length) page().toast(`${plural(found.length - shown, "patch", "patches")} of the cluster are not on this map.`);
  };

  // -- naming -----------------------------------------------------------------------------------------------------------
  const rename = (place) => {
    const old = place.querySelector("[data-cluster-name]"), toggle = old?.closest("button");
    if (!toggle) return;
    const field = Object.assign(document.createElement("input"), { className: "eob-input", type: "text", value: place.dataset.name, maxLength: 120 });
    field.setAttribute("aria-label", `New name of ${place.dataset.name}`);
    let over = false;
    const close = (focus = true) => {
      if (over) return;
      over = true;
      field.replaceWith(toggle);
      if (focus) toggle.focus();
    };
    const save = async () => {
      const name = field.value.trim();
      close();
      if (!name || name === place.dataset.name) return;
      old.textContent = name; // shown before the server agrees
      try {
        await page().api(`clusters/${place.dataset.set}/rename`, { cluster: Number(place.dataset.cluster), name });
        changed();
      } catch (error) {
        old.textContent = place.dataset.name;
        complain(error);
      }
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") save();
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
    });
    field.addEventListener("blur", () => close(false));
    toggle.replaceWith(field);
    field.focus();
    field.select();
  };

  // -- labels from clusters -----------------------------------------------------------------------------------------------
  /** What a step of the server changed is drawn, said, and followed by the panels. */
  const after = (done) => {
    page().toast(done.summary, "ok");
    for (const one of page().maps()) one.refresh();
    page().tick();
  };

  const split = (place, at) => {
    const { set, cluster, name, proposed } = place.dataset;
    const labels = page().labels();
    const known = labels.some((label) => label.name.toLowerCase() === name.toLowerCase());
    window.eob.assignMenu.show({
      title: `Split off ${name} as …`,
      x: at.x, y: at.y, labels,
      suggest: Promise.resolve([]),
      chosen: async (label, why) => {
        try {
          const seen = map().state().lastEvent;
          const asked = { cluster: Number(cluster), label: label.name, create: Boolean(label.create), why, seen };
          after(await page().api(`clusters/${set}/split-off`, asked));
        } catch (error) {
          complain(error);
        }
      },
    });
    // The proposed name stands there already: Enter takes it, typing replaces it.
    const field = document.querySelector(".eob-assign input[type=search]");
    if (!field || (known && !proposed)) return;
    field.value = name;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.select();
  };

  // -- what needs a second thought ------------------------------------------------------------------------------------------
  let sure = null;
  const confirm = (words, act) => {
    const box = $("explore-confirm");
    sure = act;
    box.querySelector("p").textContent = words;
    box.showModal();
    box.querySelector("[data-confirm]").focus();
  };

  const merge = ({ source, target, name, into }) => {
    const size = page().labels().find((label) => label.code === Number(source))?.count ?? 0;
    confirm(`Give all ${plural(size, "patch", "patches")} of ${name} the label ${into}, and take ${name} out of use? One undo brings it back.`, async () => {
      after(await page().api("labels", { action: "merge", source: Number(source), target: Number(target), why: "cannot be told apart" }));
    });
  };

  const remove = (set, name) => confirm(`Remove the clusters “${name}”? Labels made from them stay.`, async () => {
    const answer = await fetch(`/api/datasets/${page().root().dataset.dataset}/clusters/${set}`, { method: "DELETE" });
    if (!answer.ok) throw new Error((await answer.json().catch(() => ({}))).error || "The clusters could not be removed. Try again in a moment.");
    if (map().state().column?.name === column(set)) window.eob.exploreView.colourBy("label", { map: MAP });
    changed();
  });

  /** Scrolls what scrolls around a heading, and nothing else, until it stands below the tabs. */
  const toTop = (heading) => {
    let box = heading;
    do box = box.parentElement; while (box.parentElement && getComputedStyle(box).overflowY !== "auto");
    const tabs = heading.closest(".eob-explore__right").querySelector("[role=tablist]").offsetHeight;
    box.scrollTop += heading.getBoundingClientRect().top - box.getBoundingClientRect().top - tabs;
  };

  // -- what the tab hears --------------------------------------------------------------------------------------------------
  const ACTIONS = {
    colour: (button) => colour(button.dataset.set, button.dataset.name),
    remove: (button) => remove(button.dataset.set, button.dataset.name),
    open: (button) => {
      const { set } = button.closest("[data-set]").dataset;
      props("explore-clusters-set", { value: Number(set) });
      toTop(document.querySelector("[data-clusters-found]"));
      return colour(set);
    },
    merge: (button) => merge(button.dataset),
    isolate: (_, place) => isolate(place.dataset.set, Number(place.dataset.cluster)),
    select: (_, place) => select(place.dataset.set, place.dataset.cluster),
    rename: (_, place) => rename(place),
    split: (button, place) => {
      const box = button.getBoundingClientRect();
      split(place, { x: box.left - 240, y: box.bottom });
    },
  };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest?.("[data-clusters]");
    if (button) Promise.resolve(ACTIONS[button.dataset.clusters]?.(button, button.closest("[data-cluster]"))).catch(complain);
    const answer = target.closest?.("[data-confirm]");
    if (answer && sure) { const act = sure; sure = null; act().catch(complain); }
    const thumb = target.closest?.(".eob-clusters .eob-thumb");
    if (thumb) page().showPatch(Number(thumb.dataset.ordinal));
  });

  // Advice is drawn anew after each change of labels: what is unfolded stays so.
  document.addEventListener("toggle", ({ target }) => {
    if (!target.dataset?.advice) return;
    const open = [...document.querySelectorAll("[data-advice][open]")].map((card) => card.dataset.advice);
    props("explore-advice-open", { data: open });
  }, true);

  // A picture pointed at is ringed on the map.
  const ring = (event) => {
    const thumb = event.target.closest?.(".eob-clusters .eob-thumb");
    if (thumb) map()?.highlight?.(["pointerover", "focusin"].includes(event.type) ? Number(thumb.dataset.ordinal) : null);
  };
  for (const type of ["pointerover", "pointerout", "focusin", "focusout"]) document.addEventListener(type, ring);

  window.eob = { ...window.eob, clusters: { colour, isolate, select } };
})();
