// What the units of a layer make of the photo: a sheet of channels, one channel large, or bars.

import { fill, make, showNote } from "../../comm/dom.js";
import { button, buttonRow, disable, row, select } from "../../comm/fields.js";
import { clamp, digits } from "../../comm/numbers.js";
import { throttle } from "../../comm/throttle.js";
import { ChannelGrid } from "./channel_grid.js";
import { ColourBar, placing } from "./colour.js";
import { UnitBars } from "./unit_bars.js";

/** @typedef {import("./photo_page.js").Grid} Grid */
/** @typedef {import("./photo_page.js").Filters} Filters */
/** @typedef {import("./channel_grid.js").Paint} Paint */
/** @typedef {import("./colour.js").Range} Range */

/** @type {[string, string][]} */
const MAP_SORTS = [
  ["index", "by index"],
  ["mean", "by mean"],
  ["max", "by largest"],
];
/** @type {[string, string][]} */
const BAR_SORTS = [
  ["value", "by value"],
  ["index", "by index"],
];
/** @type {[string, string][]} */
const SCALES = [
  ["each", "each channel"],
  ["common", "common"],
];
const FIGURES = 4; // of each channel: mean, max, lowest and highest of what is drawn

/** @param {number} length */
const upTo = (length) => [...Array(length).keys()];

/**
 * The channels in order.
 * @param {Grid} grid
 * @param {string} sort "index", "mean" or "max"
 */
export function sorted({ count, figures }, sort) {
  const order = upTo(count),
    figure = sort === "mean" ? 0 : 1;
  if (sort !== "index") order.sort((a, b) => figures[FIGURES * b + figure] - figures[FIGURES * a + figure]);
  return order;
}

export class Activations {
  sorts = { grid: "index", bars: "value" };
  filtering = false; // the person wants to see filters
  filtered = false; // filters are seen
  /** @type {{ grid: Grid, sort: string, order: number[] } | null} */
  ordering = null;
  bars = new UnitBars();
  bar = new ColourBar();
  stored = make("img", { class: "nbfeatviz-peek", hidden: true });
  peeked = ""; // the unit whose stored picture was asked for
  field = make("div", { class: "nbfeatviz-fieldtext" });
  note = make("div", { class: "nbfeatviz-note", role: "note", "aria-live": "polite" });

  /**
   * @param {import("./photo_page.js").PhotoPage} page
   * @param {() => void} changed
   */
  constructor(page, changed) {
    this.page = page;
    this.askForStored = throttle(60, (/** @type {string} */ layer, /** @type {number} */ unit) =>
      page.send("peek", { layer, unit }),
    );
    this.cells = new ChannelGrid(
      (unit) => page.openChannel(unit),
      (unit) => this.label(unit),
      (unit) => this.pointAt(unit),
    );
    this.sort = select((value) => {
      this.sorts[page.results.activations.bars ? "bars" : "grid"] = value;
      changed();
    });
    this.scale = select(changed, {}, SCALES);
    const side = (/** @type {string} */ text, /** @type {boolean} */ filtering) =>
      button(text, () => {
        this.filtering = filtering;
        changed();
      });
    this.sides = [side("activations", false), side("filters", true)];
    this.toggle = make("div", { class: "nbfeatviz-toggle", role: "group", "aria-label": "shown" }, ...this.sides);
    this.scaleRow = row("scale", this.scale);
    this.head = make("div", { class: "nbfeatviz-options" }, this.toggle, row("sort", this.sort), this.scaleRow);
    this.back = button("all channels", () => page.closeChannel(), { title: "back to all channels" });
    this.likes = button("show what it likes to see", () => page.send("likes"), { class: "nbfeatviz-primary" });
    this.large = buttonRow(this.back, this.likes, this.field);
    this.sheet = make("div", { class: "nbfeatviz-sheet" }, this.cells.el, this.cells.readout, this.stored, this.bar.el);
    this.el = make(
      "div",
      { class: "nbfeatviz-activations" },
      this.head,
      this.large,
      this.sheet,
      this.bars.el,
      this.note,
    );
  }

  /**
   * Shows the sheet or the bars, and what goes with the large view; returns what is drawn here.
   * @param {Uint32Array} table of colours
   * @param {boolean} stale
   */
  show(table, stale) {
    const { grid, bars, filters } = this.page.results.activations,
      { channel } = this.page;
    this.head.hidden = Boolean(channel) || !(grid || bars);
    this.large.hidden = !channel;
    this.sheet.hidden = Boolean(channel) || !grid;
    this.bars.el.hidden = !bars;
    this.showStored();
    showNote(this.note, channel ? "" : (bars ?? grid)?.note);
    if (channel) {
      this.showLarge(channel.unit);
      return null;
    }
    fill(this.sort, bars ? BAR_SORTS : MAP_SORTS);
    this.sort.value = this.sorts[bars ? "bars" : "grid"];
    const both = filters && grid && filters.layer === grid.layer ? { filters, grid } : null;
    this.filtered = Boolean(both) && this.filtering;
    this.toggle.hidden = !both;
    this.scaleRow.hidden = Boolean(bars) || this.filtered;
    for (const [k, side] of this.sides.entries())
      side.setAttribute("aria-pressed", String(this.filtering === Boolean(k)));
    for (const el of [this.sheet, this.bars.el]) el.classList.toggle("nbfeatviz-stale", stale);
    if (bars) this.bars.show(bars, this.sorts.bars);
    else if (both && this.filtering) this.showFilters(both.filters, both.grid);
    else if (grid) this.showGrid(grid, table);
    return bars ?? grid ?? null;
  }

  /** @param {number} unit the channel that is seen large */
  showLarge(unit) {
    const { field } = this.page.results.activations;
    if (field) {
      const [top, left, bottom, right] = field.box,
        share = Math.round(100 * (bottom - top) * (right - left));
      const place = `row ${field.row}, column ${field.col}`;
      this.field.textContent = `neuron at ${place}: ${digits(field.value)}; the box is what it can see, ${share} % of the picture`;
      this.likes.setAttribute("aria-label", `show what it likes to see: the neuron of channel ${unit} at ${place}`);
    } else {
      this.field.textContent = "click a position to pick its neuron";
      this.likes.setAttribute("aria-label", "show what it likes to see");
    }
    this.likes.title = `an image made for this ${field ? "neuron" : "channel"}`;
    disable([this.back, this.likes], this.page.lost);
  }

  /** @param {Grid} grid */
  ordered(grid) {
    const sort = this.sorts.grid;
    if (this.ordering?.grid !== grid || this.ordering.sort !== sort)
      this.ordering = { grid, sort, order: sorted(grid, sort) };
    return this.ordering.order;
  }

  /**
   * @param {Grid} grid
   * @param {Uint32Array} table
   */
  showGrid(grid, table) {
    const {
        values,
        figures,
        cell: [height, width],
        layer,
      } = grid,
      range = this.scale.value === "common" ? this.commonRange(grid) : null;
    this.bar.show(range ?? [0, 1], table, range ? undefined : ["each lowest", "", "each highest"], "activation");
    this.bar.el.hidden = false;
    /** @type {Paint} */
    const paint = (unit, words, offset, stride) => {
      const ends = FIGURES * unit + 2,
        [start, step] = range ? placing(figures[ends], figures[ends + 1], range, 255) : [0, 1];
      for (let y = 0, k = unit * height * width, at = offset; y < height; y++, at += stride)
        for (let x = 0; x < width; x++, k++) words[at + x] = table[clamp((start + step * values[k] + 0.5) | 0, 0, 255)];
    };
    const subject = `${layer} ${this.sort.value}`;
    this.cells.show({ order: this.ordered(grid), size: grid.cell, paint, name: `channels of ${layer}`, subject });
  }

  /**
   * @param {Grid} grid
   * @returns {Range}
   */
  commonRange({ figures, count }) {
    const lows = upTo(count).map((k) => figures[FIGURES * k + 2]),
      highs = upTo(count).map((k) => figures[FIGURES * k + 3]);
    return [Math.min(...lows), Math.max(...highs)];
  }

  /**
   * @param {Filters} filters
   * @param {Grid} grid
   */
  showFilters(filters, grid) {
    const { values, size, count } = filters,
      [height, width] = size;
    this.bar.el.hidden = true;
    /** @type {Paint} */
    const paint = (unit, words, offset, stride) => {
      for (let y = 0, k = 3 * unit * height * width, at = offset; y < height; y++, at += stride)
        for (let x = 0; x < width; x++, k += 3)
          words[at + x] = 0xff000000 | (values[k + 2] << 16) | (values[k + 1] << 8) | values[k];
    };
    const order = count === grid.count ? this.ordered(grid) : upTo(count);
    this.cells.show({ order, size, paint, name: `filters of ${grid.layer}`, subject: grid.layer });
  }

  /**
   * Shows what is stored of the unit whose channel is pointed at.
   * @param {number} unit -1 for none
   */
  pointAt(unit) {
    const layer = this.page.results.activations.grid?.layer ?? "";
    this.peeked = unit < 0 ? "" : `${unit} ${layer}`;
    if (unit >= 0) this.askForStored(layer, unit);
    this.showStored();
  }

  showStored() {
    const { layer, unit, url } = this.page.peek,
      there = Boolean(url) && `${unit} ${layer}` === this.peeked;
    this.stored.hidden = !there;
    if (!there) return;
    this.stored.src = url;
    this.stored.alt = `stored picture of unit ${unit} of ${layer}`;
  }

  /** @param {number} unit */
  label(unit) {
    const { grid } = this.page.results.activations;
    if (!grid) return "";
    const [mean, max] = grid.figures.subarray(FIGURES * unit, FIGURES * unit + 2);
    return `channel ${unit}: mean ${digits(mean)}, largest ${digits(max)}`;
  }

  close() {
    this.cells.close();
  }
}
