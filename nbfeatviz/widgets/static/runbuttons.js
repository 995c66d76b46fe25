// The buttons of a run: begin and hold it, save what it has made, and copy the lines that make it again.

class RunButtons {
  constructor(say) {
    this.state = "loading";
    this.ready = false;
    const button = (text, act, title, primary) => pressed(text, act, { title, class: primary ? "nbfeatviz-primary" : null });
    this.run = button("Run", () => { this.assume("starting"); say("run"); }, "start from the settings above", true);
    this.pause = button("Pause", () => say(this.state === "paused" ? "resume" : "pause"), "hold the run, or go on");
    this.step = button("Step", () => say("step"), "do one step");
    this.stop = button("Stop", () => say("stop"), "end the run; its image stays");
    this.reset = button("Reset", () => say("reset"), "clear the canvas; the settings stay");
    this.format = make("select", { "aria-label": "format" }, ...options([["png", "PNG"], ["gif", "GIF of the run"], ["webp", "WebP of the run"]]));
    this.save = button("Save", () => say("save", { format: this.format.value }), "save the picture, or the run as an animation");
    this.copy = button("Copy as Python", () => say("code"), "the lines that make this image again");
    this.code = make("textarea", { class: "nbfeatviz-code", readonly: true, rows: 6, hidden: true, "aria-label": "Python code", spellcheck: "false" });
    this.rows = [
      make("div", { class: "nbfeatviz-buttons" }, this.run, this.pause, this.step, this.stop, this.reset),
      make("div", { class: "nbfeatviz-buttons" }, this.save, this.format, this.copy), this.code,
    ];
  }

  /** Until the kernel says otherwise: a second click must not be taken for another run. */
  assume(state) {
    this.state = state;
    this.show(this.ready);
  }

  show(ready) {
    this.ready = ready;
    const { state } = this, active = ["running", "paused", "compiling", "starting"].includes(state);
    this.run.disabled = !ready || active || state === "loading";
    this.pause.disabled = !ready || !active || state === "starting";
    this.pause.textContent = state === "paused" ? "Resume" : "Pause";
    this.step.disabled = !ready || state === "running" || state === "compiling" || state === "starting" || state === "loading";
    this.stop.disabled = !ready || !active;
    this.reset.disabled = this.save.disabled = this.copy.disabled = !ready;
  }

  async showCode(text) {
    const { code, copy } = this;
    code.hidden = false;
    code.value = text;
    code.rows = Math.min(12, text.split("\n").length + 1);
    try { await navigator.clipboard.writeText(text); copy.textContent = "Copied"; }
    catch { code.focus(); code.select(); copy.textContent = "Select and copy"; }
    setTimeout(() => (copy.textContent = "Copy as Python"), 2000);
  }
}

const pressed = (text, act, attributes) => make("button", { type: "button", text, ...attributes, on: { click: act } });
