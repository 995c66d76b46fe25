// How much the units of the layer rose since the run began: one bar a unit, the highest first.

import { drawingOn, make, say } from "../comm/dom.js";

/** @typedef {import("../comm/traits.js").Rises} Rises */

/** @param {number} value */
const signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;

/**
 * The chart in words.
 * @param {Rises} found
 */
export function riseInWords({ unit, rises, most, higher, parts: [parts, all] = [0, 0] }) {
  const others = rises.length - 1;
  const rose = !others ? "" : ` · ${higher ? `${higher} of ${others}` : `none of ${others}`} others rose more`;
  const named = most.length
    ? ` · highest others: ${most.map(([one, rise]) => `${one} (${signed(rise)})`).join(", ")}`
    : "";
  const far = parts < all ? ` · so far by ${parts} of ${all} parts of photographs` : "";
  return `unit ${unit}: ${signed(rises[unit])} σ${rose}${named}${far}`;
}

export class UnitChart {
  /** @type {Rises | null} */
  found = null;
  canvas = make("canvas", { class: "nbfeatviz-rises", "aria-hidden": "true" }); // the caption says it in words
  caption = make("figcaption", { class: "nbfeatviz-risen" });
  el = make(
    "figure",
    {
      class: "nbfeatviz-company",
      "aria-label": "other units",
      hidden: true,
      title: "how far each unit of the layer rose since the run began, in its standard deviations among photographs",
    },
    this.canvas,
    this.caption,
  );

  /** @param {Partial<Rises>} found */
  show(found) {
    this.found = found.rises ? /** @type {Rises} */ (found) : null;
    this.el.hidden = !this.found;
    if (this.found) this.draw();
  }

  /**
   * Says that it is not of the picture that is replayed, but of the last one.
   * @param {boolean} replaying
   */
  mark(replaying) {
    if (this.found) say(this.caption, riseInWords(this.found) + (replaying ? " · of the last step" : ""));
  }

  draw() {
    const { found } = this,
      drawing = found && drawingOn(this.canvas);
    if (!found || !drawing) return;
    const { context, width, height, colours } = drawing,
      { rises, unit } = found;
    const order = [...rises.keys()].sort((a, b) => rises[b] - rises[a]);
    const high = Math.max(0, rises[order[0]]),
      low = Math.min(0, rises[order[order.length - 1]]),
      span = high - low || 1;
    const y = (/** @type {number} */ value) => 3 + ((height - 6) * (high - value)) / span;
    const each = (width - 6) / order.length,
      wide = each > 3 ? each - 1 : each;
    const bar = (/** @type {number} */ place, /** @type {number} */ width) => {
      const value = rises[order[place]],
        left = 3 + each * place + (each - width) / 2;
      context.fillRect(left, Math.min(y(0), y(value)), width, Math.max(1, Math.abs(y(value) - y(0))));
    };
    context.fillStyle = colours.borderTopColor;
    order.forEach((one, place) => {
      if (one !== unit) bar(place, wide);
    });
    context.fillStyle = colours.color;
    bar(order.indexOf(unit), Math.max(3, wide));
    context.fillRect(3, y(0), width - 6, 0.5);
  }
}
