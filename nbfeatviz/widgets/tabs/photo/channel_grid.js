// Many small pictures to choose one of: only the rows in view are drawn, on one canvas.

import { contextOf, isModified, make, take, uniqueId } from "../../comm/dom.js";
import { clamp } from "../../comm/numbers.js";
import { Raster } from "./colour.js";

const LEAST = 48,
  MOST = 96,
  GAP = 4,
  HEIGHT = 440; // CSS pixels of a cell, between two, and of the grid at most

/** @typedef {(number: number, words: Uint32Array, offset: number, stride: number) => void} Paint */

/**
 * The largest cells with which all are in view, else small ones; they fill the width.
 * @param {number} total of cells
 * @param {number} width
 */
export function arranged(total, width) {
  const fitting = (/** @type {number} */ size) => Math.max(1, Math.floor((width + GAP) / (size + GAP)));
  let size = MOST;
  while (size > LEAST && Math.ceil(total / fitting(size)) * (size + GAP) > HEIGHT) size -= 4;
  const columns = fitting(size),
    cell = Math.min(MOST, Math.floor((width + GAP) / columns) - GAP);
  return { columns, cell, pitch: cell + GAP, rows: Math.ceil(total / columns) };
}

export class ChannelGrid {
  /** @type {number[]} the pictures, first to last */
  order = [];
  /** @type {[height: number, width: number]} of one */
  size = [1, 1];
  /** @type {Paint} */
  paint = () => {};
  /** what is shown: where that is another, one begins at its start */
  subject = "";
  current = 0; // place that the keys have reached
  marked = -1;
  layout = arranged(0, 1);
  canvas = make("canvas", { "aria-hidden": "true" });
  context = contextOf(this.canvas);
  scratch = new Raster(make("canvas"));
  mark = make("div", { class: "nbfeatviz-cellmark", "aria-hidden": "true", hidden: true });
  spoken = make("span", { class: "nbfeatviz-unseen" });
  space = make("div", { class: "nbfeatviz-space", role: "presentation" }, this.canvas, this.mark, this.spoken);
  readout = make("div", { class: "nbfeatviz-readout" });

  /**
   * @param {(number: number) => void} open a picture
   * @param {(number: number) => string} label of a picture
   * @param {(number: number) => void} [pointed] told which is under the pointer, or reached by the keys; -1 for none
   */
  constructor(open, label, pointed = () => {}) {
    this.open = open;
    this.label = label;
    this.pointed = pointed;
    this.el = make(
      "div",
      {
        class: "nbfeatviz-cells",
        tabindex: "0",
        role: "listbox",
        on: {
          scroll: () => this.draw(),
          keydown: (event) => this.key(event),
          focus: () => this.speak(),
          blur: () => this.point(),
          pointermove: (event) => this.point(event),
          pointerleave: () => this.point(),
          click: (event) => this.click(event),
        },
      },
      this.space,
    );
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.el);
  }

  /**
   * @param {object} what
   * @param {number[]} what.order numbers of the pictures, first to last
   * @param {[height: number, width: number]} what.size of one
   * @param {Paint} what.paint writes the picture of a number
   * @param {string} what.name
   * @param {string} what.subject
   */
  show({ order, size, paint, name, subject }) {
    const another = this.subject !== subject || this.order.length !== order.length;
    if (this.subject !== subject) {
      this.current = 0;
      this.el.scrollTop = 0;
    }
    Object.assign(this, { order, size, paint, subject });
    this.el.setAttribute("aria-label", name);
    this.draw();
    if (another) this.point();
    else if (this.marked >= 0) this.readout.textContent = this.label(order[this.marked]); // the pointer has not moved
  }

  draw() {
    const width = this.el.clientWidth,
      {
        order,
        context,
        scratch,
        size: [h, w],
      } = this;
    if (!width || !order.length) return;
    this.layout = arranged(order.length, width);
    const { columns, cell, pitch, rows: all } = this.layout;
    this.el.style.height = `${Math.min(HEIGHT, all * pitch - GAP)}px`;
    this.space.style.height = `${all * pitch - GAP}px`;
    const height = this.el.clientHeight,
      scale = this.#fitCanvas(height, width);
    const top = this.el.scrollTop,
      first = Math.floor(top / pitch),
      rows = Math.ceil(height / pitch) + 1;
    const begin = first * columns,
      end = Math.min(order.length, (first + rows) * columns);
    scratch.fit(rows * h, columns * w);
    const placeOf = (/** @type {number} */ k) => [Math.floor((k - begin) / columns), (k - begin) % columns];
    for (let k = begin; k < end; k++) {
      const [row, col] = placeOf(k);
      this.paint(order[k], scratch.words, row * h * columns * w + col * w, columns * w);
    }
    scratch.flush();
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const fit = cell / Math.max(h, w);
    context.imageSmoothingEnabled = fit * scale < 1;
    for (let k = begin; k < end; k++) {
      const [row, col] = placeOf(k),
        x = col * pitch + (cell - w * fit) / 2,
        y = (first + row) * pitch - top + (cell - h * fit) / 2;
      context.drawImage(scratch.canvas, col * w, row * h, w, h, x, y, w * fit, h * fit);
    }
    this.placeMark();
  }

  /**
   * The canvas covers what is in view, in pixels of the screen; returns how many of these a CSS pixel has.
   * @param {number} height
   * @param {number} width
   */
  #fitCanvas(height, width) {
    const { canvas } = this,
      scale = window.devicePixelRatio || 1,
      pixels = [Math.round(height * scale), Math.round(width * scale)];
    if (canvas.height !== pixels[0] || canvas.width !== pixels[1]) {
      Object.assign(canvas, { height: pixels[0], width: pixels[1] });
      Object.assign(canvas.style, { height: `${height}px`, width: `${width}px` });
    }
    return scale;
  }

  /**
   * The place in the order under the pointer, or -1.
   * @param {MouseEvent} event
   */
  under(event) {
    const area = this.canvas.getBoundingClientRect(),
      { pitch, columns } = this.layout;
    const col = Math.floor((event.clientX - area.left) / pitch),
      row = Math.floor((event.clientY - area.top + this.el.scrollTop) / pitch);
    const place = row * columns + col;
    return col >= 0 && col < columns && place >= 0 && place < this.order.length ? place : -1;
  }

  /**
   * Marks and names the picture under the pointer, else the one that the keys have reached.
   * @param {MouseEvent} [event]
   */
  point(event) {
    const place = event ? this.under(event) : -1;
    this.marked = place >= 0 ? place : document.activeElement === this.el ? this.current : -1;
    this.readout.textContent = this.marked >= 0 && this.order.length ? this.label(this.order[this.marked]) : "";
    this.pointed(this.marked >= 0 && this.order.length ? this.order[this.marked] : -1);
    this.placeMark();
  }

  placeMark() {
    const {
      marked,
      layout: { columns, pitch, cell },
    } = this;
    this.mark.hidden = marked < 0;
    if (marked < 0) return;
    const [row, col] = [Math.floor(marked / columns), marked % columns],
      [top, left, size] = [row * pitch, col * pitch, cell];
    Object.assign(this.mark.style, { top: `${top}px`, left: `${left}px`, width: `${size}px`, height: `${size}px` });
  }

  /** @param {MouseEvent} event */
  click(event) {
    const place = this.under(event);
    if (place < 0) return;
    this.current = place;
    this.open(this.order[place]);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const { columns, pitch, cell } = this.layout,
      { current, el } = this,
      last = this.order.length - 1;
    if (isModified(event) || last < 0) return;
    const page = columns * Math.max(1, Math.floor(el.clientHeight / pitch));
    /** @type {Record<string, number>} */
    const places = {
      ArrowLeft: current - 1,
      ArrowRight: current + 1,
      ArrowUp: current - columns,
      ArrowDown: current + columns,
      PageUp: current - page,
      PageDown: current + page,
      Home: 0,
      End: last,
    };
    const opens = event.key === "Enter" || event.key === " ";
    if (!opens && !(event.key in places)) return;
    take(event);
    if (opens) return this.open(this.order[current]);
    this.current = clamp(places[event.key], 0, last);
    const top = Math.floor(this.current / columns) * pitch;
    if (top < el.scrollTop) el.scrollTop = top;
    else if (top + cell > el.scrollTop + el.clientHeight) el.scrollTop = top + cell - el.clientHeight;
    this.speak();
  }

  /** A screen reader hears of one entry: the current one, made anew so that the change is heard. */
  speak() {
    const { order, current } = this;
    if (!order.length) return;
    const id = uniqueId(),
      place = { "aria-posinset": current + 1, "aria-setsize": order.length };
    this.spoken.replaceChildren(
      make("span", { id, role: "option", "aria-selected": "true", ...place, text: this.label(order[current]) }),
    );
    this.el.setAttribute("aria-activedescendant", id);
    this.point();
  }

  close() {
    this.resizing.disconnect();
  }
}
