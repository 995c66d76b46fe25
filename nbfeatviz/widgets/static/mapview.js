// A heat map over the picture that the network sees.

/** The picture, and a map over it as opaque as `--opacity` says. */
class Overlaid {
  constructor(element) {
    this.el = element;
    this.picture = make("canvas", { class: "nbfeatviz-under", "aria-hidden": "true" });
    this.heat = make("canvas", { class: "nbfeatviz-heat", "aria-hidden": "true" });
    this.raster = new Raster(this.heat);
    element.append(this.picture, this.heat);
  }

  show(picture, map, range, table) {
    if (picture && this.shown !== picture) {
      this.shown = picture;
      Object.assign(this.picture, { width: picture.width, height: picture.height });
      this.picture.getContext("2d").drawImage(picture, 0, 0);
      this.picture.classList.toggle("nbfeatviz-coarse", coarse(picture.height, picture.width));
      this.el.style.setProperty("--aspect", picture.width / picture.height);
    }
    this.heat.hidden = !map;
    if (!map || (this.map === map && this.table === table && String(this.range) === String(range))) return;
    Object.assign(this, { map, table, range });
    this.raster.paint(map, range, table);
    this.heat.classList.toggle("nbfeatviz-coarse", coarse(...map.shape));
  }

  /** Draws both into a context, as they look. */
  copyTo(context, opacity, x, y, width, height) {
    for (const [canvas, alpha] of [[this.picture, 1], [this.heat, opacity]]) {
      if (canvas.hidden || !canvas.width) continue;
      context.imageSmoothingEnabled = !canvas.classList.contains("nbfeatviz-coarse");
      context.globalAlpha = alpha;
      context.drawImage(canvas, x, y, width, height);
    }
    context.globalAlpha = 1;
  }
}

/** Shows what is to be said of a result that says nothing; a screen reader speaks it once. */
function tellNote(element, text = "") {
  element.hidden = !text;
  if (element.textContent !== text) element.textContent = text;
}

/** A large map: values under the pointer and under the keys, and neurons to pick where `picks` is set. */
class MapView {
  constructor({ pick, move }) {
    this.told = { pick, move };
    this.cross = make("div", { class: "nbfeatviz-cross", hidden: true });
    this.box = make("div", { class: "nbfeatviz-reach", hidden: true });
    this.area = make("div", {
      class: "nbfeatviz-map", tabindex: "0", role: "application",
      on: {
        pointermove: (event) => this.hover(event), pointerleave: () => this.leave(),
        click: (event) => this.click(event), keydown: (event) => this.key(event),
      },
    });
    this.layers = new Overlaid(this.area);
    this.area.append(this.cross, this.box);
    this.note = make("div", { class: "nbfeatviz-note", role: "note", "aria-live": "polite" });
    this.readout = make("div", { class: "nbfeatviz-readout", "aria-live": "off" });
    this.bar = new ColourBar();
    this.el = make("div", { class: "nbfeatviz-mapview" }, this.area, this.note, this.readout, this.bar.el);
  }

  /**
   * @param picture canvas of what the network sees
   * @param map see `valueAt`; null for the picture alone
   * @param field {row, col, box} of a picked neuron, or null
   */
  show({ picture, map, table, label, picks = false, field = null, stale = false }) {
    const range = map ? rangeOf(map) : [0, 1];
    if (map?.shape.join() !== this.map?.shape.join()) this.at = null;
    Object.assign(this, { map, picks, field });
    this.layers.show(picture, map, range, table);
    this.bar.el.classList.toggle("nbfeatviz-void", !map);
    tellNote(this.note, map?.note);
    if (map) this.bar.show(range, table, ticks(range, map.low < range[0], map.high > range[1]));
    this.area.setAttribute("aria-label", label);
    this.area.classList.toggle("nbfeatviz-picking", picks);
    this.area.classList.toggle("nbfeatviz-stale", stale);
    this.box.hidden = !field;
    if (field) {
      const [top, left, bottom, right] = field.box;
      placeBox(this.box, top, left, bottom, right);
      if (field !== this.placed) this.at = [field.row, field.col];
    }
    this.placed = field;
    this.read();
  }

  /** [row, col] of the map at a place on the page. */
  cellAt(event) {
    const area = this.area.getBoundingClientRect(), [height, width] = this.map.shape;
    const [y, x] = [(event.clientY - area.top) / area.height, (event.clientX - area.left) / area.width];
    return [clamp(Math.floor(y * height), 0, height - 1), clamp(Math.floor(x * width), 0, width - 1)];
  }

  hover(event) {
    if (!this.map) return;
    this.over = this.cellAt(event);
    this.read();
  }

  leave() {
    this.over = null;
    this.read();
  }

  click(event) {
    if (!this.map) return;
    const area = this.area.getBoundingClientRect();
    this.at = this.cellAt(event);
    if (this.picks) this.told.pick((event.clientY - area.top) / area.height, (event.clientX - area.left) / area.width);
    this.read();
  }

  key(event) {
    if (event.key === "Escape" && this.at && !this.picks) return this.forget(event);
    const moves = ARROWS[event.key];
    if (!moves || !this.map || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [height, width] = this.map.shape, stride = event.shiftKey ? 10 : 1;
    const [rows, cols] = moves.map((step) => step * stride);
    this.over = null;
    if (this.picks) this.told.move(rows, cols);
    const [row, col] = this.at ?? [height >> 1, width >> 1].map((half, k) => half - moves[k] * stride);
    this.at = [clamp(row + rows, 0, height - 1), clamp(col + cols, 0, width - 1)];
    this.read(true);
  }

  forget(event) {
    event.stopPropagation();
    this.at = null;
    this.read();
  }

  /** Says the value under the pointer, else under the crosshair; only the keys make it heard. */
  read(aloud = false) {
    const place = this.map && (this.over ?? this.at);
    this.readout.setAttribute("aria-live", aloud ? "polite" : "off");
    const value = place && valueAt(this.map, ...place);
    this.readout.textContent = place ? `row ${place[0]}, column ${place[1]}: ${digits(value)}` : "";
    this.bar.point(place ? value : null);
    this.cross.hidden = !this.map || !this.at;
    if (this.cross.hidden) return;
    const [height, width] = this.map.shape, [row, col] = this.at;
    Object.assign(this.cross.style, { top: percent((row + 0.5) / height), left: percent((col + 0.5) / width) });
  }
}

/** A drawing of maps with their titles and the colour bar, on white, to be saved; each group begins a line. */
async function savedSheet(groups, bar, opacity) {
  const gap = 24, line = 20, columns = Math.min(4, Math.max(...groups.map((group) => group.length)));
  const items = groups.flatMap((group) => [...group, ...Array((columns - (group.length % columns)) % columns).fill(null)]);
  const [{ layers: { picture } }] = items, lines = Math.max(...items.map((item) => item?.texts.length ?? 0));
  const scale = Math.max(1, (items.length > 1 ? 256 : 512) / Math.max(picture.height, picture.width));
  const [h, w] = [Math.round(picture.height * scale), Math.round(picture.width * scale)], pitch = [h + lines * line + gap, w + gap];
  const canvas = make("canvas", { width: columns * pitch[1] + gap, height: (items.length / columns) * pitch[0] + gap + 48 });
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.font = "14px system-ui, sans-serif";
  context.fillStyle = "#222";
  items.forEach((item, k) => {
    if (!item) return;
    const x = gap + (k % columns) * pitch[1], y = gap + Math.floor(k / columns) * pitch[0];
    item.layers.copyTo(context, opacity, x, y, w, h);
    item.texts.forEach((text, n) => context.fillText(text, x, y + h + line * (n + 0.8), w));
  });
  const top = canvas.height - gap - 20, length = Math.min(columns * pitch[1] - gap, 512);
  context.imageSmoothingEnabled = true;
  context.drawImage(bar.canvas, gap, top, length, 12);
  bar.texts.forEach((text, k) => {
    context.textAlign = ["left", "center", "right"][k];
    context.fillText(text, gap + (length * k) / 2, top + 30);
  });
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/** A file name of words. */
const fileName = (...words) => words.filter(Boolean).join("-").replace(/\.\w{2,5}(?=-|$)/, "").toLowerCase()
  .replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 100) || "map";
