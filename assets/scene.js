// A scene: the quick-look of a product on a canvas, with windows (patches) over it. Pages give it a place, a picture,
// windows and colours, and hear what is pointed at: `window.eob.scene(place, heard)`. One window is one cell of its
// grid: the cells of a grid are painted once into a small picture, which is drawn at any size; outlines come when there is room.
(() => {
  const OUTLINES = 9; // CSS pixels of a cell from which outlines are drawn
  const HATCH = 7; // CSS pixels from line to line over windows that are unknown
  const MOST_CELLS = 4_000_000;
  const LONG_PRESS_MS = 550;
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--eob-${name}`).trim();
  const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const gcd = (a, b) => (b ? gcd(b, a % b) : a);

  /**
   * The windows of one size as a grid of cells: {size, stride, row0, col0, rows, cols, at: Int32Array of window or -1}.
   * cover, off: a cell's side and its corner in its window. It is the window where these stand apart, and the middle
   * part where they overlap; one that stands for those between, too, takes their room.
   */
  const gridOf = (windows, size) => {
    const own = [];
    for (let i = 0; i < windows.n; i++) if (windows.size[i] === size) own.push(i);
    let row0 = Infinity, col0 = Infinity, row1 = 0, col1 = 0;
    for (const i of own) {
      row0 = Math.min(row0, windows.row[i]);
      col0 = Math.min(col0, windows.col[i]);
      row1 = Math.max(row1, windows.row[i]);
      col1 = Math.max(col1, windows.col[i]);
    }
    let stride = 0;
    for (const i of own) stride = gcd(gcd(stride, windows.row[i] - row0), windows.col[i] - col0);
    stride = stride || size;
    if (!windows.part && stride > size && stride % size === 0) stride = size; // those between were left out
    const rows = (row1 - row0) / stride + 1, cols = (col1 - col0) / stride + 1;
    if (!own.length || rows * cols > MOST_CELLS) return null;
    const at = new Int32Array(rows * cols).fill(-1);
    for (const i of own) at[((windows.row[i] - row0) / stride) * cols + (windows.col[i] - col0) / stride] = i;
    const cover = windows.part ? stride : Math.min(stride, size);
    return { size, stride, row0, col0, rows, cols, at, cover, off: (size - cover) / 2 };
  };

  class Scene {
    constructor(place, heard = {}) {
      this.heard = heard;
      this.place = place;
      place.classList.add("eob-scene");
      this.canvas = document.createElement("canvas");
      this.canvas.className = "eob-scene__canvas";
      this.canvas.tabIndex = 0;
      this.canvas.setAttribute("role", "application");
      this.canvas.setAttribute("aria-label", "Scene with its patches. Arrows walk them, plus and minus zoom, 0 shows all of it.");
      this.told = document.createElement("output");
      this.told.className = "eob-scene__told";
      this.words = document.createElement("p");
      this.words.className = "eob-scene__words";
      place.replaceChildren(this.canvas, this.told, this.words);
      this.product = null;
      this.windows = null;
      this.grids = new Map();
      this.size = 0;
      this.view = null; // {x, y: the product's pixel in the middle, k: CSS pixels per pixel of the product}
      this.hovered = this.current = -1;
      this.selected = new Set(); // framed
      this.opacity = 0.5;
      this.colour = () => null;
      this.refused = this.unknown = null;
      this.drag = null;
      this.frame = 0;
      this.resize = new ResizeObserver(() => this.resized());
      this.resize.observe(place);
      this.themed = () => this.repaint();
      window.addEventListener("eob:theme", this.themed);
      this.listen();
    }

    destroy() {
      this.resize.disconnect();
      window.removeEventListener("eob:theme", this.themed);
      cancelAnimationFrame(this.frame);
      clearTimeout(this.press);
      this.place.replaceChildren();
    }

    // -- what is shown -------------------------------------------------------------------------------------------------
    /** Another product: {height, width, image (address), title}; null: nothing. Resolves when its picture is there. */
    show(product) {
      const same = product && this.product && product.height === this.product.height && product.width === this.product.width;
      this.product = product;
      this.picture = null;
      this.give(null);
      if (!same) this.view = null;
      this.canvas.hidden = !product;
      this.say(product ? "The picture is on its way …" : "");
      if (!product) return Promise.resolve();
      const picture = new Image();
      picture.decoding = "async";
      picture.src = product.image;
      return picture.decode().then(
        () => { if (this.product === product) { this.picture = picture; this.say(""); this.draw(); } },
        () => { if (this.product === product) { this.say("The quick-look of this product could not be loaded; its patches are shown without it."); this.draw(); } },
      );
    }

    say(words) {
      this.words.textContent = words;
      this.words.hidden = !words;
    }

    /**
     * The windows: {n, row, col, size} arrays; part: they stand for those between them, too. `size`: the scale to show
     * first (default: the finest).
     */
    give(windows, size) {
      this.windows = windows;
      this.grids.clear();
      this.hovered = this.current = -1;
      this.selected = new Set();
      this.sizes = windows ? [...new Set(windows.size)].sort((a, b) => b - a) : [];
      this.scale(this.sizes.includes(size) ? size : this.sizes.at(-1) ?? 0);
    }

    /** Show the windows of this size. */
    scale(size) {
      this.size = size;
      this.repaint();
    }

    grid() {
      if (!this.windows || !this.size) return null;
      if (!this.grids.has(this.size)) this.grids.set(this.size, gridOf(this.windows, this.size));
      return this.grids.get(this.size);
    }

    /**
     * Colour: window -> CSS colour, or null for none; refused: window -> whether it is crossed out; unknown: window ->
     * whether it is hatched.
     */
    paint(colour, refused = null, unknown = null) {
      this.colour = colour;
      this.refused = refused;
      this.unknown = unknown;
      this.repaint();
    }

    set(values) {
      Object.assign(this, values);
      if (values.selected) this.chosen = null;
      this.draw();
    }

    /** Show a window, its scale too, and make it the current one. */
    goTo(i) {
      const { windows } = this;
      if (!windows || i < 0) return;
      if (windows.size[i] !== this.size) this.scale(windows.size[i]);
      this.current = i;
      if (this.view) {
        const half = windows.size[i] / 2, x = windows.col[i] + half, y = windows.row[i] + half;
        const seen = Math.abs(x - this.view.x) * this.view.k < this.width() / 2 - 8 && Math.abs(y - this.view.y) * this.view.k < this.height() / 2 - 8;
        const k = Math.max(this.view.k, Math.min(this.fitting() * 4, 10 / windows.size[i]));
        if (!seen || k !== this.view.k) this.view = { x, y, k };
      }
      this.draw();
    }

    // -- geometry ------------------------------------------------------------------------------------------------------
    width() { return this.place.clientWidth; }
    height() { return this.place.clientHeight; }
    fitting() { return Math.min(this.width() / this.product.width, this.height() / this.product.height) || 1; }

    fit() {
      if (!this.product) return;
      this.view = { x: this.product.width / 2, y: this.product.height / 2, k: this.fitting() };
      this.draw();
    }

    resized() {
      const ratio = window.devicePixelRatio || 1;
      const wasFitting = !this.view || this.fitted;
      this.canvas.width = Math.max(1, Math.round(this.width() * ratio));
      this.canvas.height = Math.max(1, Math.round(this.height() * ratio));
      if (this.product && wasFitting) this.fit();
      this.draw();
    }

    /** Pixel of the product under a place of the canvas (CSS pixels). */
    under(x, y) {
      const { view } = this;
      return { col: (x - this.width() / 2) / view.k + view.x, row: (y - this.height() / 2) / view.k + view.y };
    }

    /** Place of the canvas (CSS pixels) of a pixel of the product. */
    over(col, row) {
      const { view } = this;
      return { x: (col - view.x) * view.k + this.width() / 2, y: (row - view.y) * view.k + this.height() / 2 };
    }

    /** The window whose cell lies there, or -1. */
    pick(x, y) {
      const grid = this.grid();
      if (!grid || !this.view) return -1;
      const { row, col } = this.under(x, y), down = row - grid.row0 - grid.off, across = col - grid.col0 - grid.off;
      const r = Math.floor(down / grid.stride), c = Math.floor(across / grid.stride);
      const between = down - r * grid.stride > grid.cover || across - c * grid.stride > grid.cover;
      return between || r < 0 || c < 0 || r >= grid.rows || c >= grid.cols ? -1 : grid.at[r * grid.cols + c];
    }

    zoom(factor, x = this.width() / 2, y = this.height() / 2) {
      if (!this.view) return;
      const { row, col } = this.under(x, y), low = this.fitting() * 0.5;
      const k = clamp(this.view.k * factor, low, Math.max(low, 16));
      this.view = { k, x: col - (x - this.width() / 2) / k, y: row - (y - this.height() / 2) / k };
      this.keepInside();
      this.draw();
    }

    pan(dx, dy) {
      if (!this.view) return;
      this.view = { ...this.view, x: this.view.x - dx / this.view.k, y: this.view.y - dy / this.view.k };
      this.keepInside();
      this.draw();
    }

    keepInside() {
      this.view.x = clamp(this.view.x, 0, this.product.width);
      this.view.y = clamp(this.view.y, 0, this.product.height);
    }

    // -- drawing ---------------------------------------------------------------------------------------------------------
    /** The colours have changed: the picture of cells is made anew. */
    repaint() {
      this.cells = this.chosen = this.veil = null;
      this.draw();
    }

    /** One pixel a cell, in the colour that `colour` (window -> CSS colour or null) gives it. */
    paintCells(grid, colour) {
      const cells = new OffscreenCanvas(grid.cols, grid.rows), context = cells.getContext("2d");
      const image = context.createImageData(grid.cols, grid.rows), { data } = image;
      const parsed = new Map();
      const probe = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
      const rgba = (css) => {
        if (!parsed.has(css)) {
          probe.clearRect(0, 0, 1, 1);
          probe.fillStyle = css;
          probe.fillRect(0, 0, 1, 1);
          parsed.set(css, probe.getImageData(0, 0, 1, 1).data);
        }
        return parsed.get(css);
      };
      for (let cell = 0; cell < grid.at.length; cell++) {
        const css = grid.at[cell] < 0 ? null : colour(grid.at[cell]);
        if (css) data.set(rgba(css), cell * 4);
      }
      context.putImageData(image, 0, 0);
      return cells;
    }

    draw() {
      if (!this.frame) this.frame = requestAnimationFrame(() => { this.frame = 0; this.drawNow(); });
    }

    drawNow() {
      const { canvas, product } = this;
      if (!product || !this.width() || !this.height()) return;
      if (!this.view) this.view = { x: product.width / 2, y: product.height / 2, k: this.fitting() };
      this.fitted = Math.abs(this.view.k / this.fitting() - 1) < 0.01;
      const ratio = canvas.width / this.width(), context = canvas.getContext("2d");
      context.setTransform(ratio, 0, 0, ratio, 0, 0);
      context.fillStyle = token("surface-2");
      context.fillRect(0, 0, this.width(), this.height());
      const { x, y } = this.over(0, 0), wide = product.width * this.view.k, high = product.height * this.view.k;
      if (this.picture) {
        context.imageSmoothingEnabled = wide < this.picture.naturalWidth * 2;
        context.drawImage(this.picture, x, y, wide, high);
      } else {
        context.fillStyle = token("surface-3");
        context.fillRect(x, y, wide, high);
      }
      const grid = this.grid();
      if (grid) this.drawGrid(context, grid);
      if (this.rectangle) this.box(context, this.rectangle, token("focus"), 2, [5, 4]);
    }

    drawGrid(context, grid) {
      this.cells = this.cells || this.paintCells(grid, this.colour);
      const cell = grid.stride * this.view.k, side = grid.cover * this.view.k;
      const from = this.over(grid.col0 + grid.off, grid.row0 + grid.off);
      context.imageSmoothingEnabled = false;
      context.globalAlpha = this.opacity;
      this.lay(context, this.cells, grid, from, cell, side);
      context.globalAlpha = 1;
      if (this.unknown) this.hatch(context, grid, from, cell, side);
      if (side >= OUTLINES) {
        this.drawOutlines(context, grid, from, cell, side);
        const [outer, inner] = [token("surface"), token("text")];
        for (const i of this.selected) this.frameOf(context, i, outer, 4, inner);
      } else if (this.selected.size) { // too small for frames: they are filled
        this.chosen = this.chosen || this.paintCells(grid, (i) => (this.selected.has(i) ? token("text") : null));
        this.lay(context, this.chosen, grid, from, cell, side);
      }
      if (this.hovered >= 0) this.frameOf(context, this.hovered, token("focus"), 2);
      if (this.current >= 0) this.frameOf(context, this.current, token("accent-text"), 4, token("accent"));
    }

    /** Slanted lines over the windows that are unknown: lines of the screen, to be seen however small a cell is. */
    hatch(context, grid, from, cell, side) {
      const css = "rgb(0 0 0)"; // any: only where it covers counts
      this.veil = this.veil || this.paintCells(grid, (i) => (this.unknown(i) ? css : null));
      const sheet = new OffscreenCanvas(this.canvas.width, this.canvas.height), own = sheet.getContext("2d");
      const wide = this.width(), high = this.height(), lines = new Path2D();
      own.setTransform(context.getTransform());
      own.imageSmoothingEnabled = false;
      this.lay(own, this.veil, grid, from, cell, side);
      for (let x = -high; x < wide; x += HATCH) {
        lines.moveTo(x, high);
        lines.lineTo(x + high, 0);
      }
      // a dark line beside a light one: seen on dark and on bright ground
      for (const [where, line, width] of [["source-in", "rgb(0 0 0 / 0.5)", 2.5], ["source-atop", "rgb(255 255 255 / 0.8)", 1]]) {
        own.globalCompositeOperation = where;
        own.strokeStyle = line;
        own.lineWidth = width;
        own.stroke(lines);
      }
      context.drawImage(sheet, 0, 0, wide, high);
    }

    /** The picture of cells over the windows; what lies between windows that stand apart stays free. */
    lay(context, cells, grid, from, cell, side) {
      const wide = grid.cols * cell, high = grid.rows * cell;
      context.save();
      if (cell - side >= 0.5) { // columns, then rows: what is in both is a window
        const columns = new Path2D(), rows = new Path2D();
        for (let c = 0; c < grid.cols; c++) columns.rect(from.x + c * cell, from.y, side, high);
        for (let r = 0; r < grid.rows; r++) rows.rect(from.x, from.y + r * cell, wide, side);
        context.clip(columns);
        context.clip(rows);
      }
      context.drawImage(cells, from.x, from.y, wide, high);
      context.restore();
    }

    drawOutlines(context, grid, from, cell, side) {
      const first = (at, length) => clamp(Math.floor(-at / cell), 0, length);
      const last = (at, room, length) => clamp(Math.ceil((room - at) / cell), 0, length);
      const r0 = first(from.y, grid.rows), r1 = last(from.y, this.height(), grid.rows);
      const c0 = first(from.x, grid.cols), c1 = last(from.x, this.width(), grid.cols);
      context.lineWidth = 1;
      context.strokeStyle = "rgb(255 255 255 / 0.55)";
      context.beginPath();
      const crossed = new Path2D();
      for (let r = r0; r < r1; r++) {
        for (let c = c0; c < c1; c++) {
          const i = grid.at[r * grid.cols + c];
          if (i < 0) continue;
          const x = from.x + c * cell, y = from.y + r * cell;
          context.rect(x + 0.5, y + 0.5, side - 1, side - 1);
          if (!this.refused?.(i)) continue;
          crossed.moveTo(x + 1, y + 1);
          crossed.lineTo(x + side - 1, y + side - 1);
          crossed.moveTo(x + side - 1, y + 1);
          crossed.lineTo(x + 1, y + side - 1);
        }
      }
      context.stroke();
      context.strokeStyle = token("danger");
      context.lineWidth = 1.5;
      context.stroke(crossed);
    }

    /** A frame around the whole window (its cell is smaller where windows overlap). */
    frameOf(context, i, css, width, inner) {
      const { windows } = this;
      if (windows.size[i] !== this.size) return;
      const at = this.over(windows.col[i], windows.row[i]), side = this.size * this.view.k;
      if (at.x > this.width() || at.y > this.height() || at.x + side < 0 || at.y + side < 0) return;
      const box = { col: windows.col[i], row: windows.row[i], width: windows.size[i], height: windows.size[i] };
      this.box(context, box, css, width);
      if (inner) this.box(context, box, inner, width - 2);
    }

    box(context, { col, row, width, height }, css, line, dash = []) {
      const from = this.over(col, row);
      context.strokeStyle = css;
      context.lineWidth = line;
      context.setLineDash(dash);
      context.strokeRect(from.x, from.y, width * this.view.k, height * this.view.k);
      context.setLineDash([]);
    }

    // -- hands -------------------------------------------------------------------------------------------------------------
    listen() {
      const { canvas } = this;
      const pointers = new Map();
      canvas.addEventListener("wheel", (event) => {
        event.preventDefault();
        this.zoom(2 ** (-event.deltaY / 240), event.offsetX, event.offsetY);
      }, { passive: false });
      canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, { x: event.offsetX, y: event.offsetY });
        const left = event.button === 0, chooses = left && this.heard.chosen && (event.shiftKey || this.choosing);
        const draws = left && this.view && (chooses || this.drawing);
        this.drag = { x: event.offsetX, y: event.offsetY, moved: pointers.size > 1, button: event.button, chooses, draws };
        if (draws) this.drag.from = this.under(event.offsetX, event.offsetY);
        if (event.pointerType === "touch") this.pressLong(event);
      });
      canvas.addEventListener("pointermove", (event) => {
        const last = pointers.get(event.pointerId);
        if (!last) { this.hover(this.pick(event.offsetX, event.offsetY), event); return; }
        const here = { x: event.offsetX, y: event.offsetY };
        if (pointers.size === 2) this.pinch(pointers, event.pointerId, here);
        else if (this.drag && (this.drag.moved || Math.hypot(here.x - this.drag.x, here.y - this.drag.y) > 4)) {
          this.drag.moved = true;
          clearTimeout(this.press);
          if (this.drag.draws) this.stretch(here);
          else this.pan(here.x - last.x, here.y - last.y);
        } else return;
        pointers.set(event.pointerId, here);
      });
      const ended = (event) => {
        if (!pointers.delete(event.pointerId) || pointers.size) return;
        const { drag } = this, up = event.type === "pointerup";
        this.drag = null;
        clearTimeout(this.press);
        if (drag?.draws && drag.moved && this.rectangle) {
          const box = this.rectangle;
          if (drag.chooses || !up) this.set({ rectangle: null });
          if (up && drag.chooses) this.heard.chosen(this.within(box), event.altKey ? "subtract" : "add");
          else if (up) this.heard.rectangle?.(box);
          return;
        }
        if (!up || !drag || drag.moved || drag.button !== 0) return;
        const i = this.pick(event.offsetX, event.offsetY);
        if (drag.chooses && i >= 0) this.heard.chosen([i], "toggle");
        else this.click(i, event);
      };
      canvas.addEventListener("pointerup", ended);
      canvas.addEventListener("pointercancel", ended);
      canvas.addEventListener("pointerleave", (event) => { if (!pointers.size) this.hover(-1, event); });
      canvas.addEventListener("contextmenu", (event) => {
        event.preventDefault();
        const i = this.pick(event.offsetX, event.offsetY);
        if (i >= 0) this.heard.context?.(i, { x: event.clientX, y: event.clientY });
      });
      canvas.addEventListener("dblclick", (event) => this.zoom(2, event.offsetX, event.offsetY));
      canvas.addEventListener("keydown", (event) => this.key(event));
    }

    /** A finger that rests means the menu. */
    pressLong({ offsetX, offsetY, clientX, clientY }) {
      clearTimeout(this.press);
      this.press = setTimeout(() => {
        const i = this.pick(offsetX, offsetY);
        if (!this.drag || this.drag.moved || i < 0) return;
        this.drag.moved = true; // it was no click
        this.heard.context?.(i, { x: clientX, y: clientY });
      }, LONG_PRESS_MS);
    }

    pinch(pointers, id, here) {
      const [other] = [...pointers].filter(([one]) => one !== id).map(([, at]) => at), last = pointers.get(id);
      const before = Math.hypot(last.x - other.x, last.y - other.y), now = Math.hypot(here.x - other.x, here.y - other.y);
      this.drag.moved = true;
      if (before > 0 && now > 0) this.zoom(now / before, (here.x + other.x) / 2, (here.y + other.y) / 2);
      this.pan((here.x - last.x) / 2, (here.y - last.y) / 2);
    }

    stretch(here) {
      const { from } = this.drag, to = this.under(here.x, here.y);
      const col = clamp(Math.min(from.col, to.col), 0, this.product.width), row = clamp(Math.min(from.row, to.row), 0, this.product.height);
      this.rectangle = {
        col, row,
        width: clamp(Math.max(from.col, to.col), 0, this.product.width) - col, height: clamp(Math.max(from.row, to.row), 0, this.product.height) - row,
      };
      this.draw();
    }

    /** The windows of the scale shown whose middle lies in a rectangle of the product. */
    within({ col, row, width, height }) {
      const { windows, size } = this, found = [];
      for (let i = 0; windows && i < windows.n; i++) {
        const x = windows.col[i] + size / 2 - col, y = windows.row[i] + size / 2 - row;
        if (windows.size[i] === size && x >= 0 && y >= 0 && x <= width && y <= height) found.push(i);
      }
      return found;
    }

    hover(i, event) {
      if (i !== this.hovered) {
        this.hovered = i;
        this.canvas.style.cursor = this.drawing ? "crosshair" : i < 0 ? "grab" : "pointer";
        this.heard.hover?.(i, event);
        this.draw();
      }
      this.tell(i);
    }

    tell(i) {
      const words = i < 0 ? "" : this.heard.words?.(i) ?? "";
      if (this.told.textContent !== words) this.told.textContent = words;
      this.told.hidden = !words;
    }

    click(i, event) {
      this.canvas.focus({ preventScroll: true });
      if (i < 0) return;
      this.current = i;
      this.tell(i);
      this.heard.click?.(i, event);
      this.draw();
    }

    walk(down, across) {
      const grid = this.grid();
      if (!grid) return;
      const { windows } = this;
      if (this.current < 0 || windows.size[this.current] !== grid.size) { this.step(this.pickNear()); return; }
      let r = (windows.row[this.current] - grid.row0) / grid.stride + down, c = (windows.col[this.current] - grid.col0) / grid.stride + across;
      while (r >= 0 && c >= 0 && r < grid.rows && c < grid.cols) { // over gaps, to the next one that was kept
        const i = grid.at[r * grid.cols + c];
        if (i >= 0) { this.step(i); return; }
        r += down;
        c += across;
      }
    }

    pickNear() {
      const middle = this.pick(this.width() / 2, this.height() / 2);
      return middle >= 0 ? middle : this.grid().at.find((i) => i >= 0) ?? -1;
    }

    step(i) {
      if (i < 0) return;
      this.goTo(i);
      this.tell(i);
      this.heard.click?.(i, null);
    }

    key(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const keys = {
        ArrowUp: () => this.walk(-1, 0), ArrowDown: () => this.walk(1, 0), ArrowLeft: () => this.walk(0, -1), ArrowRight: () => this.walk(0, 1),
        "+": () => this.zoom(1.5), "=": () => this.zoom(1.5), "-": () => this.zoom(1 / 1.5), 0: () => this.fit(),
      };
      if (event.key === "ContextMenu" && this.current >= 0) {
        const { windows, current } = this, at = this.over(windows.col[current], windows.row[current]), box = this.canvas.getBoundingClientRect();
        this.heard.context?.(current, { x: at.x + box.left, y: at.y + box.top });
      } else if (event.key === "Escape" && this.drag?.draws) {
        this.drag = null;
        this.set({ rectangle: null });
      } else if (event.key === "Escape" && this.heard.escape) this.heard.escape();
      else if (keys[event.key]) keys[event.key]();
      else return;
      event.preventDefault();
      event.stopPropagation(); // the page's own keys mean something else
    }
  }

  window.eob = window.eob || {};
  window.eob.scene = (place, heard) => new Scene(place, heard);
})();
