// The shell's behaviour in the browser: links, menus, dialogs, theme, toasts, keys, and a word when the server is gone.
// Everything listens on the document, because Dash makes and unmakes the elements.
(() => {
  const $ = (id) => document.getElementById(id);

  // -- going to another page without loading all anew ---------------------------------------------------------------
  const SERVER = /^\/(auth|data|download|uploads|api|assets|health|_)(\/|$|[a-z-])/;

  const go = (href) => {
    document.querySelector(".eob-shell")?.setAttribute("data-waiting", "true");
    window.history.pushState({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate")); // what dcc.Link sends and dcc.Location hears
  };

  const ours = (link) =>
    link && link.origin === location.origin && !link.target && !link.hasAttribute("download") &&
    !SERVER.test(link.pathname) && !(link.hash && link.pathname === location.pathname);

  // -- menus (details), dialogs, theme ------------------------------------------------------------------------------
  const closeMenus = (except) => {
    for (const menu of document.querySelectorAll("details.eob-menu[open]")) if (menu !== except) menu.open = false;
  };
  const closeDialogs = () => { for (const box of document.querySelectorAll("dialog[open]")) box.close(); };
  const openDialog = (id) => {
    const box = $(id);
    if (!box || box.open) return;
    closeMenus();
    box.showModal();
    // The first field, not the cross: but a finger would only be shown its keyboard.
    if (matchMedia("(pointer: fine)").matches) {
      box.querySelector(".eob-dialog__body :is(input, textarea):not([type=radio], [type=checkbox], [hidden] *)")?.focus();
    }
  };

  const paintTheme = () => {
    const chosen = window.eob.theme.chosen();
    for (const button of document.querySelectorAll("[data-eob-theme]")) {
      button.setAttribute("aria-pressed", String(button.dataset.eobTheme === chosen));
    }
  };

  document.addEventListener("click", (event) => {
    const at = (selector) => event.target.closest?.(selector);
    const theme = at("[data-eob-theme]");
    if (theme) { window.eob.theme.choose(theme.dataset.eobTheme); paintTheme(); return; }
    const opener = at("[data-eob-open]");
    if (opener) { openDialog(opener.dataset.eobOpen); return; }
    if (at("[data-eob-close]")) { at("dialog")?.close(); return; }
    if (event.target instanceof HTMLDialogElement) { // the backdrop belongs to the dialog
      const box = event.target.getBoundingClientRect();
      const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
      if (!inside) event.target.close();
      return;
    }
    closeMenus(at("details.eob-menu"));
    const link = at("a[href]");
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    if (ours(link)) { event.preventDefault(); closeMenus(); closeDialogs(); go(link.pathname + link.search); }
  });

  // A menu that opens shows its state, and gets its filter field if it asks for one.
  document.addEventListener("toggle", (event) => {
    if (!event.target.matches?.("details.eob-menu")) return;
    paintTheme();
    const place = event.target.querySelector("[data-eob-filter]");
    if (!place || !event.target.open) return;
    if (!place.firstChild) place.append(filterField(place.dataset.eobFilter, event.target));
    place.firstChild.focus();
  }, true);

  const filterField = (label, menu) => {
    const field = Object.assign(document.createElement("input"), { className: "eob-input", type: "search", placeholder: label });
    field.setAttribute("aria-label", label);
    field.addEventListener("input", () => {
      const words = field.value.trim().toLowerCase();
      for (const item of menu.querySelectorAll("[data-eob-words]")) item.hidden = !item.dataset.eobWords.includes(words);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") menu.querySelector("[data-eob-words]:not([hidden])")?.click();
    });
    return field;
  };

  // -- toasts -------------------------------------------------------------------------------------------------------
  // What lies outside of an open dialog cannot be clicked, so the messages go where the person is.
  const corner = Object.assign(document.createElement("div"), { className: "eob-toasts" });
  corner.setAttribute("aria-live", "polite");
  const toastPlace = () => {
    const dialogs = document.querySelectorAll("dialog[open]");
    const home = dialogs.length ? dialogs[dialogs.length - 1] : document.body;
    if (corner.parentElement !== home) home.append(corner);
    return corner;
  };
  document.addEventListener("close", (event) => { // what went wrong in a dialog is over when it is closed
    if (corner.parentElement === event.target) for (const bad of corner.querySelectorAll(".eob-toast--danger")) bad.remove();
    toastPlace();
  }, true);

  /** `href`: where its words lead; `reload`: by loading that page anew. */
  const toast = ({ text, kind = "info", href = null, reload = false } = {}) => {
    if (!text) return;
    const place = toastPlace();
    let known = null; // a way out that was offered with these words
    for (const old of [...place.children]) {
      if (old.dataset.text !== text) continue;
      known ??= old.querySelector("a");
      old.remove();
    }
    const box = document.createElement("div");
    box.className = `eob-toast eob-toast--${kind}`;
    box.dataset.text = text;
    if (kind === "danger") box.setAttribute("role", "alert");
    const words = (!href && known) || document.createElement(href ? "a" : "span");
    if (href) Object.assign(words, { href, target: reload ? "_self" : "" });
    words.textContent = text;
    const close = Object.assign(document.createElement("button"), { type: "button", textContent: "✕" });
    close.setAttribute("aria-label", "Close this message");
    close.addEventListener("click", () => box.remove());
    const holder = document.createElement("span");
    holder.append(words);
    box.append(holder, close);
    place.append(box);
    while (place.children.length > 4) place.firstChild.remove();
    if (kind !== "danger") setTimeout(() => box.remove(), 7000);
  };

  // -- keys ---------------------------------------------------------------------------------------------------------
  let afterG = 0;
  const typing = (node) => node instanceof HTMLElement && (node.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName));

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { closeMenus(); return; }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "?") { openDialog("shell-keys-dialog"); event.preventDefault(); return; }
    const follows = performance.now() - afterG < 1200;
    afterG = event.key === "g" ? performance.now() : 0;
    if (!follows) return;
    const steps = document.querySelectorAll(".eob-way a[href]");
    const target = event.key === "h" ? document.querySelector(".eob-brand") : steps[Number(event.key) - 1];
    if (target) { event.preventDefault(); event.stopImmediatePropagation(); go(target.pathname); }
  }, true);

  // -- a word when the log-in has ended or the server is gone ---------------------------------------------------------
  const ask = window.fetch.bind(window);
  const SILENCE = "The server does not answer"; // so begin all messages that its next answer makes untrue
  let silent = false;
  /** What may change something says who opened this page: another tab may have logged in as somebody else (auth/gate.py). */
  const signed = (url, options) => {
    const user = document.querySelector(".eob-shell")?.dataset.user;
    if (!user || (options?.method ?? "GET") === "GET" || new URL(url, location.href).origin !== location.origin) return options;
    const headers = new Headers(options.headers);
    headers.set("X-EOBench-Opened-By", user);
    return { ...options, headers };
  };

  window.fetch = async (resource, options) => {
    const url = String(resource?.url ?? resource);
    const dash = url.includes("_dash-update-component");
    try {
      const answer = await ask(resource, signed(url, options));
      if (answer.status === 412) {
        const { error } = await answer.clone().json().catch(() => ({}));
        toast({ text: error, kind: "danger", href: location.pathname + location.search, reload: true });
      }
      if (dash && answer.status === 401) {
        toast({ text: "Your log-in has ended. Log in again to go on.", kind: "danger", href: `/auth/login?next=${encodeURIComponent(location.pathname + location.search)}` });
      }
      if (dash && [401, 412].includes(answer.status)) return new Response(null, { status: 204 }); // said; Dash: nothing to update
      if (dash && silent && answer.ok) {
        silent = false;
        for (const old of [...corner.children]) if (old.dataset.text.startsWith(SILENCE)) old.remove();
        toast({ text: "The server answers again.", kind: "ok" });
        document.dispatchEvent(new CustomEvent("eob:answers")); // who asked in vain asks again
      }
      return answer;
    } catch (error) {
      if (dash && !silent && error.name !== "AbortError") {
        silent = true;
        toast({ text: `${SILENCE}. Your work so far is kept; this page tries again by itself.`, kind: "danger" });
      }
      throw error;
    }
  };

  // -- what Dash calls ------------------------------------------------------------------------------------------------
  let first = true;
  const arrive = (page) => {
    document.querySelector(".eob-shell")?.removeAttribute("data-waiting");
    document.title = `${page.title} · EO Bench`;
    closeDialogs();
    if (!first) { window.scrollTo(0, 0); $("shell-main")?.focus({ preventScroll: true }); }
    first = false;
  };

  // A page's store says which dialog is to be open: {"open": id or null}.
  const dialogState = (state) => { if (state?.open) openDialog(state.open); else closeDialogs(); };

  window.eob = { ...window.eob, toast, go, openDialog, closeDialogs };
  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.eob = { ...window.dash_clientside.eob, toast, arrive, closeDialogs, dialogState };
})();
