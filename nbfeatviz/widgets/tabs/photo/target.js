// What is asked of the network: its predictions, and the class, unit or difference that the maps explain.

import { fill, make, uniqueId } from "../../comm/dom.js";
import { button, disable, put, row, select, textField } from "../../comm/fields.js";
import { classOf, digits, percent } from "../../comm/numbers.js";

/** @typedef {import("../../comm/traits.js").Target} Target */

/** @type {[string, string][]} */
const TARGETS = [
  ["predicted", "the predicted class"],
  ["class", "a class"],
  ["difference", "a class rather than another"],
  ["unit", "a unit of a layer"],
];
/** @type {[string, string][]} of a network whose outputs are values as they are */
const VALUES = [
  ["predicted", "the largest output"],
  ["class", "an output"],
  ["difference", "an output rather than another"],
  ["unit", "a unit of a layer"],
];

export class TargetBox {
  /** @type {string[]} */
  listed = [];
  predicted = "";
  rows = make("div", { class: "nbfeatviz-predictions", role: "group", "aria-label": "predictions" });
  names = make("datalist", { id: uniqueId() });
  layer = make("span", { class: "nbfeatviz-total" });
  asked = make("div", { class: "nbfeatviz-asked" });

  /** @param {import("./photo_page.js").PhotoPage} page */
  constructor(page) {
    this.page = page;
    this.kind = select((kind) => this.choose({ kind, ...this.defaults(kind) }));
    const search = (/** @type {"class" | "against"} */ name, /** @type {string} */ label) => {
      const attributes = { list: this.names.id, placeholder: "search by name…", "aria-label": label };
      return textField((input) => this.named(name, input.value.trim()), attributes);
    };
    this.first = search("class", "target class");
    this.second = search("against", "rather than");
    this.unit = textField((input) => this.chooseUnit(input.value), {
      type: "number",
      autocomplete: null,
      min: 0,
      step: 1,
      "aria-label": "target unit",
    });
    this.follow = button("use the chosen layer", () => this.choose({ layer: page.facts.layer ?? "", unit: 0 }));
    this.firstRow = row("class", this.first);
    this.secondRow = row("rather than", this.second);
    this.unitRow = row("unit", this.unit, this.layer);
    this.el = make(
      "div",
      { class: "nbfeatviz-target" },
      this.rows,
      this.asked,
      row("target", this.kind),
      this.firstRow,
      this.secondRow,
      this.unitRow,
      this.follow,
      this.names,
    );
  }

  /** @param {Partial<Target>} changes */
  choose(changes) {
    const { target: before, plainTarget } = this.page,
      target = { ...before, ...changes };
    for (const name of /** @type {const} */ (["class", "against"])) // words that no class has are not said again
      if (typeof target[name] === "string" && !(name in changes)) target[name] = plainTarget[name];
    if (JSON.stringify(target) !== JSON.stringify(before)) this.page.wish("target", target, "target", { target });
  }

  /**
   * @param {"class" | "against"} name
   * @param {string} text
   */
  named(name, text) {
    if (text) this.choose({ [name]: classOf(this.page.classes, text) });
  }

  /** @param {string} text */
  chooseUnit(text) {
    if (text !== "") this.choose({ unit: Number(text), layer: this.page.target.layer || this.page.facts.layer });
  }

  /**
   * A kind of target starts from what is predicted.
   * @param {string} kind
   * @returns {Partial<Target>}
   */
  defaults(kind) {
    const { predictions, facts, target } = this.page,
      [first = 0, second = 0] = predictions.map(([index]) => index);
    if (kind === "class" && target.kind === "predicted") return { class: first };
    if (kind === "difference") {
      const one = target.kind === "class" ? target.class : first;
      return { class: one, against: one === first ? second : first };
    }
    return kind === "unit" ? { layer: facts.layer } : {};
  }

  show() {
    const { page } = this,
      { facts, target, classes } = page;
    const kinds = facts.probabilities === false ? VALUES : TARGETS,
      classify = classes.length > 0 || page.predictions.length > 0;
    fill(
      this.kind,
      kinds.filter(([kind]) => kind === "unit" || classify),
    );
    this.kind.value = target.kind;
    this.firstRow.hidden = !["class", "difference"].includes(target.kind);
    this.secondRow.hidden = target.kind !== "difference";
    this.unitRow.hidden = target.kind !== "unit";
    this.follow.hidden = target.kind !== "unit" || !facts.layer || target.layer === facts.layer;
    this.follow.title = `instead of ${target.layer}: ${facts.layer}`;
    put(this.first, classes[Number(target.class)] ?? target.class);
    put(this.second, classes[Number(target.against)] ?? target.against);
    put(this.unit, target.unit);
    this.layer.textContent = `of ${target.layer}`;
    this.layer.title = target.layer;
    this.asked.textContent = page.question;
    this.showNames();
    this.showPredictions();
    const buttons = this.rows.querySelectorAll("button");
    disable([this.kind, this.first, this.second, this.unit, this.follow, ...buttons], page.lost || !facts.ready);
  }

  showNames() {
    const { classes } = this.page;
    if (this.listed === classes) return;
    this.listed = classes;
    this.names.replaceChildren(...classes.map((name) => make("option", { value: name })));
  }

  showPredictions() {
    const { predictions, facts, target } = this.page,
      probable = facts.probabilities !== false;
    const text = JSON.stringify([probable, predictions]);
    this.rows.hidden = !predictions.length;
    if (this.predicted !== text) {
      const held = [...this.rows.children].indexOf(/** @type {Element} */ (document.activeElement));
      this.predicted = text;
      this.rows.replaceChildren(...predictions.map((prediction) => this.#prediction(prediction, probable)));
      /** @type {HTMLElement | undefined} */ (this.rows.children[held])?.focus();
    }
    const current = target.kind === "predicted" ? predictions[0]?.[0] : target.class;
    for (const button of this.rows.querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(target.kind !== "unit" && Number(button.dataset.class) === current));
  }

  /**
   * @param {[index: number, name: string, value: number]} prediction
   * @param {boolean} probable whether the value is a probability
   */
  #prediction([index, name, value], probable) {
    const bar = make("span", { class: "nbfeatviz-share", "aria-hidden": "true" });
    bar.style.width = percent(probable ? value : 0);
    return make(
      "button",
      {
        type: "button",
        "data-class": index,
        title: `explain “${name}” (${index})`,
        on: { click: () => this.choose({ kind: "class", class: index }) },
      },
      bar,
      make("span", { class: "nbfeatviz-name", text: name }),
      make("span", { class: "nbfeatviz-figure", text: probable ? `${(100 * value).toFixed(1)} %` : digits(value) }),
    );
  }
}
