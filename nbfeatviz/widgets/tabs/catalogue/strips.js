// The network as strips of pictures, one a layer from input to classes; only what is in sight is on the page.

import { arrowOf, isModified, make, take } from "../../comm/dom.js";
import { grouped } from "../../comm/numbers.js";
import { oncePerFrame } from "../../comm/throttle.js";
import { cellOf } from "./cell.js";

/** @typedef {{ path: string, kind: string, units: number, done: number }} Row */

const WIDTH = 70; // of a cell with its gap
const HEIGHT = 108; // of a strip with its heading
const AHEAD = 4; // cells beyond either end

/** One layer. */
class Strip {
  /** @type {number[] | undefined} units in order, once they are known */
  order;
  /** @type {Map<number, { el: HTMLButtonElement, url: string }>} by place */
  cells = new Map();
  name = make("strong");
  count = make("span");
  inner = make("div", { class: "nbfeatviz-stripinner" });

  /**
   * @param {Row} row
   * @param {() => void} scrolled
   */
  constructor(row, scrolled) {
    this.row = row;
    this.fill = make("button", { type: "button", class: "nbfeatviz-fill", text: "fill", "data-fill": row.path });
    this.fill.title = "picture what is missing of this layer, behind everything else";
    this.scroller = make(
      "div",
      { class: "nbfeatviz-strip", role: "group", on: { scroll: scrolled, scrollend: scrolled } },
      this.inner,
    );
    const heading = make("div", { class: "nbfeatviz-striphead" }, this.name, this.count, this.fill);
    this.el = make("div", { class: "nbfeatviz-layerstrip" }, heading, this.scroller);
    this.show(row);
  }

  /** @param {Row} row */
  show(row) {
    this.row = row;
    this.name.textContent = this.name.title = row.path;
    const all = row.done >= row.units;
    this.count.textContent = all
      ? `${grouped(row.units)} units`
      : `${grouped(row.done)} of ${grouped(row.units)} units`;
    this.fill.hidden = all;
    this.scroller.setAttribute("aria-label", `${row.path}, ${this.count.textContent} pictured`);
  }

  empty() {
    for (const { el } of this.cells.values()) el.remove();
    this.cells.clear();
  }

  /**
   * Puts the cells on the page that are in sight.
   * @param {import("./pictures.js").Pictures} pictures
   * @param {string} chosen "unit layer"
   */
  fillIn(pictures, chosen) {
    const { order, scroller, cells } = this,
      { path } = this.row;
    if (!order) return;
    this.inner.style.width = `${order.length * WIDTH}px`;
    const first = Math.max(0, Math.floor(scroller.scrollLeft / WIDTH) - AHEAD),
      last = Math.min(order.length, Math.ceil((scroller.scrollLeft + scroller.clientWidth) / WIDTH) + AHEAD);
    for (const [place, { el }] of cells) {
      if (place >= first && place < last) continue;
      if (el === document.activeElement) continue;
      el.remove();
      cells.delete(place);
    }
    for (let place = first; place < last; place++) {
      const unit = order[place],
        picture = pictures.get(path, unit),
        url = picture ? picture.url || "none" : "";
      const known = cells.get(place);
      if (known && known.url === url) continue;
      const el = cellOf(path, unit, picture);
      el.style.left = `${place * WIDTH}px`;
      el.dataset.place = String(place);
      el.setAttribute("aria-pressed", String(chosen === `${unit} ${path}`));
      if (known) {
        el.tabIndex = known.el.tabIndex;
        const focused = known.el === document.activeElement;
        known.el.replaceWith(el);
        if (focused) el.focus({ preventScroll: true });
      } else this.inner.append(el);
      cells.set(place, { el, url });
    }
  }
}

export class Strips {
  /** @type {Strip[]} */
  strips = [];
  chosen = "";
  render = oncePerFrame(() => this.#render());

  /**
   * @param {import("./pictures.js").Pictures} pictures
   * @param {{ order(layer: string): void, choose(layer: string, unit: number): void, fill(layer: string): void }} ask
   */
  constructor(pictures, ask) {
    this.pictures = pictures;
    this.ask = ask;
    this.el = make("div", {
      class: "nbfeatviz-strips",
      role: "region",
      "aria-label": "the network from input to classes; arrow keys move, Enter shows a unit large",
      on: {
        scroll: () => this.render(),
        click: (event) => this.click(event),
        keydown: (event) => this.key(event),
        focusin: (event) => this.rove(event.target),
      },
    });
    this.resizing = new ResizeObserver(() => this.render());
    this.resizing.observe(this.el);
    /** @type {Set<string>} */
    this.ordering = new Set();
  }

  /** @param {Row[]} rows */
  show(rows) {
    const same = rows.length === this.strips.length && rows.every((row, k) => row.path === this.strips[k].row.path);
    if (same) {
      this.strips.forEach((strip, k) => {
        strip.show(rows[k]);
      });
    } else {
      this.strips = rows.map((row) => new Strip(row, () => this.render()));
      this.el.replaceChildren(...this.strips.map(({ el }) => el));
    }
    this.render();
  }

  /** Orders may be others by now; where they are the same, nothing moves. */
  renew() {
    this.ordering.clear();
    this.render();
  }

  /**
   * @param {string} layer
   * @param {number[]} units
   */
  receiveOrder(layer, units) {
    const strip = this.strips.find(({ row }) => row.path === layer);
    if (!strip) return;
    if (JSON.stringify(strip.order) !== JSON.stringify(units)) {
      strip.order = units;
      strip.empty();
    }
    this.render();
  }

  /** @param {string} chosen "unit layer" */
  mark(chosen) {
    this.chosen = chosen;
    for (const { cells, row } of this.strips)
      for (const { el } of cells.values())
        el.setAttribute("aria-pressed", String(`${el.dataset.unit} ${row.path}` === chosen));
  }

  #render() {
    const { el } = this;
    if (!el.clientHeight) return;
    const first = Math.floor(el.scrollTop / HEIGHT) - 1,
      last = Math.ceil((el.scrollTop + el.clientHeight) / HEIGHT) + 1;
    this.strips.forEach((strip, place) => {
      if (place < first || place > last) {
        if (!strip.el.contains(document.activeElement)) strip.empty();
        return;
      }
      const { path } = strip.row;
      if (!this.ordering.has(path)) {
        this.ordering.add(path);
        this.ask.order(path);
      }
      strip.fillIn(this.pictures, this.chosen);
    });
    if (!el.querySelector('[tabindex="0"]')) this.#anyCell()?.setAttribute("tabindex", "0");
  }

  /** @returns {HTMLElement | null} */
  #anyCell() {
    return this.el.querySelector('[aria-pressed="true"]') ?? this.el.querySelector(".nbfeatviz-unitcell");
  }

  /** @param {HTMLElement} cell the one that Tab reaches */
  rove(cell) {
    if (!cell.matches(".nbfeatviz-unitcell")) return;
    for (const one of this.el.querySelectorAll('.nbfeatviz-unitcell[tabindex="0"]')) one.setAttribute("tabindex", "-1");
    cell.tabIndex = 0;
  }

  /** @param {MouseEvent} event */
  click(event) {
    const { dataset } = /** @type {HTMLElement} */ (
      /** @type {HTMLElement} */ (event.target).closest("button") ?? this.el
    );
    if (dataset.fill) this.ask.fill(dataset.fill);
    else if (dataset.unit && dataset.layer) this.ask.choose(dataset.layer, Number(dataset.unit));
  }

  /**
   * Left and right along a layer, up and down to the next one.
   * @param {KeyboardEvent} event
   */
  key(event) {
    const cell = /** @type {HTMLElement} */ (event.target),
      arrow = arrowOf(event);
    if (!cell.matches(".nbfeatviz-unitcell") || isModified(event)) return;
    const at = this.strips.findIndex(({ inner }) => inner === cell.parentElement),
      place = Number(cell.dataset.place),
      { order = [], scroller } = this.strips[at] ?? {};
    if (arrow?.[0]) {
      take(event);
      const other = this.strips[at + arrow[0]],
        shift = place * WIDTH - (scroller?.scrollLeft ?? 0); // the cell that stands above or below
      if (other) this.#go(other, Math.round((other.scroller.scrollLeft + shift) / WIDTH));
    } else if (arrow || event.key === "Home" || event.key === "End") {
      take(event);
      const next = arrow ? place + arrow[1] : event.key === "Home" ? 0 : order.length - 1;
      this.#go(this.strips[at], next);
    }
  }

  /**
   * @param {Strip} strip
   * @param {number} place
   */
  #go(strip, place) {
    const { el, scroller } = strip;
    if (el.offsetTop < this.el.scrollTop) this.el.scrollTop = el.offsetTop;
    const below = el.offsetTop + el.offsetHeight - this.el.clientHeight;
    if (below > this.el.scrollTop) this.el.scrollTop = below;
    if (!strip.order) strip.order = [];
    const last = Math.max(0, strip.order.length - 1),
      to = Math.min(Math.max(place, 0), last);
    if (to * WIDTH < scroller.scrollLeft) scroller.scrollLeft = to * WIDTH;
    const right = (to + 1) * WIDTH - scroller.clientWidth;
    if (right > scroller.scrollLeft) scroller.scrollLeft = right;
    this.#render();
    strip.cells.get(to)?.el.focus({ preventScroll: true });
  }

  close() {
    this.resizing.disconnect();
  }
}
