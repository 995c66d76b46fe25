// The live canvas: draws frames on the ipycanvas Canvas, keeps the numbers of the run, and shows them.

const pages = new Map(); // what the page keeps of a panel, by its key: every render gets a new model proxy

const COLUMNS = 7; // index, loss, gradient_min, gradient_max, step_size, score, distance
const SMALL = 64; // a picture this small is enlarged with its pixels kept square

/** A picture to draw, with all care taken of its colours. */
const bitmap = (data, type) => createImageBitmap(new Blob([data], { type }));

/** One of many pictures a second, without a Blob, for which the page waits twice for the browser's other processes. */
async function frame(data, type) {
  if (window.ImageDecoder === undefined) return bitmap(data, type); // an older browser, or a page that came by http
  const decoder = new ImageDecoder({ data, type });
  try {
    return (await decoder.decode()).image;
  } catch {
    return bitmap(data, type);
  } finally {
    decoder.close();
  }
}

class LivePage {
  constructor(model) {
    this.model = model;
    this.say = speaker(model);
    this.views = new Set();
    this.blank = true;
    this.drawing = Promise.resolve();
    this.begin(0);
    this.canvas = peer(model, "canvas");
    this.disconnected = false;
  }

  connect() {
    this.model.on("msg:custom", (content, buffers) => this.receive(content, buffers ?? []));
    this.model.on("change:status", () => this.changed());
    this.model.on("change:overlay", () => this.changed());
    this.model.on("change:rises", () => this.changed());
    this.model.on("change:note", () => this.changed());
    this.model.on("comm_live_update", () => this.lost());
    this.still();
    this.say("hello");
  }

  lost() {
    this.disconnected = true;
    this.changed();
  }

  begin(run) {
    this.run = run;
    this.table = []; // one row a step of the run
    this.received = 0; // rows that have arrived
    this.prediction = null;
    this.facts = {};
    this.shown = -1; // step on the canvas; the length of the table for the picture after the last
    this.replaying = false;
    this.replayable = true; // the kernel has the frames of the run
    this.speed = [];
  }

  receive(content, buffers) {
    const act = { begin: () => this.begin(content.run), steps: () => this.steps(content, buffers),
      settle: () => this.still(), restore: () => this.restore(content, buffers), replay: () => this.replayed(content, buffers),
      redisplay: () => { if (this.replaying) this.ask(); },
      freed: () => { this.replayable = this.replaying = false; }, file: () => download(content.name, new Blob([buffers[0]], { type: content.mime })) }[content.kind];
    act?.();
    this.changed();
  }

  keep(content, buffer) {
    const values = new Float32Array(bytesOf(buffer).slice().buffer);
    for (let row = 0; row * COLUMNS < values.length; row++) {
      if (!this.table[content.first + row]) this.received++;
      this.table[content.first + row] = values.subarray(row * COLUMNS, (row + 1) * COLUMNS);
    }
    if (content.prediction) this.prediction = content.prediction;
    if (content.facts) this.facts = content.facts;
    this.speed.push([performance.now(), this.table.length]);
    while (this.speed.length > 2 && this.speed.at(-1)[0] - this.speed[0][0] > 3000) this.speed.shift();
  }

  steps(content, buffers) {
    if (content.run !== this.run) return;
    this.keep(content, buffers[0]);
    if (content.frame === undefined) return;
    if (this.replaying) this.acknowledge(content);
    else this.draw(buffers[1], "image/jpeg", content.frame, content.computed).finally(() => this.acknowledge(content));
  }

  /**
   * Every message to the kernel makes the whole page show a busy and then an idle kernel, which costs as much as a
   * frame: while frames travel fast, one acknowledgement stands for several.
   */
  acknowledge({ sequence, hold }) {
    const drawn = performance.now();
    this.drawn = [sequence, drawn];
    this.ackTimer ??= setTimeout(() => {
      this.ackTimer = undefined;
      this.say("ack", { sequence: this.drawn[0], held: performance.now() - this.drawn[1] });
    }, hold);
  }

  restore(content, buffers) {
    this.begin(content.run);
    this.keep(content, buffers[0]);
    this.replayable = content.replay > 0;
    if (buffers[1]) this.draw(buffers[1], "image/jpeg", this.table.length - 1);
    else if (this.model.get("still")?.byteLength) this.shown = this.table.length;
  }

  still() {
    if (this.replaying) return; // the slider brings it back
    const data = this.model.get("still");
    if (data?.byteLength) return this.draw(data, "image/png", () => this.table.length);
    this.drawing = this.drawing.then(async () => {
      const canvas = await this.canvas;
      canvas.ctx.clearRect(0, 0, canvas.canvas.width, canvas.canvas.height);
      canvas.syncViews();
      this.shown = -1;
      this.blank = true;
      this.changed();
    });
  }

  /** Draws one after the other, so that what came last stays. */
  draw(data, type, step, computed) {
    const job = async () => {
      try {
        const picture = await (computed === undefined ? bitmap(data, type) : frame(data, type)), canvas = await this.canvas;
        const width = picture.displayWidth ?? picture.width, height = picture.displayHeight ?? picture.height;
        if (canvas.get("width") !== width || canvas.get("height") !== height) canvas.set({ width, height });
        canvas.ctx.clearRect(0, 0, width, height);
        canvas.ctx.drawImage(picture, 0, 0);
        picture.close();
        canvas.syncViews();
        this.blank = false;
        this.shown = typeof step === "function" ? step() : step;
        this.tell({ step: this.shown, computed, lossless: type === "image/png", drawn: Date.now() });
      } catch (error) {
        console.warn("nbfeatviz: a frame could not be drawn", error);
      }
      this.changed();
    };
    return (this.drawing = this.drawing.then(job));
  }

  /** The person moves the replay slider; one request is under way at a time. */
  seek(step) {
    this.replaying = step < this.table.length;
    this.wanted = step;
    if (this.asked === undefined) this.ask();
    this.changed();
  }

  ask() {
    this.asked = this.wanted;
    this.say("replay", { step: this.asked });
    clearTimeout(this.askTimer);
    this.askTimer = setTimeout(() => { this.asked = undefined; }, 3000);
  }

  replayed(content, buffers) {
    const again = this.wanted !== content.step;
    this.asked = undefined;
    if (buffers[0]) {
      const png = bytesOf(buffers[0])[0] === 0x89;
      this.draw(buffers[0], png ? "image/png" : "image/jpeg", Math.min(content.step, this.table.length));
    }
    if (again) this.ask();
  }

  /** Whoever embeds the panel can follow the pictures: `nbfeatviz-frame` bubbles from each view. */
  tell(detail) {
    this.views.forEach((view) => view.overlay.dispatchEvent(new CustomEvent("nbfeatviz-frame", { bubbles: true, detail })));
  }

  changed() {
    this.views.forEach((view) => view.refresh());
  }

  stepsPerSecond() {
    const [first, last] = [this.speed[0], this.speed.at(-1)];
    return first && last[0] > first[0] ? ((last[1] - first[1]) * 1000) / (last[0] - first[0]) : 0;
  }

  statusText() {
    if (this.disconnected) return "disconnected: run the cell again to go on; the last picture stays";
    const { state, text, steps, precision } = this.model.get("status");
    if (state !== "running") return text ?? "";
    const done = this.table.length ? this.table.at(-1)[0] + 1 : 0;
    const speed = this.stepsPerSecond();
    return `step ${done}/${steps}` + (speed ? ` · ${speed < 10 ? speed.toFixed(1) : Math.round(speed)} steps/s` : "") + (precision ? ` · ${precision}` : "");
  }

  addView(view) {
    this.views.add(view);
    clearTimeout(this.leaving);
    return () => {
      this.views.delete(view);
      if (!this.views.size) this.leaving = setTimeout(() => this.say("gone"), 2000);
    };
  }
}

/** One view of the live canvas: overlay, replay slider, curve, figures, status, error. */
class LiveView {
  constructor(page, el) {
    this.page = page;
    this.status = make("div", { role: "status", class: "nbfeatviz-status" });
    this.error = make("div", { role: "alert", class: "nbfeatviz-error", hidden: true });
    this.note = make("div", { role: "note", "aria-live": "polite", class: "nbfeatviz-note", hidden: true });
    this.box = make("div", { class: "nbfeatviz-box", hidden: true });
    this.empty = make("div", { class: "nbfeatviz-empty", text: "press Run and watch the picture emerge" });
    this.overlay = make("div", {
      class: "nbfeatviz-overlay", tabindex: "0", role: "img", "aria-label": "live canvas",
      on: { click: (event) => this.pick(event), keydown: (event) => this.move(event) },
    }, this.box, this.empty);
    this.replay = make("input", { type: "range", min: 0, max: 0, value: 0, "aria-label": "replay", disabled: true,
      on: { input: () => page.seek(Number(this.replay.value)) } });
    this.position = make("span", { class: "nbfeatviz-position" });
    this.curve = make("canvas", { class: "nbfeatviz-curve", role: "img", "aria-label": "loss curve" });
    this.loss = make("dd");
    this.gradient = make("dd");
    this.size = make("dd");
    this.prediction = make("dd");
    this.picture = make("dd", { class: "nbfeatviz-several" });
    this.unit = make("dd", { class: "nbfeatviz-several" });
    this.rises = new RisesChart();
    const fact = (name, place) => make("div", {}, make("dt", { text: name }), place);
    el.append(this.status, this.overlay,
      make("label", { class: "nbfeatviz-replay" }, make("span", { text: "replay" }), this.replay, this.position),
      make("div", { class: "nbfeatviz-figures" }, this.curve,
        make("dl", {}, fact("loss", this.loss), fact("gradient", this.gradient), fact("step size", this.size),
          fact("prediction", this.prediction), fact("picture", this.picture), fact("unit", this.unit)),
        this.rises.el),
      make("div", { class: "nbfeatviz-said" }, this.error, this.note));
    this.refresh = paced(100, () => this.show());
    this.statusAt = 0;
    this.resizing = new ResizeObserver(() => { this.drawCurve(); this.rises.draw(); });
    this.resizing.observe(this.curve);
    this.show();
  }

  show() {
    const { page } = this, { table } = page;
    const status = page.model.get("status"), overlay = page.model.get("overlay");
    this.showStatus();
    this.error.textContent = status.error ?? "";
    this.error.hidden = !status.error;
    const note = page.model.get("note") ?? "";
    this.note.hidden = !note;
    if (this.note.textContent !== note) this.note.textContent = note;
    this.overlay.dataset.step = page.shown;
    this.overlay.dataset.count = page.received;
    this.empty.hidden = !page.blank;
    this.showBox(overlay);
    this.fitPicture();
    const last = table.length;
    this.replay.disabled = !last || !page.replayable;
    this.replay.max = last;
    if (document.activeElement !== this.replay || !page.replaying) this.replay.value = page.replaying ? page.wanted : last;
    const place = page.replaying ? page.wanted : last;
    this.position.textContent = last ? `${place}/${last}` : "";
    this.replay.setAttribute("aria-valuetext", place < last ? `step ${place} of ${last}` : `latest of ${last}`);
    const row = table[Math.min(place, last - 1)];
    const prior = row && row[6] > 0;
    this.loss.textContent = row ? digits(row[1]) + (prior ? ` · ${digits(row[5])} with the prior` : "") : "–";
    this.loss.title = prior ? `the objective, and what is left of it less the penalties, at a distance of ${digits(row[6])} from what is natural` : "";
    this.gradient.textContent = row ? `${digits(row[2])} … ${digits(row[3])}` : "–";
    this.size.textContent = row ? digits(row[4]) : "–";
    const predicted = page.prediction;
    this.prediction.textContent = predicted ? `${predicted[1]} (#${predicted[0]}) ${predicted[3] === false ? digits(predicted[2]) : `${(predicted[2] * 100).toFixed(1)} %`}` : "–";
    const found = page.model.get("rises") ?? {}, named = found.selectivity == null ? "" : ` · selectivity ${found.selectivity.toFixed(1).replace("-", "−")}`;
    const { saturation, high_frequency: fine } = page.facts, share = (value) => `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;
    const usual = found.photographs ? ` (${(fine / found.photographs).toFixed(1)} × photographs)` : "";
    this.picture.textContent = saturation === undefined ? "–" : `${share(saturation)} saturated · ${share(fine)} fine detail${usual}`;
    this.picture.title = "of the latest picture: values within 1 % of black or white; spectral energy above 0.25 cycles a pixel";
    this.unit.textContent = found.percentile === undefined ? "–" : `percentile ${Math.round(found.percentile)}${named}`;
    this.unit.title = "percentile: how many parts of photographs activate the unit less; selectivity: its z-score among them minus the best other unit's";
    this.rises.show(found);
    this.drawCurve();
  }

  /** A screen reader speaks every change: at most one a second. */
  showStatus() {
    clearTimeout(this.statusTimer);
    const text = this.page.statusText();
    const running = ["running", "sheet", "remake"].includes(this.page.model.get("status").state) && !this.page.disconnected;
    if (text !== this.status.textContent) {
      const wait = this.statusAt + 1000 - performance.now();
      if (wait > 0) { this.statusTimer = setTimeout(() => this.showStatus(), wait); return; }
      this.status.textContent = text;
      this.statusAt = performance.now();
    }
    this.status.classList.toggle("nbfeatviz-busy", running);
  }

  /** The canvas beside this view: its shape, and out of the way of Tab and of screen readers. */
  fitPicture() {
    const grid = this.overlay.closest(".nbfeatviz-grid"), picture = grid?.querySelector(".nbfeatviz-picture");
    if (!picture) return;
    picture.setAttribute("tabindex", "-1"); // focused, it would trap Tab
    picture.setAttribute("aria-hidden", "true"); // the overlay speaks for it
    grid.classList.toggle("nbfeatviz-small", picture.width <= SMALL);
    grid.style.setProperty("--aspect", picture.width / picture.height);
  }

  showBox(overlay) {
    this.overlay.classList.toggle("nbfeatviz-picking", Boolean(overlay.pick));
    this.overlay.setAttribute("aria-label", overlay.pick
      ? `live canvas; neuron at row ${overlay.neuron[0]}, column ${overlay.neuron[1]}: click or use the arrow keys to move it`
      : "live canvas");
    this.box.hidden = !overlay.box;
    if (!overlay.box) return;
    const [top, left, bottom, right] = overlay.box, [height, width] = overlay.size;
    const percent = (part, whole) => `${(100 * part) / whole}%`;
    Object.assign(this.box.style, { top: percent(top, height), left: percent(left, width),
      height: percent(bottom - top, height), width: percent(right - left, width) });
  }

  pick(event) {
    if (!this.page.model.get("overlay").pick) return;
    const area = this.overlay.getBoundingClientRect();
    this.page.say("pick", { y: (event.clientY - area.top) / area.height, x: (event.clientX - area.left) / area.width });
  }

  move(event) {
    const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!moves || !this.page.model.get("overlay").pick) return;
    event.preventDefault();
    event.stopPropagation();
    this.page.say("move", { rows: moves[0], cols: moves[1] });
  }

  drawCurve() {
    const { curve } = this, scale = window.devicePixelRatio || 1;
    const width = curve.clientWidth, height = curve.clientHeight;
    if (!width || !height) return;
    if (curve.width !== Math.round(width * scale) || curve.height !== Math.round(height * scale))
      [curve.width, curve.height] = [Math.round(width * scale), Math.round(height * scale)];
    const context = curve.getContext("2d"), colours = getComputedStyle(curve);
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.clearRect(0, 0, width, height);
    const rows = this.page.table.filter(Boolean), count = rows.length;
    if (!count) return;
    let low = Infinity, high = -Infinity;
    for (const row of rows) { low = Math.min(low, row[1]); high = Math.max(high, row[1]); }
    if (high === low) { high += 1; low -= 1; }
    const x = (k) => 4 + ((width - 8) * k) / Math.max(1, count - 1);
    const y = (value) => height - 4 - ((height - 8) * (value - low)) / (high - low);
    context.strokeStyle = colours.borderTopColor;
    context.lineWidth = 1;
    if (low < 0 && high > 0) { context.beginPath(); context.moveTo(4, y(0)); context.lineTo(width - 4, y(0)); context.stroke(); }
    context.strokeStyle = colours.color;
    context.lineWidth = 1.5;
    context.beginPath();
    const stride = Math.max(1, Math.floor(count / (2 * width)));
    for (let k = 0; k < count; k += k + stride < count ? stride : Math.max(1, count - 1 - k)) {
      const fresh = k === 0 || rows[k][0] < rows[Math.max(0, k - stride)][0];
      fresh ? context.moveTo(x(k), y(rows[k][1])) : context.lineTo(x(k), y(rows[k][1]));
    }
    context.stroke();
    const place = Math.min(this.page.replaying ? this.page.wanted : count - 1, count - 1);
    context.fillStyle = colours.color;
    context.beginPath();
    context.arc(x(place), y(rows[place][1]), 3, 0, 2 * Math.PI);
    context.fill();
  }

  close() {
    clearTimeout(this.statusTimer);
    this.resizing.disconnect();
  }
}

function initialize({ model }) {
  const page = new LivePage(model);
  pages.set(model.get("key"), page);
  page.connect();
  return () => pages.delete(model.get("key"));
}

function render({ model, el }) {
  const page = pages.get(model.get("key"));
  const view = new LiveView(page, el);
  const leave = page.addView(view);
  return () => {
    view.close();
    leave();
  };
}

export default { initialize, render };
