// Numbers to colours: colour maps, the range that they span, and the bar that tells which is which.

import { contextOf, make, say } from "../../comm/dom.js";
import { clamp, digits, percent } from "../../comm/numbers.js";

/** @typedef {[from: number, to: number]} Range */
/** @typedef {[height: number, width: number]} Shape */

/**
 * Numbers of a picture, as 65,536 steps from the lowest to the highest.
 * @typedef {{ values: Uint16Array, shape: Shape, low: number, high: number, limit?: number | null, signed: boolean }} ValueMap
 */

export const SIGNED = "RdBu_r"; // the colour map of what has signs

/** @type {Map<string, Uint32Array>} */
const tables = new Map();

/**
 * The 256 colours of a map as words of pixels.
 * @param {string} base64 256 × 3 bytes; "" for white
 */
export function colourTable(base64) {
  const known = tables.get(base64);
  if (known) return known;
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const table = new Uint8ClampedArray(4 * 256).fill(255);
  for (let k = 0; 3 * k < bytes.length; k++) table.set(bytes.subarray(3 * k, 3 * k + 3), 4 * k);
  const words = new Uint32Array(table.buffer);
  tables.set(base64, words);
  return words;
}

/**
 * The largest magnitude that has a colour of its own: a few pixels may lie far above all others.
 * @param {Pick<ValueMap, "low" | "high" | "limit">} map
 */
export const mostOf = ({ low, high, limit }) =>
  Math.min(limit ?? Infinity, Math.max(Math.abs(low), Math.abs(high))) || 1;

/**
 * Whether values lie beyond the ends of the colours; rounding does not count.
 * @param {Pick<ValueMap, "low" | "high" | "limit">} map
 */
export const isBeyond = (map) => Math.max(-map.low, map.high) > mostOf(map) * 1.000001;

/**
 * The range of the colour map: around zero for what has signs.
 * @param {Pick<ValueMap, "low" | "high" | "limit" | "signed">} map
 * @returns {Range}
 */
export function rangeOf(map) {
  const most = mostOf(map);
  if (map.signed) return [-most, most];
  return map.low < 0 ? [map.low, map.high] : [map.low, Math.max(map.low, most)];
}

/**
 * What a colour bar says at its ends and in the middle.
 * @param {Range} range
 * @param {boolean} [below] whether values lie beyond its lower end
 * @param {boolean} [above] and beyond its upper end
 */
export const ticks = ([from, to], below = false, above = false) => [
  `${below ? "≤ " : ""}${digits(from)}`,
  digits((from + to) / 2),
  `${above ? "≥ " : ""}${digits(to)}`,
];

/**
 * The place of quantum 0 in the colour map, and how far the next one is.
 * @param {number} low
 * @param {number} high
 * @param {Range} range
 * @param {number} quanta the quantum that stands for `high`
 * @returns {[start: number, step: number]}
 */
export function placing(low, high, [from, to], quanta) {
  const scale = to > from ? 255 / (to - from) : 0;
  return [(low - from) * scale, ((high - low) / quanta) * scale];
}

/**
 * The value at a position of a map.
 * @param {ValueMap} map
 * @param {number} row
 * @param {number} col
 */
export const valueAt = ({ values, shape, low, high }, row, col) =>
  low + (values[row * shape[1] + col] / 65535) * (high - low);

/** A canvas whose pixels are set as words; its memory is kept from one picture to the next. */
export class Raster {
  data = new ImageData(1, 1);
  words = new Uint32Array(this.data.data.buffer);

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = contextOf(canvas);
  }

  /**
   * @param {number} height
   * @param {number} width
   */
  fit(height, width) {
    if (
      this.data.width === width &&
      this.data.height === height &&
      this.canvas.width === width &&
      this.canvas.height === height
    )
      return;
    Object.assign(this.canvas, { width, height });
    this.data = this.context.createImageData(width, height);
    this.words = new Uint32Array(this.data.data.buffer);
  }

  flush() {
    this.context.putImageData(this.data, 0, 0);
  }

  /**
   * Draws a map with a table of colours that spans a range.
   * @param {ValueMap} map
   * @param {Range} range
   * @param {Uint32Array} table
   */
  paint({ values, shape, low, high }, range, table) {
    this.fit(...shape);
    const [start, step] = placing(low, high, range, 65535),
      { words } = this,
      round = start + 0.5;
    for (let k = 0; k < words.length; k++) words[k] = table[clamp((values[k] * step + round) | 0, 0, 255)];
    this.flush();
  }
}

/** The colours of a map from left to right, with numbers at the ends and in the middle. */
export class ColourBar {
  canvas = make("canvas", { width: 256, height: 1, "aria-hidden": "true" });
  mark = make("div", { class: "nbfeatviz-mark", hidden: true });
  labels = [make("span"), make("span"), make("span")];
  raster = new Raster(this.canvas);
  /** @type {Range} */
  range = [0, 1];
  /** @type {Uint32Array | null} */
  table = null;
  /** @type {string[]} */
  texts = [];
  quantity = make("div", { class: "nbfeatviz-quantity" });
  el = make(
    "div",
    { class: "nbfeatviz-bar" },
    this.quantity,
    make("div", { class: "nbfeatviz-ramp" }, this.canvas, this.mark),
    make("div", { class: "nbfeatviz-ticks" }, ...this.labels),
  );

  /**
   * @param {Range} range
   * @param {Uint32Array} table
   * @param {string[]} [texts] what it says
   * @param {string} [quantity] that the numbers are of
   */
  show(range, table, texts = ticks(range), quantity = "") {
    say(this.quantity, quantity);
    this.range = range;
    if (this.table !== table) {
      this.table = table;
      this.raster.fit(1, 256);
      this.raster.words.set(table);
      this.raster.flush();
    }
    this.texts = texts;
    for (const [k, label] of this.labels.entries()) say(label, texts[k]);
  }

  /**
   * Marks where a value lies; null for none.
   * @param {number | null} value
   */
  point(value) {
    const [from, to] = this.range;
    this.mark.hidden = value == null || !(to > from);
    if (value != null && to > from) this.mark.style.left = percent(clamp((value - from) / (to - from), 0, 1));
  }
}
