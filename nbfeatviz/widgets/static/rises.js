// How much the units of the layer rose since the run began: one bar a unit, the highest first.

class RisesChart {
  constructor() {
    this.canvas = make("canvas", { class: "nbfeatviz-rises", "aria-hidden": "true" }); // the caption says it in words
    this.caption = make("figcaption", { class: "nbfeatviz-risen" });
    this.el = make("figure", { class: "nbfeatviz-company", "aria-label": "other units", hidden: true,
      title: "how far each unit of the layer rose since the run began, in its standard deviations among photographs" }, this.canvas, this.caption);
  }

  show(found) {
    this.found = found?.rises ? found : null;
    this.el.hidden = !this.found;
    if (!this.found) return;
    const { unit, rises, most, higher } = found, signed = (value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(1)}`;
    const others = rises.length - 1;
    const rose = !others ? "" : higher ? ` · ${higher} of ${others} others rose more` : ` · none of ${others} others rose more`;
    const named = most.length ? ` · highest others: ${most.map(([one, rise]) => `${one} (${signed(rise)})`).join(", ")}` : "";
    const [parts, all] = found.parts ?? [0, 0], far = parts < all ? ` · so far by ${parts} of ${all} parts of photographs` : "";
    const text = `unit ${unit}: ${signed(rises[unit])} σ${rose}${named}${far}`;
    if (this.caption.textContent !== text) this.caption.textContent = text;
    this.draw();
  }

  draw() {
    const { canvas, found } = this, scale = window.devicePixelRatio || 1, width = canvas.clientWidth, height = canvas.clientHeight;
    if (!found || !width || !height) return;
    const size = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const context = canvas.getContext("2d"), colours = getComputedStyle(canvas), { rises, unit } = found;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const order = [...rises.keys()].sort((a, b) => rises[b] - rises[a]);
    const high = Math.max(0, rises[order[0]]), low = Math.min(0, rises[order.at(-1)]), span = high - low || 1;
    const y = (value) => 3 + ((height - 6) * (high - value)) / span, each = (width - 6) / order.length;
    const bar = (place, wide) => {
      const value = rises[order[place]];
      context.fillRect(3 + each * place + (each - wide) / 2, Math.min(y(0), y(value)), wide, Math.max(1, Math.abs(y(value) - y(0))));
    };
    context.fillStyle = colours.borderTopColor;
    order.forEach((one, place) => { if (one !== unit) bar(place, each > 3 ? each - 1 : each); });
    context.fillStyle = colours.color;
    bar(order.indexOf(unit), Math.max(3, each > 3 ? each - 1 : each));
    context.fillRect(3, y(0), width - 6, 0.5);
  }
}
