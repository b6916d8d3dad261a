// Pointer, wheel and keyboard -> what is meant. Knows nothing of points or maps; positions are CSS pixels of the target.

const CLICK_SLOP = 5;
const LONG_PRESS_MS = 550;
const DOUBLE_MS = 350;
const PAN_STEP = 80;

/**
 * on: {tool(), combine(), by("pointer" | "keys"), hover(px, py, [clientX, clientY]) | hover(null), pan(dx, dy), zoom(px, py, factor), lassoStart(px, py, how), lassoMove(px, py),
 * lassoEnd(), lassoCancel(), click(px, py, event), context(px, py, event), fit(), clear(), step(by), legend(),
 * zoomKey(factor), enter()}.
 * how: {shape: "lasso" | "box", combine: "replace" | "add" | "subtract" | "intersect"}. Returns a function that takes everything back.
 */
export function attachInput(target, on) {
  const gone = new AbortController();
  const listen = (type, fn, options = {}) => target.addEventListener(type, fn, { ...options, signal: gone.signal });
  const pointers = new Map();
  let drag = null; // {kind: "pending" | "pan" | "select" | "pinch", …}
  let pressTimer = 0;
  let lastClick = { at: -Infinity, px: 0, py: 0 };
  let quietUntil = 0; // a long press was answered: the browser's own contextmenu event is not a second one

  const place = (event) => {
    const box = target.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const select = (event, px, py) => {
    const tool = on.tool();
    if (!event.shiftKey && tool === "pan") return null;
    const plus = event.ctrlKey || event.metaKey || (tool !== "pan" && event.shiftKey); // with a tool Shift is free
    const combine = event.altKey ? (plus ? "intersect" : "subtract") : plus ? "add" : on.combine();
    return { shape: tool === "box" ? "box" : "lasso", combine };
  };
  const drop = () => {
    clearTimeout(pressTimer);
    if (drag?.kind === "select") on.lassoCancel();
    drag = null;
    target.classList.remove("is-dragging");
  };

  listen("pointerdown", (event) => {
    if (event.button > 1) return;
    on.by("pointer");
    target.focus({ preventScroll: true });
    const [px, py] = place(event);
    pointers.set(event.pointerId, [px, py]);
    target.setPointerCapture(event.pointerId);
    if (pointers.size === 2) {
      drop();
      drag = { kind: "pinch", last: pinch(pointers) };
      return;
    }
    if (pointers.size > 2) return;
    drag = { kind: "pending", px, py, lastX: px, lastY: py, how: event.button === 0 ? select(event, px, py) : null, button: event.button };
    if (event.pointerType !== "mouse") {
      pressTimer = setTimeout(() => {
        if (drag?.kind !== "pending") return;
        drag = null;
        quietUntil = performance.now() + 1000;
        on.context(px, py, event);
      }, LONG_PRESS_MS);
    }
  });

  listen("pointermove", (event) => {
    const [px, py] = place(event);
    if (pointers.has(event.pointerId)) pointers.set(event.pointerId, [px, py]);
    if (!drag) return void (pointers.size === 0 && on.hover(px, py, [event.clientX, event.clientY]));
    if (drag.kind === "pinch") {
      if (pointers.size !== 2) return;
      const now = pinch(pointers);
      on.pan(now.px - drag.last.px, now.py - drag.last.py);
      on.zoom(now.px, now.py, now.span / Math.max(drag.last.span, 1));
      drag.last = now;
      return;
    }
    if (drag.kind === "pending") {
      if (Math.hypot(px - drag.px, py - drag.py) < CLICK_SLOP) return;
      clearTimeout(pressTimer);
      on.hover(null);
      drag.kind = drag.how ? "select" : "pan";
      if (drag.how) on.lassoStart(drag.px, drag.py, drag.how);
      else target.classList.add("is-dragging");
    }
    if (drag.kind === "select") {
      // Every position the browser merged into this event: a fast hand draws a smooth line too.
      for (const e of event.getCoalescedEvents?.() ?? []) on.lassoMove(...place(e));
      on.lassoMove(px, py);
    } else if (drag.kind === "pan") {
      on.pan(px - drag.lastX, py - drag.lastY);
    }
    drag.lastX = px;
    drag.lastY = py;
  });

  const up = (event) => {
    clearTimeout(pressTimer);
    if (!pointers.delete(event.pointerId)) return;
    if (!drag) return;
    const { kind, button } = drag;
    if (kind === "pinch" && pointers.size) {
      if (pointers.size === 2) drag.last = pinch(pointers); // of three fingers two are left
      return; // the other finger may rest; it does not pan by surprise
    }
    drag = null;
    target.classList.remove("is-dragging");
    if (event.type !== "pointerup") return void (kind === "select" && on.lassoCancel());
    if (kind === "select") on.lassoEnd();
    else if (kind === "pending" && button === 0) click(event);
  };
  const click = (event) => {
    const [px, py] = place(event);
    const again = event.timeStamp - lastClick.at < DOUBLE_MS && Math.hypot(px - lastClick.px, py - lastClick.py) < 2 * CLICK_SLOP;
    lastClick = { at: again ? -Infinity : event.timeStamp, px, py };
    // The second click of a double click means "fit" and not the patch once more.
    if (again) on.fit();
    else on.click(px, py, event);
  };
  listen("pointerup", up);
  listen("pointercancel", up);
  listen("lostpointercapture", up); // after a pointerup there is nothing left to do
  listen("pointerleave", () => !drag && on.hover(null));

  listen("contextmenu", (event) => {
    event.preventDefault();
    pointers.clear();
    drop();
    if (performance.now() < quietUntil) return;
    // From the keyboard (menu key, Shift+F10) there is no pointer: the caller decides what is meant.
    const keyboard = event.button !== 2 && event.pointerType !== "mouse" && event.pointerType !== "touch" && !event.ctrlKey;
    on.context(...(keyboard ? [null, null] : place(event)), event);
  });

  listen("wheel", (event) => {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? 400 : 1;
    const delta = Math.min(Math.max(event.deltaY * unit, -240), 240);
    on.zoom(...place(event), Math.exp(-delta * (event.ctrlKey ? 0.01 : 0.0022)));
  }, { passive: false });

  listen("keyup", () => on.by("keys")); // it may have come by Tab
  const keys = {
    "+": () => on.zoomKey(1.5), "=": () => on.zoomKey(1.5), "-": () => on.zoomKey(1 / 1.5), "_": () => on.zoomKey(1 / 1.5),
    "0": () => on.fit(),
    ArrowLeft: () => on.pan(PAN_STEP, 0), ArrowRight: () => on.pan(-PAN_STEP, 0),
    ArrowUp: () => on.pan(0, PAN_STEP), ArrowDown: () => on.pan(0, -PAN_STEP),
    Escape: () => (drag?.kind === "select" ? drop() : on.clear()),
    Enter: () => on.enter(),
    l: () => on.legend(),
    Backspace: (event) => on.step(event.shiftKey ? 1 : -1),
  };
  listen("keydown", (event) => {
    on.by("keys");
    const act = keys[event.key];
    if (!act || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(event);
  });
  return () => {
    clearTimeout(pressTimer);
    gone.abort();
  };
}

function pinch(pointers) {
  const [[ax, ay], [bx, by]] = pointers.values();
  return { px: (ax + bx) / 2, py: (ay + by) / 2, span: Math.hypot(ax - bx, ay - by) };
}
