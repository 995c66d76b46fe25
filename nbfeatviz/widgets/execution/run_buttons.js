// The buttons of a run: begin and hold it, save what it has made, and copy the lines that make it again.

import { make } from "../comm/dom.js";
import { button, buttonRow, disable, select } from "../comm/fields.js";

/** @type {[string, string][]} */
const FORMATS = [
  ["png", "PNG"],
  ["gif", "GIF of the run"],
  ["webp", "WebP of the run"],
];
const COPY = "Copy as Python";

export class RunButtons {
  /** @param {import("../comm/kernel.js").Send} send */
  constructor(send) {
    this.state = "loading";
    this.ready = false;
    const begin = () => {
      this.assume("starting");
      send("run");
    };
    this.run = button("Run", begin, { title: "start from the settings above", class: "nbfeatviz-primary" });
    this.pause = button("Pause", () => send(this.state === "paused" ? "resume" : "pause"), {
      title: "hold the run, or go on",
    });
    this.step = button("Step", () => send("step"), { title: "do one step" });
    this.stop = button("Stop", () => send("stop"), { title: "end the run; its image stays" });
    this.reset = button("Reset", () => send("reset"), { title: "clear the canvas; the settings stay" });
    this.format = select(() => {}, { "aria-label": "format" }, FORMATS);
    this.save = button("Save", () => send("save", { format: this.format.value }), {
      title: "save the picture, or the run as an animation",
    });
    this.copy = button(COPY, () => send("code"), { title: "the lines that make this image again" });
    this.code = make("textarea", {
      class: "nbfeatviz-code",
      readonly: true,
      rows: 6,
      hidden: true,
      "aria-label": "Python code",
      spellcheck: "false",
    });
    this.rows = [
      buttonRow(this.run, this.pause, this.step, this.stop, this.reset),
      buttonRow(this.save, this.format, this.copy),
      this.code,
    ];
  }

  /**
   * Until the kernel says otherwise: a second click must not be taken for another run.
   * @param {string} state
   */
  assume(state) {
    this.state = state;
    this.show(this.ready);
  }

  /** @param {boolean} ready */
  show(ready) {
    this.ready = ready;
    const { state } = this,
      active = ["running", "paused", "compiling", "starting"].includes(state);
    this.run.disabled = !ready || active || state === "loading";
    this.pause.disabled = !ready || !active || state === "starting";
    this.pause.textContent = state === "paused" ? "Resume" : "Pause";
    this.step.disabled = !ready || ["running", "compiling", "starting", "loading"].includes(state);
    this.stop.disabled = !ready || !active;
    disable([this.reset, this.save, this.copy], !ready);
  }

  /** @param {string} text */
  async showCode(text) {
    const { code, copy } = this;
    code.hidden = false;
    code.value = text;
    code.rows = Math.min(12, text.split("\n").length + 1);
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      code.focus();
      code.select();
      copy.textContent = "Select and copy";
    }
    setTimeout(() => (copy.textContent = COPY), 2000);
  }
}
