// How strongly photographs excite a unit, how often, and where its own picture lies.

import { drawingOn, make } from "../comm/dom.js";
import { digits, grouped } from "../comm/numbers.js";

/** @typedef {{ counts: number[], low: number, high: number, mark: number | null, sparsity: number | null, views: number }} Found */

/**
 * The histogram in words.
 * @param {Found} found
 */
export function histogramInWords({ counts, low, high, mark, sparsity, views }) {
  const range = `on ${grouped(views)} views of photographs from ${digits(low)} to ${digits(high)}`,
    most = counts.indexOf(Math.max(...counts)),
    usual = low + ((most + 0.5) * (high - low)) / counts.length;
  const parts = [`${range}, most often near ${digits(usual)}`];
  if (mark != null) parts.push(`the picture reaches ${digits(mark)}`);
  if (sparsity != null) parts.push(`sparsity ${sparsity.toFixed(2)}`);
  return parts.join(" · ");
}

export class Histogram {
  /** @type {Found | null} */
  found = null;
  canvas = make("canvas", { class: "nbfeatviz-histogram", "aria-hidden": "true" }); // the caption says it in words
  caption = make("figcaption");
  el = make("figure", { class: "nbfeatviz-activationsof", hidden: true }, this.canvas, this.caption);

  constructor() {
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.canvas);
  }

  /** @param {Found | null | undefined} found */
  show(found) {
    this.found = found ?? null;
    this.el.hidden = !found;
    if (!found) return;
    this.caption.textContent = histogramInWords(found);
    this.draw();
  }

  draw() {
    const { found } = this,
      drawing = found && drawingOn(this.canvas);
    if (!found || !drawing) return;
    const { context, width, height, colours } = drawing,
      { counts, low, high, mark } = found;
    const start = Math.min(low, mark ?? low),
      end = Math.max(high, mark ?? high),
      span = end - start || 1,
      x = (/** @type {number} */ value) => 2 + ((width - 6) * (value - start)) / span,
      each = (high - low) / counts.length,
      most = Math.max(...counts, 1);
    context.fillStyle = colours.borderTopColor;
    counts.forEach((count, place) => {
      const tall = count ? Math.max(1, ((height - 8) * count) / most) : 0;
      const left = x(low + place * each);
      context.fillRect(left, height - 1 - tall, Math.max(1, x(low + (place + 1) * each) - left - 0.5), tall);
    });
    context.fillRect(2, height - 1, width - 4, 1);
    if (mark == null) return;
    context.fillStyle = colours.color;
    context.fillRect(x(mark) - 1, 0, 2, height);
  }

  close() {
    this.resizing.disconnect();
  }
}
