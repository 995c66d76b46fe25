// Many small pictures to choose one of: only the rows in view are drawn, on one canvas.

const CELL = { least: 48, most: 96, gap: 4, height: 440 };

class Cells {
  /** @param open called with the number of a picture; @param label gives its words */
  constructor({ open, label }) {
    Object.assign(this, { open, label, order: [], size: [1, 1], current: 0 });
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.context = this.canvas.getContext("2d");
    this.scratch = new Raster(make("canvas"));
    this.mark = make("div", { class: "nbfeatviz-cellmark", "aria-hidden": "true", hidden: true });
    this.spoken = make("span", { class: "nbfeatviz-unseen" });
    this.space = make("div", { class: "nbfeatviz-space", role: "presentation" }, this.canvas, this.mark, this.spoken);
    this.el = make("div", { class: "nbfeatviz-cells", tabindex: "0", role: "listbox", on: {
      scroll: () => this.draw(), keydown: (event) => this.key(event), focus: () => this.speak(),
      blur: () => this.point(), pointermove: (event) => this.point(event), pointerleave: () => this.point(),
      click: (event) => this.click(event),
    } }, this.space);
    this.readout = make("div", { class: "nbfeatviz-readout" });
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.el);
  }

  /**
   * @param order numbers of the pictures, first to last
   * @param size [height, width] of one
   * @param paint writes the picture of a number: (number, words, offset, stride)
   */
  show({ order, size, paint, name, key }) {
    if (this.key_ !== key) { this.current = 0; this.el.scrollTop = 0; }
    Object.assign(this, { order, size, paint, key_: key });
    this.el.setAttribute("aria-label", name);
    this.draw();
    this.point();
  }

  /** The largest cells with which all are in view, else small ones; they fill the width. */
  arrange() {
    const width = this.el.clientWidth, { least, most, gap, height } = CELL, total = this.order.length;
    let size = most;
    while (size > least && Math.ceil(total / Math.max(1, Math.floor((width + gap) / (size + gap)))) * (size + gap) > height) size -= 4;
    this.columns = Math.max(1, Math.floor((width + gap) / (size + gap)));
    this.cell = Math.min(most, Math.floor((width + gap) / this.columns) - gap);
    this.pitch = this.cell + gap;
    const rows = Math.ceil(total / this.columns);
    this.el.style.height = `${Math.min(CELL.height, rows * this.pitch - gap)}px`;
    this.space.style.height = `${rows * this.pitch - gap}px`;
  }

  draw() {
    if (!this.el.clientWidth || !this.order.length) return;
    this.arrange();
    const { canvas, context, columns, pitch, cell, scratch, order } = this, scale = window.devicePixelRatio || 1;
    const width = this.el.clientWidth, height = this.el.clientHeight, [h, w] = this.size;
    const pixels = [Math.round(height * scale), Math.round(width * scale)];
    if (canvas.height !== pixels[0] || canvas.width !== pixels[1]) {
      Object.assign(canvas, { height: pixels[0], width: pixels[1] });
      Object.assign(canvas.style, { height: `${height}px`, width: `${width}px` });
    }
    const top = this.el.scrollTop, first = Math.floor(top / pitch), rows = Math.ceil(height / pitch) + 1;
    scratch.fit(rows * h, columns * w);
    const begin = first * columns, end = Math.min(order.length, (first + rows) * columns);
    for (let k = begin; k < end; k++) {
      const [row, col] = [Math.floor((k - begin) / columns), (k - begin) % columns];
      this.paint(order[k], scratch.words, row * h * columns * w + col * w, columns * w);
    }
    scratch.flush();
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const fit = cell / Math.max(h, w);
    context.imageSmoothingEnabled = fit * scale < 1;
    for (let k = begin; k < end; k++) {
      const [row, col] = [Math.floor((k - begin) / columns), (k - begin) % columns];
      context.drawImage(scratch.canvas, col * w, row * h, w, h,
        col * pitch + (cell - w * fit) / 2, (first + row) * pitch - top + (cell - h * fit) / 2, w * fit, h * fit);
    }
    this.placeMark();
  }

  /** The place in the order under the pointer, or -1. */
  under(event) {
    const area = this.canvas.getBoundingClientRect();
    const x = event.clientX - area.left, y = event.clientY - area.top + this.el.scrollTop;
    const [row, col] = [Math.floor(y / this.pitch), Math.floor(x / this.pitch)], place = row * this.columns + col;
    return col >= 0 && col < this.columns && place >= 0 && place < this.order.length ? place : -1;
  }

  /** Marks and names the picture under the pointer, else the one that the keys have reached. */
  point(event) {
    const place = event ? this.under(event) : -1;
    this.marked = place >= 0 ? place : document.activeElement === this.el ? this.current : -1;
    this.readout.textContent = this.marked >= 0 && this.order.length ? this.label(this.order[this.marked]) : "";
    this.placeMark();
  }

  placeMark() {
    const { marked, columns, pitch, cell } = this;
    this.mark.hidden = !(marked >= 0);
    if (this.mark.hidden) return;
    const [row, col] = [Math.floor(marked / columns), marked % columns];
    Object.assign(this.mark.style, { top: `${row * pitch}px`, left: `${col * pitch}px`, width: `${cell}px`, height: `${cell}px` });
  }

  click(event) {
    const place = this.under(event);
    if (place < 0) return;
    this.current = place;
    this.open(this.order[place]);
  }

  key(event) {
    const page = this.columns * Math.max(1, Math.floor(this.el.clientHeight / this.pitch)), last = this.order.length - 1;
    const places = { ArrowLeft: this.current - 1, ArrowRight: this.current + 1, ArrowUp: this.current - this.columns,
      ArrowDown: this.current + this.columns, PageUp: this.current - page, PageDown: this.current + page, Home: 0, End: last };
    if (event.ctrlKey || event.metaKey || event.altKey || last < 0) return;
    const opens = event.key === "Enter" || event.key === " ";
    if (!opens && !(event.key in places)) return;
    event.preventDefault();
    event.stopPropagation();
    if (opens) return this.open(this.order[this.current]);
    this.current = clamp(places[event.key], 0, last);
    const top = Math.floor(this.current / this.columns) * this.pitch, { el } = this;
    if (top < el.scrollTop) el.scrollTop = top;
    else if (top + this.cell > el.scrollTop + el.clientHeight) el.scrollTop = top + this.cell - el.clientHeight;
    this.speak();
  }

  /** A screen reader hears of one entry: the current one, made anew so that the change is heard. */
  speak() {
    if (!this.order.length) return;
    const id = `nbfeatviz-${Math.random().toString(36).slice(2)}`;
    this.spoken.replaceChildren(make("span", { id, role: "option", "aria-selected": "true", "aria-posinset": this.current + 1,
      "aria-setsize": this.order.length, text: this.label(this.order[this.current]) }));
    this.el.setAttribute("aria-activedescendant", id);
    this.point();
  }

  close() {
    this.resizing.disconnect();
  }
}
