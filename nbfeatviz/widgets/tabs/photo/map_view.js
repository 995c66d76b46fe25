// A heat map over the picture that the network sees.

import { arrowOf, contextOf, isCoarse, make, placeBox, positionIn, showNote, take } from "../../comm/dom.js";
import { clamp, digits, percent } from "../../comm/numbers.js";
import { ColourBar, Raster, rangeOf, ticks, valueAt } from "./colour.js";

/** @typedef {import("./colour.js").ValueMap} ValueMap */
/** @typedef {import("./colour.js").Range} Range */
/** @typedef {import("./photo_page.js").Field} Field */

/** The picture, and a map over it as opaque as `--opacity` says. */
export class Overlaid {
  picture = make("canvas", { class: "nbfeatviz-under", "aria-hidden": "true" });
  heat = make("canvas", { class: "nbfeatviz-heat", "aria-hidden": "true" });
  raster = new Raster(this.heat);
  /** @type {HTMLCanvasElement | null} */
  shown = null;
  /** @type {[ValueMap | null, string, Uint32Array | null]} what is painted: map, range and table */
  painted = [null, "", null];

  /** @param {HTMLElement} element */
  constructor(element) {
    this.el = element;
    element.append(this.picture, this.heat);
  }

  /**
   * @param {HTMLCanvasElement | null} picture
   * @param {ValueMap | null} map
   * @param {Range} range
   * @param {Uint32Array} table
   */
  show(picture, map, range, table) {
    if (picture && this.shown !== picture) {
      this.shown = picture;
      Object.assign(this.picture, { width: picture.width, height: picture.height });
      contextOf(this.picture).drawImage(picture, 0, 0);
      this.picture.classList.toggle("nbfeatviz-coarse", isCoarse([picture.height, picture.width]));
      this.el.style.setProperty("--aspect", String(picture.width / picture.height));
    }
    this.heat.hidden = !map;
    const wanted = /** @type {typeof this.painted} */ ([map, String(range), table]);
    if (!map || wanted.every((part, k) => part === this.painted[k])) return;
    this.painted = wanted;
    this.raster.paint(map, range, table);
    this.heat.classList.toggle("nbfeatviz-coarse", isCoarse(map.shape));
  }

  /**
   * Draws both into a context, as they look.
   * @param {CanvasRenderingContext2D} context
   * @param {number} opacity of the map
   * @param {[x: number, y: number, width: number, height: number]} area
   */
  copyTo(context, opacity, area) {
    for (const [canvas, alpha] of /** @type {[HTMLCanvasElement, number][]} */ ([
      [this.picture, 1],
      [this.heat, opacity],
    ])) {
      if (canvas.hidden || !canvas.width) continue;
      context.imageSmoothingEnabled = !canvas.classList.contains("nbfeatviz-coarse");
      context.globalAlpha = alpha;
      context.drawImage(canvas, ...area);
    }
    context.globalAlpha = 1;
  }
}

/** A large map: values under the pointer and under the keys, and neurons to pick where `picks` is set. */
export class MapView {
  /** @type {(ValueMap & { note?: string, quantity?: string }) | null} */
  map = null;
  picks = false;
  /** @type {Field | null} */
  field = null;
  /** @type {[row: number, col: number] | null} the crosshair */
  at = null;
  /** @type {[row: number, col: number] | null} under the pointer */
  over = null;
  cross = make("div", { class: "nbfeatviz-cross", hidden: true });
  box = make("div", { class: "nbfeatviz-reach", hidden: true });
  note = make("div", { class: "nbfeatviz-note", role: "note", "aria-live": "polite" });
  readout = make("div", { class: "nbfeatviz-readout", "aria-live": "off" });
  bar = new ColourBar();

  /** @param {{ pick(y: number, x: number): void, move(rows: number, cols: number): void }} picking what is done where `picks` is set */
  constructor(picking) {
    this.picking = picking;
    this.area = make("div", {
      class: "nbfeatviz-map",
      tabindex: "0",
      role: "application",
      on: {
        pointermove: (event) => this.hover(event),
        pointerleave: () => this.leave(),
        click: (event) => this.click(event),
        keydown: (event) => this.key(event),
      },
    });
    this.layers = new Overlaid(this.area);
    this.area.append(this.cross, this.box);
    this.el = make("div", { class: "nbfeatviz-mapview" }, this.area, this.note, this.readout, this.bar.el);
  }

  /**
   * @param {object} what
   * @param {HTMLCanvasElement | null} what.picture what the network sees
   * @param {(ValueMap & { note?: string, quantity?: string }) | null} what.map null for the picture alone
   * @param {Uint32Array} what.table of colours
   * @param {string} what.label accessible name
   * @param {boolean} [what.picks]
   * @param {Field | null} [what.field] of a picked neuron
   * @param {boolean} [what.stale] about to be replaced
   */
  show({ picture, map, table, label, picks = false, field = null, stale = false }) {
    const range = map ? rangeOf(map) : /** @type {Range} */ ([0, 1]);
    if (map?.shape.join() !== this.map?.shape.join()) this.at = null;
    const moved = field !== this.field;
    Object.assign(this, { map, picks, field });
    this.layers.show(picture, map, range, table);
    this.bar.el.classList.toggle("nbfeatviz-void", !map);
    showNote(this.note, map?.note);
    if (map) this.bar.show(range, table, ticks(range, map.low < range[0], map.high > range[1]), map.quantity);
    this.area.setAttribute("aria-label", label);
    this.area.classList.toggle("nbfeatviz-picking", picks);
    this.area.classList.toggle("nbfeatviz-stale", stale);
    this.box.hidden = !field;
    if (field) {
      placeBox(this.box, field.box);
      if (moved) this.at = [field.row, field.col];
    }
    this.read();
  }

  /**
   * The position of the map at a place on the page.
   * @param {MouseEvent} event
   * @param {ValueMap} map
   * @returns {[row: number, col: number]}
   */
  cellAt(event, { shape: [height, width] }) {
    const [y, x] = positionIn(event, this.area);
    return [clamp(Math.floor(y * height), 0, height - 1), clamp(Math.floor(x * width), 0, width - 1)];
  }

  /** @param {PointerEvent} event */
  hover(event) {
    if (!this.map) return;
    this.over = this.cellAt(event, this.map);
    this.read();
  }

  leave() {
    this.over = null;
    this.read();
  }

  /** @param {MouseEvent} event */
  click(event) {
    if (!this.map) return;
    this.at = this.cellAt(event, this.map);
    if (this.picks) this.picking.pick(...positionIn(event, this.area));
    this.read();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Escape" && this.at && !this.picks) return this.forget(event);
    const moves = arrowOf(event);
    if (!moves || !this.map) return;
    take(event);
    const [height, width] = this.map.shape,
      stride = event.shiftKey ? 10 : 1,
      [rows, cols] = moves.map((step) => step * stride);
    this.over = null;
    if (this.picks) this.picking.move(rows, cols);
    const [row, col] = this.at ?? [(height >> 1) - rows, (width >> 1) - cols]; // the first key shows the middle
    this.at = [clamp(row + rows, 0, height - 1), clamp(col + cols, 0, width - 1)];
    this.read(true);
  }

  /** @param {KeyboardEvent} event */
  forget(event) {
    event.stopPropagation();
    this.at = null;
    this.read();
  }

  /** Says the value under the pointer, else under the crosshair; only the keys make it heard. */
  read(aloud = false) {
    const { map, at } = this,
      place = map && (this.over ?? at),
      value = map && place && valueAt(map, ...place);
    this.readout.setAttribute("aria-live", aloud ? "polite" : "off");
    this.readout.textContent = place ? `row ${place[0]}, column ${place[1]}: ${digits(value)}` : "";
    this.bar.point(value);
    this.cross.hidden = !map || !at;
    if (!map || !at) return;
    const [height, width] = map.shape;
    Object.assign(this.cross.style, { top: percent((at[0] + 0.5) / height), left: percent((at[1] + 0.5) / width) });
  }
}

/** @typedef {{ text: string, title?: string | null, strong?: boolean }} Line of a caption */

/** A small map with lines of text below. */
export class MapCard {
  /** @type {ValueMap | null} */
  map = null;
  most = 1; // the value at the upper end of the colours
  /** @type {Line[]} */
  lines = [];
  area = make("div", { class: "nbfeatviz-small-map" });
  layers = new Overlaid(this.area);
  cross = make("div", { class: "nbfeatviz-cross", hidden: true });
  caption = make("figcaption");
  el = make("figure", { class: "nbfeatviz-card" }, this.area, this.caption);

  constructor() {
    this.area.append(this.cross);
  }

  /**
   * @param {HTMLCanvasElement | null} picture
   * @param {ValueMap} map
   * @param {number} most
   * @param {boolean} signed whether the lower end is minus that
   * @param {Uint32Array} table
   * @param {Line[]} lines
   */
  show(picture, map, most, signed, table, lines) {
    this.map = map;
    this.most = most;
    this.layers.show(picture, map, [signed ? -most : 0, most], table);
    this.lines = lines;
    this.caption.replaceChildren(
      ...lines.map(({ text, title, strong }, k) =>
        make(k ? "div" : "strong", { text, title, class: strong ? "nbfeatviz-best" : null }),
      ),
    );
  }

  /**
   * Marks a place, given in fractions, and says the share of the largest value there; null marks none.
   * @param {[y: number, x: number] | null} place
   */
  point(place) {
    this.cross.hidden = !place;
    if (!place || !this.map) return 0;
    const [y, x] = place,
      [height, width] = this.map.shape;
    Object.assign(this.cross.style, { top: percent(y), left: percent(x) });
    const [row, col] = [clamp(Math.floor(y * height), 0, height - 1), clamp(Math.floor(x * width), 0, width - 1)];
    return valueAt(this.map, row, col) / this.most;
  }
}
