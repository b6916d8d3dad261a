/* A classic script, so that Dash finds the component when it looks for it; the map itself comes as modules. */
(function () {
  "use strict";
  const React = window.React;
  const base = new URL(".", document.currentScript.src);
  const said = (name) => [...document.querySelectorAll(`meta[name="${name}"]`)].map((meta) => meta.content);
  // The map's program in one piece (program.py), where the page names it; else its modules, asked for side by side.
  const [program] = said("eob-program");
  const modules = program ? [] : ["map", "api", "camera", "card", "chrome", "colouring", "context", "data", "dom", "facts", "gpu", "grid", "history", "images", "input", "legend", "link", "loading", "looks", "mosaic", "motion", "overlay", "painting", "palette", "pointing", "ramps", "range", "raster", "renderer", "scene", "selecting", "sheets", "theme", "thumbs", "tiles", "view", "wire"];
  // Only where a map is shown: other pages do without.
  let entry = null;
  const load = () => {
    for (const name of modules.splice(0)) {
      const link = document.createElement("link");
      link.rel = "modulepreload";
      link.href = new URL(name + ".js", base).href;
      document.head.append(link);
    }
    entry = entry || import(program || new URL("map.js", base).href);
    entry.catch(() => { entry = null; }); // a passing failure is tried again with the next map
    return entry;
  };

  // What the first map is going to ask for, the page's head names: asked for while Dash is still starting, and once.
  const options = { credentials: "same-origin", redirect: "manual" };
  const early = new Map();
  const ask = async (url) => {
    const answer = await fetch(url, options);
    return answer.ok ? new Response(await answer.arrayBuffer(), { headers: answer.headers }) : null;
  };
  for (const url of said("eob-early")) early.set(url, ask(url).catch(() => null));
  const take = (url) => {
    const asked = early.get(url);
    early.delete(url);
    return asked;
  };

  function fail(root) {
    root.classList.add("eob-map--broken");
    root.textContent = "The map's program could not be loaded. Check the connection and reload the page.";
  }

  function EmbeddingMap(props) {
    const root = React.useRef(null);
    const live = React.useRef({ props: props, view: null });
    live.current.props = props;
    React.useEffect(() => {
      const state = live.current;
      let gone = false;
      load().then((m) => {
        if (gone) return;
        state.view = m.mount(root.current, (out) => !gone && state.props.setProps(out));
        state.view.update(state.props);
      }).catch((error) => {
        console.error(error);
        if (!gone) fail(root.current);
      });
      return () => {
        gone = true;
        if (state.view) state.view.destroy();
        state.view = null;
      };
    }, []);
    React.useEffect(() => {
      if (live.current.view) live.current.view.update(props);
    });
    const attributes = { id: stringId(props.id), ref: root, style: props.style, className: ["eob-map", props.className].filter(Boolean).join(" ") };
    for (const key of Object.keys(props)) if (/^(data|aria)-/.test(key)) attributes[key] = props[key];
    return React.createElement("div", attributes); // its children are the map's own; React sees none
  }

  // Dash writes a pattern-matching id as JSON with sorted keys.
  function stringId(id) {
    return id && typeof id === "object" ? JSON.stringify(id, Object.keys(id).sort()) : id;
  }

  window.eobench_dash = window.eobench_dash || {};
  window.eobench_dash.EmbeddingMap = EmbeddingMap;
  window.eobench_dash.early = take; // data.js
  if (early.size) load().catch(() => {}); // the map says it, when it asks again
})();
