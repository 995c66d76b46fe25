// A sheet: pictures that came as one, each a button that goes on with it.

import { arrowOf, contextOf, isCoarse, isModified, make, resize, take } from "../../comm/dom.js";
import { explain } from "../../comm/explanations.js";
import { digits } from "../../comm/numbers.js";

/** @typedef {{ el: HTMLButtonElement, canvas: HTMLCanvasElement, figure: HTMLElement, title: string }} Cell */

export class Sheet {
  /** @type {Cell[]} */
  cells = [];
  titles = "";

  /** @param {(place: number) => void} open a picture */
  constructor(open) {
    this.open = open;
    this.el = make("div", {
      class: "nbfeatviz-sheetcells",
      role: "group",
      "aria-label": "sheet; arrow keys move, Enter goes on with a picture",
      on: { keydown: (event) => this.move(event) },
    });
  }

  /**
   * One cell a title; what was drawn in a cell stays until something else is.
   * @param {{ title: string, name?: string }[]} titles
   */
  title(titles) {
    const text = JSON.stringify(titles);
    if (this.titles === text) return;
    this.titles = text;
    this.cells = titles.map(({ title, name }, place) => this.#cell(title, name, place));
    this.el.replaceChildren(...this.cells.map(({ el }) => el));
    this.label([]);
  }

  /**
   * @param {string} title
   * @param {string | undefined} name of the unit
   * @param {number} place
   * @returns {Cell}
   */
  #cell(title, name, place) {
    const canvas = make("canvas", { width: 1, height: 1 }),
      figure = make("span", { class: "nbfeatviz-figure" });
    explain(figure, "What the run climbs: how strongly the picture excites what was chosen; less the penalties.");
    const caption = make("span", { class: "nbfeatviz-caption" }, make("strong", { text: title }), figure);
    if (name) caption.append(make("span", { class: "nbfeatviz-name", text: name }));
    const attributes = {
      type: "button",
      class: "nbfeatviz-cell",
      tabindex: place ? "-1" : "0",
      title: "go on with this picture, large",
      on: { click: () => this.open(place), focus: () => this.rove(place) },
    };
    const el = make("button", attributes, canvas, caption);
    return { el, canvas, figure, title: name ? `${title}, ${name}` : title };
  }

  /** @param {(number | null)[]} losses */
  label(losses) {
    this.cells.forEach(({ el, figure, title }, place) => {
      const loss = losses[place];
      figure.textContent = loss == null ? "" : `loss ${digits(loss)}`;
      el.setAttribute("aria-label", loss == null ? title : `${title}, loss ${digits(loss)}`);
    });
  }

  clear() {
    for (const { canvas } of this.cells) contextOf(canvas).clearRect(0, 0, canvas.width, canvas.height);
    this.label([]);
  }

  /**
   * @param {ImageBitmap} bitmap all pictures
   * @param {import("../../comm/traits.js").SheetLayout} layout
   */
  draw(bitmap, { columns, cell: [height, width], stride: [high, wide] }) {
    this.el.classList.toggle("nbfeatviz-coarse", isCoarse([height, width]));
    this.el.style.setProperty("--aspect", String(width / height));
    this.cells.forEach(({ canvas }, place) => {
      resize(canvas, height, width);
      const context = contextOf(canvas),
        left = (place % columns) * wide,
        top = Math.floor(place / columns) * high;
      context.clearRect(0, 0, width, height);
      context.drawImage(bitmap, left, top, width, height, 0, 0, width, height);
    });
  }

  /** @param {number} place the cell that Tab reaches */
  rove(place) {
    this.cells.forEach(({ el }, k) => {
      el.tabIndex = k === place ? 0 : -1;
    });
  }

  /**
   * Arrow keys move over the rows and columns that there happen to be.
   * @param {KeyboardEvent} event
   */
  move(event) {
    const { cells } = this,
      place = cells.findIndex(({ el }) => el === document.activeElement),
      arrow = arrowOf(event);
    /** @type {Record<string, number>} */
    const ends = { Home: 0, End: cells.length - 1 };
    if (place < 0 || isModified(event) || (!arrow && !(event.key in ends))) return;
    take(event);
    const top = cells[0].el.offsetTop,
      below = cells.findIndex(({ el }) => el.offsetTop > top);
    const columns = below < 0 ? cells.length : below;
    const next = arrow ? place + arrow[0] * columns + arrow[1] : ends[event.key];
    cells[next]?.el.focus();
  }
}
