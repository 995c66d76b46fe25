// What the units of a layer make of the photo: a sheet of channels, one channel large, or bars.

const MAP_SORTS = [["index", "by index"], ["mean", "by mean"], ["max", "by largest"]];
const BAR_SORTS = [["value", "by value"], ["index", "by index"]];

class Activations {
  constructor(page, changed) {
    Object.assign(this, { page, changed, sorts: { grid: "index", bars: "value" }, filtering: false });
    this.cells = new Cells({ open: (unit) => page.openChannel(unit), label: (unit) => this.label(unit) });
    this.bars = new BarList();
    this.bar = new ColourBar();
    this.sort = chooser((value) => {
      this.sorts[page.results.activations.bars ? "bars" : "grid"] = value;
      changed();
    });
    this.scale = chooser(changed, {}, [["each", "each channel"], ["common", "common"]]);
    const side = (text, filtering) => pressable(text, () => { this.filtering = filtering; changed(); });
    this.sides = [side("activations", false), side("filters", true)];
    this.toggle = make("div", { class: "nbfeatviz-toggle", role: "group", "aria-label": "shown" }, ...this.sides);
    this.sortRow = row("sort", this.sort);
    this.scaleRow = row("scale", this.scale);
    this.head = make("div", { class: "nbfeatviz-options" }, this.toggle, this.sortRow, this.scaleRow);
    this.back = pressable("all channels", () => page.closeChannel(), { title: "back to all channels" });
    this.likes = pressable("show what it likes to see", () => page.say("likes"), { class: "nbfeatviz-primary" });
    this.field = make("div", { class: "nbfeatviz-fieldtext" });
    this.large = make("div", { class: "nbfeatviz-buttons" }, this.back, this.likes, this.field);
    this.sheet = make("div", { class: "nbfeatviz-sheet" }, this.cells.el, this.cells.readout, this.bar.el);
    this.note = make("div", { class: "nbfeatviz-note", role: "note", "aria-live": "polite" });
    this.el = make("div", { class: "nbfeatviz-activations" }, this.head, this.large, this.sheet, this.bars.el, this.note);
  }

  /** Shows the sheet or the bars, and what goes with the large view; returns what is drawn here. */
  show(table, stale) {
    const { grid, bars, filters } = this.page.results.activations, channel = this.page.channel;
    this.head.hidden = Boolean(channel) || !(grid || bars);
    this.large.hidden = !channel;
    this.sheet.hidden = Boolean(channel) || !grid;
    this.bars.el.hidden = !bars;
    tellNote(this.note, channel ? "" : (bars ?? grid)?.note);
    if (channel) return this.showLarge(channel);
    fill(this.sort, bars ? BAR_SORTS : MAP_SORTS);
    this.sort.value = this.sorts[bars ? "bars" : "grid"];
    const some = Boolean(filters && grid && filters.layer === grid.layer);
    this.filtered = some && this.filtering;
    this.toggle.hidden = !some;
    this.scaleRow.hidden = Boolean(bars) || this.filtered;
    this.sides.forEach((side, k) => side.setAttribute("aria-pressed", String(this.filtering === Boolean(k))));
    this.sheet.classList.toggle("nbfeatviz-stale", stale);
    this.bars.el.classList.toggle("nbfeatviz-stale", stale);
    if (bars) this.bars.show(bars, this.sorts.bars);
    else if (grid) this.filtered ? this.showFilters(filters, grid) : this.showGrid(grid, table);
    return bars ?? grid ?? null;
  }

  showLarge({ unit }) {
    const { field } = this.page.results.activations;
    const [top, left, bottom, right] = field?.box ?? [0, 0, 0, 0];
    const place = field && `row ${field.row}, column ${field.col}`, share = Math.round(100 * (bottom - top) * (right - left));
    this.field.textContent = field
      ? `neuron at ${place}: ${digits(field.value)}; the box is what it can see, ${share} % of the picture`
      : "click a position to pick its neuron";
    this.likes.setAttribute("aria-label", "show what it likes to see" + (field ? `: the neuron of channel ${unit} at ${place}` : ""));
    this.likes.title = field ? "an image made for this neuron" : "an image made for this channel";
    for (const button of [this.back, this.likes]) button.disabled = this.page.lost;
    return null;
  }

  ordered(grid) {
    const sort = this.sorts.grid;
    if (this.orderOf?.grid === grid && this.orderOf.sort === sort) return this.orderOf.order;
    const order = [...Array(grid.count).keys()], figure = sort === "mean" ? 0 : 1;
    if (sort !== "index") order.sort((a, b) => grid.figures[4 * b + figure] - grid.figures[4 * a + figure]);
    this.orderOf = { grid, sort, order };
    return order;
  }

  showGrid(grid, table) {
    const common = this.scale.value === "common";
    const { values, figures, cell: [height, width] } = grid, range = common ? this.commonRange(grid) : null;
    this.bar.show(range ?? [0, 1], table, range ? null : ["each lowest", "", "each highest"]);
    this.bar.el.hidden = false;
    const paint = (unit, words, offset, stride) => {
      const [start, step] = range ? placing(figures[4 * unit + 2], figures[4 * unit + 3], range, 255) : [0, 1];
      for (let y = 0, k = unit * height * width; y < height; y++, offset += stride)
        for (let x = 0; x < width; x++, k++)
          words[offset + x] = table[Math.min(255, Math.max(0, (start + step * values[k] + 0.5) | 0))];
    };
    this.cells.show({ order: this.ordered(grid), size: grid.cell, paint, name: `channels of ${grid.layer}`, key: `${grid.layer} ${this.sort.value}` });
  }

  commonRange({ figures, count: total }) {
    let low = Infinity, high = -Infinity;
    for (let k = 0; k < total; k++) { low = Math.min(low, figures[4 * k + 2]); high = Math.max(high, figures[4 * k + 3]); }
    return [low, high];
  }

  showFilters(filters, grid) {
    const { values, size: [height, width] } = filters;
    this.bar.el.hidden = true;
    const paint = (unit, words, offset, stride) => {
      for (let y = 0, k = 3 * unit * height * width; y < height; y++, offset += stride)
        for (let x = 0; x < width; x++, k += 3)
          words[offset + x] = 0xff000000 | (values[k + 2] << 16) | (values[k + 1] << 8) | values[k];
    };
    const order = filters.count === grid.count ? this.ordered(grid) : [...Array(filters.count).keys()];
    this.cells.show({ order, size: filters.size, paint, name: `filters of ${grid.layer}`, key: grid.layer });
  }

  label(unit) {
    const { grid } = this.page.results.activations;
    const [mean, max] = grid.figures.subarray(4 * unit, 4 * unit + 2);
    return `channel ${unit}: mean ${digits(mean)}, largest ${digits(max)}`;
  }

  close() {
    this.cells.close();
  }
}
