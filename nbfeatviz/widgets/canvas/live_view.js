// One view of the live canvas: overlay, replay slider, curve, figures, status, error.

import { arrowOf, isCoarse, make, placeBox, positionIn, say, showNote, take } from "../comm/dom.js";
import { showExplanations } from "../comm/explanations.js";
import { percent } from "../comm/numbers.js";
import { ASKED_EVENT, TAB_EVENT } from "../comm/panel_events.js";
import { throttle } from "../comm/throttle.js";
import { Figures } from "./figures.js";
import { drawLossCurve } from "./loss_curve.js";
import { UnitChart } from "./unit_chart.js";

const COUNTS = /(^|: )step \d/; // of a status that will be another one in a moment
const SPEAK_MS = 1000; // a screen reader speaks every change of the status
const BUSY = ["compiling", "running", "sheet", "remake"]; // states of a kernel that computes

export class LiveView {
  chart = new UnitChart();
  figures = new Figures();
  status = make("div", { role: "status", class: "nbfeatviz-status" });
  error = make("div", { role: "alert", class: "nbfeatviz-error", hidden: true });
  note = make("div", { role: "note", "aria-live": "polite", class: "nbfeatviz-note", hidden: true });
  stored = make("img", { class: "nbfeatviz-stored", draggable: "false", hidden: true });
  box = make("div", { class: "nbfeatviz-box", hidden: true });
  neuron = make("div", { class: "nbfeatviz-neuron", "aria-hidden": "true", hidden: true });
  empty = make("div", { class: "nbfeatviz-empty", text: "press Run and watch the picture emerge" });
  position = make("span", { class: "nbfeatviz-position" });
  subject = make("div", { class: "nbfeatviz-subject" });
  curve = make("canvas", { class: "nbfeatviz-curve", role: "img", "aria-label": "loss curve" });
  /** @type {HTMLElement | undefined} the panel's grid */
  grid;
  leaving = new AbortController();
  statusAt = 0;
  statusOf = ""; // what the status line was about
  asked = { text: "", state: "", said: "" }; // what the person has asked for, and what the kernel said then
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  statusTimer;

  /**
   * @param {import("./live_page.js").LivePage} page
   * @param {HTMLElement} el
   */
  constructor(page, el) {
    this.page = page;
    this.overlay = make(
      "div",
      {
        class: "nbfeatviz-overlay",
        tabindex: "0",
        role: "img",
        "aria-label": "live canvas",
        on: { click: (event) => this.pick(event), keydown: (event) => this.move(event) },
      },
      this.stored,
      this.box,
      this.neuron,
      this.empty,
    );
    this.replay = make("input", {
      type: "range",
      min: 0,
      max: 0,
      value: 0,
      "aria-label": "replay",
      disabled: true,
      on: { input: () => page.seek(Number(this.replay.value)) },
    });
    el.append(
      this.status,
      this.overlay,
      make(
        "div",
        { class: "nbfeatviz-under" },
        this.subject,
        make("label", { class: "nbfeatviz-replay" }, make("span", { text: "replay" }), this.replay, this.position),
      ),
      make(
        "div",
        { class: "nbfeatviz-figures" },
        this.curve,
        this.figures.first,
        this.figures.sentence,
        make("details", {}, make("summary", { text: "details" }), this.figures.more, this.chart.el),
      ),
      make("div", { class: "nbfeatviz-said" }, this.error, this.note),
    );
    this.refresh = throttle(100, () => this.show(), { leading: false });
    this.resizing = new ResizeObserver(() => {
      this.attach();
      this.drawCurve();
      this.chart.draw();
    });
    this.resizing.observe(this.curve);
    this.show();
  }

  show() {
    const { page } = this,
      { model, table } = page;
    this.showStatus();
    const { error } = model.get("status");
    this.error.textContent = error ?? "";
    this.error.hidden = !error;
    showNote(this.note, model.get("note"));
    this.overlay.dataset.run = String(page.run);
    this.overlay.dataset.step = String(page.shown);
    this.overlay.dataset.count = String(table.received);
    this.empty.hidden = !page.blank || Boolean(page.storedUrl);
    this.showStored();
    this.showBox(model.get("overlay"));
    this.fitPicture();
    this.showReplay(table.length, page.place);
    const subject = page.subjectOf(page.shown);
    if (page.storedUrl) this.showSubject("");
    else this.showSubject(subject?.[1] ?? "");
    if (page.storedUrl) say(this.subject, model.get("stored_words"));
    const rises = model.get("rises") ?? {},
      found = rises.of === subject?.[2] ? rises : {}; // nothing is said of another layer
    this.figures.show(table.at(page.place), page.prediction, page.facts, found);
    this.figures.mark(page.place < table.length);
    this.chart.show(found);
    this.chart.mark(page.place < table.length);
    this.drawCurve();
  }

  /** A stored picture lies over the canvas, which keeps its own. */
  showStored() {
    const { storedUrl, model } = this.page;
    this.stored.hidden = !storedUrl;
    if (storedUrl && this.stored.getAttribute("src") !== storedUrl) this.stored.src = storedUrl;
    this.stored.alt = storedUrl ? model.get("stored_words") : "";
  }

  /**
   * Says what the picture is of, and whether something else is chosen by now.
   * @param {string} words "" where there is no picture
   */
  showSubject(words) {
    const { page } = this,
      chosen = page.model.get("selection"),
      row = page.table.at(page.shown);
    say(this.subject, words && row ? `${words} · step ${row.index + 1}` : words);
    const past = Boolean(chosen && row && words !== chosen);
    this.subject.classList.toggle("nbfeatviz-past", past);
    this.subject.title = past ? `what is chosen now: ${chosen}` : "";
  }

  /**
   * @param {number} last the place after the last step
   * @param {number} place that is looked at
   */
  showReplay(last, place) {
    const { replay, page } = this;
    replay.disabled = !last || !page.replayable || !page.connection.isLive;
    replay.max = String(last);
    if (document.activeElement !== replay || !page.replaying) replay.value = String(place);
    const step = Math.min(place + 1, last); // as the caption and the status count
    this.position.textContent = last ? `${step}/${last}` : "";
    replay.setAttribute("aria-valuetext", place < last ? `step ${step} of ${last}` : `latest of ${last}`);
  }

  /** What the panel around this view says, once that is on the page: the open tab, and what is asked for. */
  attach() {
    const grid = /** @type {HTMLElement | null} */ (this.overlay.closest(".nbfeatviz-grid"));
    if (!grid || grid === this.grid || grid.classList.contains("nbfeatviz-remake")) return; // those show no status
    this.grid = grid;
    const { signal } = this.leaving;
    showExplanations(grid.parentElement ?? grid, signal);
    grid.addEventListener(TAB_EVENT, () => this.showStatus(), { signal });
    const ask = (/** @type {Event} */ event) => {
      const { text } = /** @type {CustomEvent} */ (event).detail;
      const { state, text: said = "" } = this.page.model.get("status");
      this.asked = { text, state, said };
      this.showStatus();
    };
    grid.addEventListener(ASKED_EVENT, ask, { signal });
    this.showStatus();
  }

  /** What was asked for, until the kernel answers. */
  get answer() {
    const { state, text = "", error } = this.page.model.get("status"),
      { asked } = this,
      goesOn = text === asked.said || (COUNTS.test(text) && COUNTS.test(asked.said));
    if (asked.text && (state !== asked.state || !goesOn || error || !this.page.connection.isLive))
      this.asked = { text: "", state: "", said: "" };
    return this.asked.text;
  }

  /** A screen reader speaks every change: the count of steps once a second, anything else at once. */
  showStatus() {
    clearTimeout(this.statusTimer);
    const { page } = this,
      { tab = "optimize", doing } = this.grid?.dataset ?? {},
      asked = this.answer,
      text = asked || page.statusIn(tab, doing),
      of = `${tab} ${page.model.get("status").state} ${page.connection.state} ${asked}`;
    if (text !== this.status.textContent) {
      const wait = of === this.statusOf ? this.statusAt + SPEAK_MS - performance.now() : 0;
      if (wait > 0) {
        this.statusTimer = setTimeout(() => this.showStatus(), wait);
        return;
      }
      this.status.textContent = text;
      this.statusAt = performance.now();
      this.statusOf = of;
    }
    const computes = BUSY.includes(page.model.get("status").state) || Boolean(doing);
    this.status.classList.toggle("nbfeatviz-busy", computes && page.connection.isLive);
  }

  /** The canvas beside this view: its shape, and out of the way of Tab and of screen readers. */
  fitPicture() {
    const grid = /** @type {HTMLElement | null} */ (this.overlay.closest(".nbfeatviz-grid"));
    const picture = /** @type {HTMLCanvasElement | null | undefined} */ (grid?.querySelector(".nbfeatviz-picture"));
    if (!grid || !picture) return;
    picture.setAttribute("tabindex", "-1"); // focused, it would trap Tab
    picture.setAttribute("aria-hidden", "true"); // the overlay speaks for it
    grid.classList.toggle("nbfeatviz-small", isCoarse([picture.height, picture.width]));
    grid.style.setProperty("--aspect", String(picture.width / picture.height));
  }

  /** @param {import("../comm/traits.js").OverlayTrait} overlay */
  showBox({ pick, neuron, box, size }) {
    const label = neuron
      ? `live canvas; neuron at row ${neuron[0]}, column ${neuron[1]}: click or use the arrow keys to move it`
      : "live canvas";
    this.overlay.classList.toggle("nbfeatviz-picking", Boolean(pick));
    this.overlay.setAttribute("aria-label", pick ? label : "live canvas");
    this.box.hidden = !box;
    this.neuron.hidden = !box || !neuron;
    if (!box || !size) return;
    const [height, width] = size,
      [top, left, bottom, right] = box;
    placeBox(this.box, [top / height, left / width, bottom / height, right / width]);
    if (!neuron) return;
    Object.assign(this.neuron.style, {
      top: percent((top + bottom) / 2 / height),
      left: percent((left + right) / 2 / width),
    });
    this.neuron.dataset.place = `row ${neuron[0]}, column ${neuron[1]}`;
  }

  /** @param {MouseEvent} event */
  pick(event) {
    if (!this.page.model.get("overlay").pick) return;
    const [y, x] = positionIn(event, this.overlay);
    this.page.send("pick", { y, x });
  }

  /** @param {KeyboardEvent} event */
  move(event) {
    const moves = arrowOf(event);
    if (!moves || !this.page.model.get("overlay").pick) return;
    take(event);
    this.page.send("move", { rows: moves[0], cols: moves[1] });
  }

  drawCurve() {
    const rows = this.page.table.rows.filter((row) => row !== undefined);
    drawLossCurve(this.curve, rows, this.page.place);
  }

  /**
   * Whoever embeds the panel can follow the pictures: `nbfeatviz-frame` bubbles from each view.
   * @param {object} detail
   */
  announce(detail) {
    this.overlay.dispatchEvent(new CustomEvent("nbfeatviz-frame", { bubbles: true, detail }));
  }

  close() {
    clearTimeout(this.statusTimer);
    this.leaving.abort();
    this.resizing.disconnect();
  }
}
