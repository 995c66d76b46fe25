// Further weighted terms of the objective: added, aimed, weighed and removed, also in mid-run.

import { fill, make } from "../../comm/dom.js";
import { button, buttonRow, disable, put, select, textField } from "../../comm/fields.js";
import { classOf, digits } from "../../comm/numbers.js";
import { Weight } from "../../settings/weight.js";

/** @typedef {import("../../comm/traits.js").Term} Term */
/** @typedef {import("../../comm/traits.js").OptimizeFacts} Facts */
/** @typedef {Record<string, any>} Settings */

const RANGE = { min: -3, max: 3, step: 0.05 }; // of the slider; the number beside it may go further

/**
 * @param {number} number of the term
 * @param {(weight: number) => void} change
 */
const termWeight = (number, change) =>
  new Weight({ names: [`term ${number} weight`, `term ${number} weight number`], range: RANGE }, change);

/** @param {Weight} weight */
const weightField = ({ inputs }) =>
  make("div", { class: "nbfeatviz-field nbfeatviz-weight" }, make("span", { text: "weight" }), ...inputs);

/**
 * All terms in words, with their weights.
 * @param {Term[]} terms the first one first
 * @param {number} chosen the unit of terms that have none of their own
 * @param {string[]} classes
 */
export function formula(terms, chosen, classes) {
  const name = (/** @type {Term} */ { kind, unit }) => {
    const which = unit ?? chosen;
    if (kind === "others") return "other units";
    return kind === "class" ? (classes[Number(which)] ?? `class ${which}`) : `${kind} ${which}`;
  };
  return terms
    .map((term, k) => {
      const sign = term.weight < 0 ? "− " : k ? "+ " : "",
        size = Math.abs(term.weight);
      return `${sign}${size === 1 ? "" : `${digits(size)} · `}${name(term)}${term.layer ? ` of ${term.layer}` : ""}`;
    })
    .join(" ");
}

/** One further term's fields. */
class TermFields {
  /** @type {string[]} */
  classes = [];
  total = make("span", { class: "nbfeatviz-total" });

  /**
   * @param {number} number
   * @param {string[]} kinds
   * @param {string} classList id of the list of classes
   * @param {(changed: Partial<Term>) => void} change
   * @param {() => void} remove
   */
  constructor(number, kinds, classList, change, remove) {
    const named = (/** @type {string} */ what) => ({ "aria-label": `term ${number} ${what}` });
    const unitOf = (/** @type {string} */ text) => (text === "" ? null : Number(text));
    const classFrom = (/** @type {string} */ text) => (text === "" ? null : classOf(this.classes, text));
    this.kind = select(
      (kind) => change({ kind, ...this.unitFor(kind) }),
      named("kind"),
      kinds.map((kind) => [kind, kind]),
    );
    this.layer = select((layer) => change({ layer: layer || null }), named("layer"));
    this.unit = textField(
      commit((text) => change({ unit: unitOf(text) })),
      {
        type: "number",
        autocomplete: null,
        min: 0,
        step: 1,
        placeholder: "chosen",
        ...named("unit"),
        title: "empty: the chosen unit, whichever that is",
      },
    );
    this.class = textField(
      commit((text) => change({ unit: classFrom(text) })),
      {
        list: classList,
        placeholder: "search by name…",
        ...named("class"),
      },
    );
    this.remove = button("Remove", remove, { title: `remove term ${number}`, "aria-label": `Remove term ${number}` });
    this.weight = termWeight(number, (weight) => change({ weight }));
    const field = (/** @type {HTMLElement[]} */ ...inside) => make("div", { class: "nbfeatviz-field" }, ...inside);
    this.el = make(
      "fieldset",
      { class: "nbfeatviz-term" },
      make("legend", { text: `term ${number}` }),
      field(this.kind, this.layer),
      field(this.unit, this.class, this.total, this.remove),
      weightField(this.weight),
    );
  }

  /**
   * A unit of one kind of thing is not one of another.
   * @param {string} kind
   */
  unitFor(kind) {
    const was = this.kind.dataset.shown ?? "";
    if (kind === "others") return { unit: null };
    return kind === "class" || ["class", "others"].includes(was) ? { unit: 0 } : {};
  }

  /**
   * @param {Term} term
   * @param {{ units: number | null | undefined, classes: string[], layers: string[], force: boolean }} known
   */
  show(term, { units, classes, layers, force }) {
    this.classes = classes;
    fill(this.layer, [
      ["", "the chosen layer"],
      ...layers.map((path) => /** @type {[string, string]} */ ([path, path])),
    ]);
    const byClass = term.kind === "class";
    this.kind.value = this.kind.dataset.shown = term.kind;
    this.layer.value = term.layer ?? "";
    this.layer.hidden = this.unit.hidden = byClass;
    this.class.hidden = !byClass;
    this.unit.max = String(Math.max(0, (units ?? 1) - 1));
    this.total.textContent = units ? `/${units}` : "";
    const input = byClass ? this.class : this.unit;
    const value = byClass && term.unit != null ? (classes[Number(term.unit)] ?? term.unit) : term.unit;
    put(input, value, force);
    input.dataset.shown = String(value ?? "");
    this.weight.show(term.weight, force);
  }

  /** @param {boolean} off */
  disable(off) {
    disable([this.kind, this.layer, this.unit, this.class, this.remove], off);
    this.weight.disable(off);
  }
}

/**
 * Acts on what is written in a field, unless that is what is shown already.
 * @param {(text: string) => void} act
 */
const commit = (act) => (/** @type {HTMLInputElement} */ input) => {
  const text = input.value.trim();
  if (text !== input.dataset.shown) act(text);
};

/** All further terms, and the weight of the first where there are any. */
export class Terms {
  /** @type {TermFields[]} */
  rows = [];
  /** @type {Term[]} */
  terms = [];
  /** @type {Settings} */
  settings = {};
  /** @type {Facts} */
  facts = {};
  ready = false;
  list = make("div", { class: "nbfeatviz-termlist" });
  formula = make("div", { class: "nbfeatviz-formula" });

  /**
   * @param {string} classList id of the list of classes
   * @param {(name: string, value: any) => void} set a setting
   */
  constructor(classList, set) {
    this.classList = classList;
    this.set = set;
    this.first = termWeight(1, (weight) => set("weight", weight));
    this.lead = make(
      "fieldset",
      { class: "nbfeatviz-term" },
      make("legend", { text: "term 1, above" }),
      weightField(this.first),
    );
    this.add = button("Add term", () => this.append(this.another()), {
      title: "a second or third thing to be maximized, with a weight",
    });
    this.hold = button("Hold others down", () => this.append({ kind: "others", layer: null, unit: null, weight: -1 }), {
      title: "subtract what the other units of the layer do",
    });
    this.el = make(
      "div",
      { class: "nbfeatviz-terms", role: "group", "aria-label": "terms of the objective" },
      this.lead,
      this.list,
      this.formula,
      buttonRow(this.add, this.hold),
    );
  }

  /** @returns {Term} */
  another() {
    const { objective, unit } = this.settings,
      kind = objective === "class" ? "class" : "channel";
    return { kind, layer: null, unit: (unit + 1) % Math.max(1, this.facts.units ?? 1), weight: 0.5 };
  }

  /** @param {Term} term */
  append(term) {
    this.change([...this.terms, term]);
    this.rows.at(-1)?.kind.focus();
  }

  /** @param {Term[]} terms */
  change(terms) {
    this.set(
      "terms",
      terms.map(({ kind, layer, unit, weight }) => ({ kind, layer, unit, weight })),
    );
  }

  /**
   * @param {Settings} settings
   * @param {Facts} facts
   * @param {boolean} force what is being written is given up
   */
  show(settings, facts, force) {
    this.settings = settings;
    this.facts = facts;
    this.terms = settings.terms ?? [];
    const { terms, rows } = this,
      { classes = [], layers = [], term_units = [] } = facts,
      weight = settings.weight ?? 1;
    for (const { el } of rows.splice(terms.length)) el.remove();
    while (rows.length < terms.length) this.list.append(this.make(rows.length).el);
    for (const [place, row] of rows.entries())
      row.show(terms[place], { units: term_units[place], classes, layers, force });
    this.first.show(weight, force);
    this.lead.hidden = this.formula.hidden = !terms.length;
    const all = [{ kind: settings.objective, layer: null, unit: settings.unit, weight }, ...terms];
    this.formula.textContent = terms.length ? `maximized: ${formula(all, settings.unit, classes)}` : "";
    this.enable(this.ready);
  }

  /** @param {number} place */
  make(place) {
    const change = (/** @type {Partial<Term>} */ changed) =>
      this.change(this.terms.map((term, k) => (k === place ? { ...term, ...changed } : term)));
    const remove = () => {
      this.change(this.terms.filter((_, k) => k !== place));
      this.add.focus();
    };
    const row = new TermFields(place + 2, this.facts.kinds ?? [], this.classList, change, remove);
    this.rows.push(row);
    return row;
  }

  /** @param {boolean} ready */
  enable(ready) {
    this.ready = ready;
    this.first.disable(!ready);
    for (const row of this.rows) row.disable(!ready);
    const full = this.terms.length >= (this.facts.most_terms ?? 0);
    disable([this.add, this.hold], !ready || full);
  }
}
