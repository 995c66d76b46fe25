// A layer without positions: one bar a unit.

const MOST_BARS = 200;

class BarList {
  constructor() {
    this.el = make("ol", { class: "nbfeatviz-barlist", tabindex: "0", "aria-label": "values of the units" });
  }

  show(record, sort) {
    if (this.record === record && this.sort === sort) return;
    Object.assign(this, { record, sort });
    const { values, names, probabilities } = record;
    const order = [...values.keys()];
    if (sort === "value") order.sort((a, b) => values[b] - values[a]);
    const shown = order.slice(0, MOST_BARS), most = probabilities ? 1 : values.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
    this.el.replaceChildren(...shown.map((unit) => {
      const value = values[unit], bar = make("span", { class: "nbfeatviz-share", "aria-hidden": "true" });
      bar.style.width = percent(Math.abs(value) / most);
      bar.classList.toggle("nbfeatviz-negative", value < 0);
      return make("li", {}, bar, make("span", { class: "nbfeatviz-number", text: String(unit) }),
        make("span", { class: "nbfeatviz-name", text: names?.[unit] ?? `unit ${unit}` }),
        make("span", { class: "nbfeatviz-figure", text: probabilities ? `${(100 * value).toFixed(value < 0.1 ? 2 : 1)} %` : digits(value) }));
    }));
    if (order.length > shown.length)
      this.el.append(make("li", { class: "nbfeatviz-more", text: `and ${count(order.length - shown.length)} more` }));
  }
}
