// The controls of the Optimize tab. What the person does goes to the kernel as commands; what is set comes back.

import { connectionOf, sender } from "../../comm/connection.js";
import { fill, make, uniqueId } from "../../comm/dom.js";
import { EchoedSettings } from "../../comm/echo.js";
import { committing, disable, numberField, pair, put, row, select, textField } from "../../comm/fields.js";
import { listen, peer } from "../../comm/kernel.js";
import { classOf } from "../../comm/numbers.js";
import { RunButtons } from "../../execution/run_buttons.js";
import { RecipeValues } from "./recipe_values.js";
import { Terms } from "./terms.js";

/** @typedef {import("../../comm/traits.js").OptimizeTraits} Traits */
/** @typedef {import("../../comm/traits.js").OptimizeFacts} Facts */
/** @typedef {Record<string, any>} Settings */

const TITLES = {
  natural:
    "How much the picture is held to what photographs look like to the network (its natural statistics); at 0 only the unit counts.",
  display:
    "Shows every picture as it is, or stretched so that its darkest value is black and its brightest white; nothing is computed again.",
  preActivation: "measure the unit before its ReLU, so that it cannot start dead",
  keep: "moving the slider in mid-run keeps the image and retargets it; off: start over",
};
/** @type {[string, string][]} */
const OBJECTIVES = [
  ["channel", "channel"],
  ["neuron", "neuron"],
  ["class", "class"],
];
/** @type {[string, string][]} */
const STARTS = [
  ["noise", "noise"],
  ["image", "the image shown"],
  ["photo", "my photo"],
];
/** @type {import("../../comm/dom.js").Entry[]} */
const PRECISIONS = [
  ["auto", "auto", "what was measured to be the faster on this machine"],
  ["float32", "float32"],
  ["bfloat16", "bfloat16", "half the bits: faster on some processors, good enough to climb by"],
];

/**
 * @param {string} name
 * @param {HTMLInputElement} box
 * @param {string} title
 */
const check = (name, box, title) =>
  make("label", { class: "nbfeatviz-check", title }, box, make("span", { text: name }));

/** One view of the controls. */
class OptimizeView {
  /** @type {(() => void)[]} */
  leaving = [];
  total = make("span", { class: "nbfeatviz-total" });
  unitName = make("span", { class: "nbfeatviz-unit-name" });
  naturalText = make("span", { class: "nbfeatviz-total" });
  kept = make("p", { class: "nbfeatviz-credit" });
  untrained = make("span", { class: "nbfeatviz-untrained", text: "untrained: random weights", hidden: true });
  names = make("datalist", { id: uniqueId() });

  /**
   * @param {import("../../comm/kernel.js").Model<Traits>} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    const send = sender(model);
    this.connection = connectionOf(model);
    this.settings = new EchoedSettings({
      known: () => model.get("settings"),
      send: (name, value) => send("set", { name, value }),
      changed: () => this.show(),
    });
    /** @type {import("../../comm/kernel.js").Send} */
    this.send = (...message) => {
      this.settings.flush();
      return send(...message);
    };
    const set = (/** @type {string} */ name) => (/** @type {any} */ value) => this.settings.set(name, value);
    const slide = (/** @type {string} */ name, /** @type {object} */ attributes) =>
      make("input", {
        type: "range",
        "aria-label": name,
        ...attributes,
        on: { input: ({ target }) => this.settings.set(name, Number(target.value)) },
      });
    const box = (/** @type {string} */ name) =>
      make("input", { type: "checkbox", on: { change: ({ target }) => this.settings.set(name, target.checked) } });

    this.network = select((name) => this.send("set", { name: "network", value: name }));
    this.objective = select(set("objective"), {}, OBJECTIVES);
    this.unit = slide("unit", { min: 0, max: 0, step: 1 });
    this.number = make("input", {
      type: "number",
      min: 0,
      step: 1,
      "aria-label": "unit number",
      on: committing(({ value }) => (value === "" ? this.show() : this.settings.set("unit", Number(value)))),
    });
    this.class = textField((input) => this.chooseClass(input.value.trim()), {
      list: this.names.id,
      placeholder: "search by name…",
      "aria-label": "class",
    });
    this.terms = new Terms(this.names.id, (name, value) => this.settings.set(name, value));
    this.recipe = select(set("recipe"));
    this.display = select(set("display"), { title: TITLES.display });
    this.natural = slide("natural", { min: 0, max: 1, step: 0.01, title: TITLES.natural });
    this.steps = numberField(set("steps"), { min: 1 });
    this.seed = numberField((value) => this.settings.set("seed", value ?? 0), { min: 0 });
    this.stepSize = numberField(set("step_size"), { min: 0, step: "any" });
    this.start = select(set("start"), {}, STARTS);
    this.precision = select(set("precision"), {}, PRECISIONS);
    this.preActivation = box("pre_activation");
    this.keep = box("keep");
    this.values = new RecipeValues((content) => this.send("recipe", content));
    this.buttons = new RunButtons(this.send);
    this.classRow = row("class", this.class, this.names);
    el.append(...this.#layout());
    this.listen();
  }

  #layout() {
    const advanced = make(
      "details",
      { class: "nbfeatviz-advanced" },
      make("summary", { text: "advanced" }),
      row("step size", this.stepSize),
      row("start", this.start),
      row("precision", this.precision),
      this.kept,
      check("before activation", this.preActivation, TITLES.preActivation),
      check("keep image", this.keep, TITLES.keep),
      this.values.el,
    );
    const settings = make(
      "div",
      { class: "nbfeatviz-settings" },
      row("objective", this.objective),
      row("unit", this.unit, this.number, this.total),
      this.classRow,
      this.unitName,
      this.terms.el,
      make("div", { class: "nbfeatviz-beside" }, row("recipe", this.recipe), row("display", this.display)),
      row("natural", this.natural, this.naturalText),
      pair(row("steps", this.steps), row("seed", this.seed)),
      advanced,
      ...this.buttons.saving,
    );
    const network = make("div", { class: "nbfeatviz-network" }, row("network", this.network), this.untrained);
    return [network, this.buttons.running, settings];
  }

  listen() {
    const { model } = this,
      show = () => this.show();
    this.leaving.push(
      listen(model, {
        "change:settings": show,
        "change:facts": show,
        "msg:custom": (content) => this.receive(content),
      }),
    );
    this.leaving.push(this.connection.onChange(() => this.enable()));
    peer(model, "live").then((live) => {
      const follow = () => {
        const status = live.get("status");
        this.buttons.state = status.state ?? "loading";
        this.kept.textContent = status.kept ?? "";
        this.show();
      };
      this.leaving.push(listen(live, { "change:status": follow }));
      follow();
    });
    this.show();
  }

  /** @param {{ kind: string, text: string }} content */
  receive({ kind, text }) {
    if (kind === "refused") {
      this.settings.clear();
      this.show(true);
    }
    if (kind === "code") this.buttons.code.show(text);
  }

  /** @returns {Facts} */
  get facts() {
    return this.model.get("facts");
  }

  /** @param {string} text */
  chooseClass(text) {
    if (text) this.settings.set("unit", classOf(this.facts.classes ?? [], text));
  }

  show(force = false) {
    const { facts } = this,
      settings = this.settings.all();
    fill(
      this.network,
      (facts.networks ?? []).map((name) => [name, name]),
    );
    this.network.value = facts.network ?? "";
    this.untrained.hidden = !facts.untrained;
    this.showObjective(settings, facts, force);
    this.terms.show(settings, facts, force);
    this.showRecipe(settings, facts, force);
    put(this.seed, settings.seed, force);
    put(this.natural, settings.natural, force);
    this.naturalText.textContent = (settings.natural ?? 0).toFixed(2);
    this.preActivation.checked = settings.pre_activation;
    this.keep.checked = settings.keep;
    this.start.value = settings.start;
    this.precision.value = settings.precision;
    this.enable();
  }

  /**
   * @param {Settings} settings
   * @param {Facts} facts
   * @param {boolean} force
   */
  showObjective({ objective, unit }, { units, positions, unit_names, classes = [] }, force) {
    this.objective.value = objective;
    const neuron = /** @type {HTMLOptionElement} */ (this.objective.querySelector("[value=neuron]"));
    neuron.disabled = !positions && objective !== "neuron";
    this.unit.max = this.number.max = String(Math.max(0, (units ?? 1) - 1));
    if (typeof unit === "number") for (const field of [this.unit, this.number]) put(field, unit, force);
    this.total.textContent = units ? `/${units}` : "";
    const byClass = objective === "class",
      unitNames = byClass ? classes : (unit_names ?? []);
    this.classRow.hidden = !byClass || !classes.length;
    this.unitName.textContent = unitNames[unit] ?? "";
    this.unitName.hidden = byClass || !unitNames.length;
    if (byClass) put(this.class, classes[unit] ?? unit, force);
    if (this.names.childElementCount !== classes.length)
      this.names.replaceChildren(...classes.map((name) => make("option", { value: name })));
  }

  /**
   * @param {Settings} settings
   * @param {Facts} facts
   * @param {boolean} force
   */
  showRecipe(settings, { recipes = [], recipe, displays = [] }, force) {
    const published = recipes.find(({ name }) => name === settings.recipe);
    const changed = recipe?.name === settings.recipe && recipe?.changed; // else another is chosen, and not yet known
    fill(
      this.recipe,
      recipes.map((one) => [one.name, one === published && changed ? `${one.name}, changed` : one.name, one.reference]),
    );
    this.recipe.value = settings.recipe;
    this.recipe.title = published?.reference ?? "";
    fill(
      this.display,
      displays.map((name) => [name, name]),
    );
    const own = this.settings.isPending("recipe") && !this.settings.isPending("display"); // a recipe brings its own display
    this.display.value = (own ? null : settings.display) ?? published?.display ?? "";
    put(this.steps, settings.steps, force);
    put(this.stepSize, settings.step_size, force);
    this.steps.placeholder = String(published?.steps ?? "");
    this.stepSize.placeholder = String(published?.step_size ?? "");
    this.values.show(recipe, settings.step_size, force);
  }

  enable() {
    const ready = Boolean(this.facts.ready) && this.connection.isLive;
    this.buttons.show(ready);
    this.network.disabled = !this.connection.isLive;
    this.values.enable(ready);
    this.terms.enable(ready);
    const { objective, unit, number, recipe, display, natural, steps, seed, stepSize, keep, start, precision } = this;
    disable(
      [objective, unit, number, this.class, recipe, display, natural, steps, seed, stepSize, keep, start, precision],
      !ready,
    );
    this.preActivation.disabled = !ready || objective.value === "class";
  }

  close() {
    for (const leave of this.leaving) leave();
  }
}

/** @type {import("@anywidget/types").Render<Traits>} */
function render({ model, el }) {
  const view = new OptimizeView(model, el);
  return () => view.close();
}

export default { render };
