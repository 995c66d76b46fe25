// A layer without positions: one bar a unit.

import { make } from "../../comm/dom.js";
import { digits, grouped, percent } from "../../comm/numbers.js";

const MOST_BARS = 200;

export class UnitBars {
  /** @type {import("./photo_page.js").Bars | null} */
  record = null;
  sort = "";
  el = make("ol", { class: "nbfeatviz-barlist", tabindex: "0", "aria-label": "values of the units" });

  /**
   * @param {import("./photo_page.js").Bars} record
   * @param {string} sort "value" or "index"
   */
  show(record, sort) {
    if (this.record === record && this.sort === sort) return;
    Object.assign(this, { record, sort });
    const { values, names, probabilities } = record,
      order = [...values.keys()];
    if (sort === "value") order.sort((a, b) => values[b] - values[a]);
    const shown = order.slice(0, MOST_BARS),
      most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
    const bars = shown.map((unit) =>
      this.#bar(unit, values[unit], names?.[unit], probabilities ? 1 : most, probabilities),
    );
    this.el.replaceChildren(...bars);
    if (order.length > shown.length)
      this.el.append(make("li", { class: "nbfeatviz-more", text: `and ${grouped(order.length - shown.length)} more` }));
  }

  /**
   * @param {number} unit
   * @param {number} value
   * @param {string | undefined} name
   * @param {number} most value of a whole bar
   * @param {boolean} probable
   */
  #bar(unit, value, name, most, probable) {
    const bar = make("span", { class: "nbfeatviz-share", "aria-hidden": "true" });
    bar.style.width = percent(Math.abs(value) / most);
    bar.classList.toggle("nbfeatviz-negative", value < 0);
    return make(
      "li",
      {},
      bar,
      make("span", { class: "nbfeatviz-number", text: String(unit) }),
      make("span", { class: "nbfeatviz-name", text: name ?? `unit ${unit}` }),
      make("span", {
        class: "nbfeatviz-figure",
        text: probable ? `${(100 * value).toFixed(value < 0.1 ? 2 : 1)} %` : digits(value),
      }),
    );
  }
}
