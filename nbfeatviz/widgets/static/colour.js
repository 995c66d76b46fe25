// Numbers to colours: colour maps, the range that they span, and the bar that tells which is which.

const SIGNED = "RdBu_r";

/** The 256 colours of a map as words of pixels. */
const colourTable = (() => {
  const known = new Map();
  return (base64) => {
    if (!known.has(base64)) {
      const bytes = Uint8Array.from(atob(base64 ?? ""), (letter) => letter.charCodeAt(0));
      const table = new Uint8ClampedArray(4 * 256).fill(255);
      for (let k = 0; 3 * k < bytes.length; k++) table.set(bytes.subarray(3 * k, 3 * k + 3), 4 * k);
      known.set(base64, new Uint32Array(table.buffer));
    }
    return known.get(base64);
  };
})();

/** The largest magnitude that has a colour of its own: a few pixels may lie far above all others. */
const mostOf = ({ low, high, limit }) => Math.min(limit ?? Infinity, Math.max(Math.abs(low), Math.abs(high))) || 1;

/** Whether values lie beyond the ends of the colours; rounding does not count. */
const isBeyond = (map) => Math.max(-map.low, map.high) > mostOf(map) * 1.000001;

/** [from, to] of the colour map: around zero for what has signs. */
function rangeOf(map) {
  const most = mostOf(map);
  return map.signed ? [-most, most] : map.low < 0 ? [map.low, map.high] : [map.low, Math.max(map.low, most)];
}

/** What a colour bar says at its ends and in the middle, given whether values lie beyond its ends. */
const ticks = ([from, to], below, above) =>
  [`${below ? "≤ " : ""}${digits(from)}`, digits((from + to) / 2), `${above ? "≥ " : ""}${digits(to)}`];

/** [start, step]: the place of quantum 0 in the colour map, and how far the next one is. */
function placing(low, high, [from, to], quanta) {
  const scale = to > from ? 255 / (to - from) : 0;
  return [(low - from) * scale, ((high - low) / quanta) * scale];
}

/** The value at a position of a map, whose numbers come as 65,536 steps from its lowest to its highest. */
const valueAt = (map, row, col) =>
  map.low + (map.values[row * map.shape[1] + col] / 65535) * (map.high - map.low);

/** A canvas whose pixels are set as words; its memory is kept from one picture to the next. */
class Raster {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  fit(height, width) {
    if (this.data?.width === width && this.data.height === height) return this;
    Object.assign(this.canvas, { width, height });
    this.data = this.context.createImageData(width, height);
    this.words = new Uint32Array(this.data.data.buffer);
    return this;
  }

  flush() {
    this.context.putImageData(this.data, 0, 0);
  }

  /** Draws a map (see `valueAt`) with a table of colours that spans a range. */
  paint({ values, shape, low, high }, range, table) {
    this.fit(...shape);
    const [start, step] = placing(low, high, range, 65535), { words } = this;
    const round = start + 0.5;
    for (let k = 0; k < words.length; k++) words[k] = table[Math.min(255, Math.max(0, (values[k] * step + round) | 0))];
    this.flush();
  }
}

/** The colours of a map from left to right, with numbers at the ends and in the middle. */
class ColourBar {
  constructor() {
    this.canvas = make("canvas", { width: 256, height: 1, "aria-hidden": "true" });
    this.mark = make("div", { class: "nbfeatviz-mark", hidden: true });
    this.labels = [make("span"), make("span"), make("span")];
    this.el = make("div", { class: "nbfeatviz-bar" },
      make("div", { class: "nbfeatviz-ramp" }, this.canvas, this.mark), make("div", { class: "nbfeatviz-ticks" }, ...this.labels));
    this.context = this.canvas.getContext("2d");
    this.data = this.context.createImageData(256, 1);
  }

  show([from, to], table, words) {
    this.range = [from, to];
    if (this.table !== table) {
      this.table = table;
      new Uint32Array(this.data.data.buffer).set(table);
      this.context.putImageData(this.data, 0, 0);
    }
    const texts = words ?? ticks([from, to]);
    this.labels.forEach((label, k) => { if (label.textContent !== texts[k]) label.textContent = texts[k]; });
    this.texts = texts;
  }

  /** Marks where a value lies; null for none. */
  point(value) {
    const [from, to] = this.range ?? [0, 1];
    this.mark.hidden = value == null || !(to > from);
    if (!this.mark.hidden) this.mark.style.left = percent(clamp((value - from) / (to - from), 0, 1));
  }
}
