// The buttons of a run: begin and hold it, save what it has made, and copy the lines that make it again.

import { make } from "../comm/dom.js";
import { button, buttonRow, disable, select } from "../comm/fields.js";
import { sayAsked } from "../comm/panel_events.js";
import { CodeBox } from "./code_box.js";

/** @type {[string, string][]} */
const FORMATS = [
  ["png", "PNG"],
  ["gif", "GIF of the run"],
  ["webp", "WebP of the run"],
];

export class RunButtons {
  /** @param {import("../comm/kernel.js").Send} send */
  constructor(send) {
    this.state = "loading";
    this.ready = false;
    const begin = () => {
      if (this.run.hasAttribute("aria-disabled")) return;
      this.assume("starting");
      ask("run", "starting …");
    };
    this.run = button("Run", begin, { title: "start from the settings above", class: "nbfeatviz-primary" });
    const ask = (/** @type {string} */ kind, /** @type {string} */ text) => {
      sayAsked(this.run, text);
      send(kind);
    };
    const hold = () => (this.state === "paused" ? ask("resume", "going on …") : ask("pause", "pausing …"));
    this.pause = button("Pause", hold, {
      title: "hold the run, or go on",
    });
    this.step = button("Step", () => ask("step", "one step …"), { title: "do one step" });
    this.stop = button("Stop", () => ask("stop", "stopping …"), { title: "end the run; its image stays" });
    this.reset = button("Reset", () => send("reset"), { title: "clear the canvas; the settings stay" });
    this.format = select(() => {}, { "aria-label": "format" }, FORMATS);
    this.save = button("Save", () => send("save", { format: this.format.value }), {
      title: "save the picture, or the run as an animation",
    });
    this.code = new CodeBox(() => send("code"));
    this.run.addEventListener("blur", () => this.show(this.ready));
    this.running = make(
      "div",
      { class: "nbfeatviz-run" },
      buttonRow(this.run, this.pause, this.step, this.stop, this.reset),
    );
    this.saving = [buttonRow(this.save, this.format, this.code.copy), this.code.code];
  }

  /**
   * Until the kernel says otherwise: a second click must not be taken for another run.
   * @param {string} state
   */
  assume(state) {
    this.state = state;
    this.show(this.ready);
  }

  /**
   * A disabled button loses the focus: while Run has it, it only says that it is, and does nothing.
   * @param {boolean} off
   */
  #disableRun(off) {
    const { run } = this,
      held = off && document.activeElement === run;
    run.disabled = off && !held;
    if (held) run.setAttribute("aria-disabled", "true");
    else run.removeAttribute("aria-disabled");
  }

  /** @param {boolean} ready */
  show(ready) {
    this.ready = ready;
    const { state } = this,
      active = ["running", "paused", "compiling", "starting"].includes(state);
    this.#disableRun(!ready || active || state === "loading");
    this.pause.disabled = !ready || !active || state === "starting";
    this.pause.textContent = state === "paused" ? "Resume" : "Pause";
    this.step.disabled = !ready || ["running", "compiling", "starting", "loading"].includes(state);
    this.stop.disabled = !ready || !active;
    disable([this.reset, this.save, this.code.copy], !ready);
  }
}
