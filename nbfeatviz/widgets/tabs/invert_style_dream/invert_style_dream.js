// The controls of the Invert, Style and Dream tabs: what is made from the photo, and how.

import { connectionOf, sender } from "../../comm/connection.js";
import { fill, make } from "../../comm/dom.js";
import { EchoedSettings } from "../../comm/echo.js";
import { disable, numberField, pair, put, row, select } from "../../comm/fields.js";
import { listen, peer } from "../../comm/kernel.js";
import { RunButtons } from "../../execution/run_buttons.js";
import { PhotoBox } from "../../photo_input/photo_box.js";
import { Weight } from "../../settings/weight.js";
import { StyleLayers, StylePhoto } from "./style_inputs.js";

/** @typedef {import("../../comm/traits.js").InvertStyleDreamTraits} Traits */

const LEADS = {
  invert: "the photo again, from what one layer keeps of it",
  style: "the photo, in the style of another one",
  dream: "the photo, with more of what one layer sees in it",
};
const NAMES = { invert: "Invert", style: "Style", dream: "Dream" };
const EXPONENTS = { min: -2, max: 4, step: 0.05 }; // of the weights' sliders
/** @type {[string, string][]} */
const STARTS = [
  ["noise", "noise"],
  ["photo", "the photo"],
  ["image", "the image shown"],
];

/** What the Style tab has beyond the others: a photo, weights and layers. */
class StyleFields {
  /**
   * @param {import("../../comm/kernel.js").Model<Traits>} model
   * @param {import("../../comm/kernel.js").Send} send
   * @param {EchoedSettings} settings
   * @param {() => void} changed
   */
  constructor(model, send, settings, changed) {
    this.settings = settings;
    this.page = new StylePhoto(model, send, changed);
    this.photo = new PhotoBox(this.page, { of: "style ", lead: "Drop the photo here whose style is to be taken" });
    this.photo.el.classList.add("nbfeatviz-stylephoto");
    this.leave = this.photo.accept(this.photo.el, () => {});
    this.layers = new StyleLayers((layers) => settings.set("style_layers", layers));
    this.statistic = select((value) => settings.set("statistic", value));
    const weight = (/** @type {string} */ name) =>
      new Weight(
        { names: [`${name} weight`, `${name} weight, exactly`], range: EXPONENTS, logarithmic: true, least: 0 },
        (value) => settings.set(`${name}_weight`, value),
      );
    this.content = weight("content");
    this.style = weight("style");
    this.rows = [
      row("content", this.content.slider, this.content.number),
      row("style", this.style.slider, this.style.number),
    ];
  }

  /**
   * @param {Traits["facts"]} facts
   * @param {boolean} off
   * @param {boolean} force
   */
  show(facts, off, force) {
    const { settings } = this,
      own = settings.get("style_layers");
    fill(this.statistic, facts.statistics ?? []);
    this.statistic.value = settings.get("statistic") ?? "";
    this.statistic.disabled = off;
    for (const [weight, name] of /** @type {[Weight, string][]} */ ([
      [this.content, "content_weight"],
      [this.style, "style_weight"],
    ])) {
      weight.show(settings.get(name) ?? 0, force);
      weight.disable(off);
    }
    this.layers.show(own ?? facts.style_layers ?? [], facts.layers ?? [], Boolean(own), off);
    this.photo.show();
    this.photo.el.dataset.photo = this.page.hasPhoto ? "there" : "none";
  }
}

/** One view of a tab's controls. */
class InvertStyleDreamView {
  /** @type {(() => void)[]} */
  leaving = [];
  /** @type {(() => void) | undefined} */
  follow;
  layer = make("output", { class: "nbfeatviz-layer", title: "choose another in the layer tree" });

  /**
   * @param {import("../../comm/kernel.js").Model<Traits>} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    this.connection = connectionOf(model);
    const kind = model.get("kind"),
      send = sender(model),
      changed = () => this.show();
    /** @type {import("../../comm/kernel.js").Send} */
    this.send = async (...message) => {
      this.settings.flush();
      await send(...message);
    };
    this.settings = new EchoedSettings({
      known: () => model.get("settings"),
      send: (name, value) => send("set", { name, value }),
      changed,
      wait: 60,
    });
    this.buttons = new RunButtons(this.send);
    const number = (/** @type {string} */ name, /** @type {number | null} */ none, /** @type {object} */ attributes) =>
      numberField((value) => this.settings.set(name, value ?? none), attributes);
    const set = (/** @type {string} */ name) => (/** @type {string} */ value) => this.settings.set(name, value);
    this.start = select(set("start"), {}, STARTS);
    this.recipe = select(set("recipe"));
    this.steps = number("steps", null, { min: 1, title: kind === "dream" ? "in each octave" : null });
    this.seed = number("seed", 0, { min: 0 });
    this.stepSize = number("step_size", null, { min: 0, step: "any" });
    this.octaves = number("octaves", 4, { min: 1, title: "how many sizes, from coarse to fine" });
    this.scale = number("scale", 1.4, { min: 1, step: 0.1, title: "from one size to the next" });
    this.style = kind === "style" ? new StyleFields(model, this.send, this.settings, changed) : null;
    const lead = make("div", { class: "nbfeatviz-lead", text: LEADS[kind] });
    el.append(
      this.buttons.running,
      make(
        "div",
        { class: "nbfeatviz-settings", role: "group", "aria-label": NAMES[kind] },
        lead,
        ...this.#layout(kind),
      ),
    );
    this.listen();
  }

  /** @param {Traits["kind"]} kind */
  #layout(kind) {
    const { style } = this,
      stepsAndSeed = pair(row("steps", this.steps), row("seed", this.seed)),
      recipe = row("recipe", this.recipe);
    const rare = style ? [style.layers.el, row("by", style.statistic), recipe, stepsAndSeed] : [];
    const usual = style ? [] : [recipe, stepsAndSeed];
    const photo = style ? [style.photo.el, ...style.rows] : [];
    const form =
      kind === "dream" ? pair(row("octaves", this.octaves), row("scale", this.scale)) : row("start from", this.start);
    const summary = make("summary", { text: "advanced" });
    const advanced = make(
      "details",
      { class: "nbfeatviz-advanced" },
      summary,
      ...rare,
      row("step size", this.stepSize),
    );
    return [
      ...photo,
      row(style ? "content layer" : "layer", this.layer),
      form,
      ...usual,
      advanced,
      ...this.buttons.saving,
    ];
  }

  listen() {
    const { model } = this,
      show = () => this.show();
    this.leaving.push(
      listen(model, {
        "change:settings": show,
        "change:facts": show,
        "change:photo": show,
        "change:preview": () => this.style?.page.decode(),
        "msg:custom": (content) => this.receive(content),
      }),
    );
    this.leaving.push(this.connection.onChange(show));
    peer(model, "live").then((live) => {
      const follow = () => {
        this.buttons.state = live.get("status").state ?? "loading";
        this.show();
      };
      this.follow = follow;
      this.leaving.push(listen(live, { "change:status": follow }));
      follow();
    });
    this.show();
  }

  /** @param {{ kind: string, text: string }} content */
  receive({ kind, text }) {
    if (kind === "code") this.buttons.code.show(text);
    if (kind !== "refused") return;
    this.settings.clear();
    this.style?.page.echo.clear();
    this.follow?.(); // what was asked for has not begun
    this.show(true);
  }

  show(force = false) {
    const facts = this.model.get("facts") ?? {},
      off = !facts.ready || !this.connection.isLive,
      get = (/** @type {string} */ name) => this.settings.get(name);
    const recipes = facts.recipes ?? [],
      [, , reference = "", steps, stepSize] = recipes.find(([name]) => name === get("recipe")) ?? [];
    this.layer.textContent = facts.layer || "–";
    fill(
      this.recipe,
      recipes.map(([name, title, reference]) => [name, title, reference]),
    );
    this.recipe.value = get("recipe") ?? "";
    this.recipe.title = reference;
    this.start.value = get("start") ?? "noise";
    this.steps.placeholder = steps ? `${steps}${this.model.get("kind") === "dream" ? " an octave" : ""}` : "";
    this.stepSize.placeholder = String(stepSize ?? "");
    const numbers = {
      steps: this.steps,
      seed: this.seed,
      step_size: this.stepSize,
      octaves: this.octaves,
      scale: this.scale,
    };
    for (const [name, input] of Object.entries(numbers)) put(input, get(name), force);
    disable([this.start, this.recipe, ...Object.values(numbers)], off);
    this.buttons.show(!off);
    this.style?.show(facts, off, force);
  }

  close() {
    this.style?.leave();
    for (const leave of this.leaving) leave();
  }
}

/** @type {import("@anywidget/types").Render<Traits>} */
function render({ model, el }) {
  const view = new InvertStyleDreamView(model, el);
  return () => view.close();
}

export default { render };
