// What a sheet is to show: the fields of the Features tab.

import { fill, make } from "../../comm/dom.js";
import { numberField, pair, put, row, select, textField } from "../../comm/fields.js";

/** @typedef {import("../../comm/traits.js").FeaturesTraits["facts"]} Facts */
/** @typedef {import("../../comm/traits.js").OptimizeFacts} OptimizeFacts */
/** @typedef {import("../../comm/echo.js").EchoedSettings} EchoedSettings */

const OBJECTIVES = ["channel", "neuron", "class"];
const MOST_KNOWN = 9; // how many pictures there are before the kernel has said

/** @param {any} list of numbers, or the words that were written */
const listed = (list) => (Array.isArray(list) ? list.join(", ") : (list ?? ""));

export class SheetFields {
  total = make("span", { class: "nbfeatviz-total" });

  /**
   * @param {EchoedSettings} settings of the tab
   * @param {EchoedSettings} panelSettings those that the Optimize tab has too
   */
  constructor(settings, panelSettings) {
    this.settings = settings;
    this.panelSettings = panelSettings;
    const set = (/** @type {string} */ name) => (/** @type {any} */ value) => this.settings.set(name, value);
    const written = (/** @type {HTMLInputElement} */ { value, dataset }, /** @type {(text: string) => void} */ act) => {
      if (value.trim() !== dataset.shown) act(value.trim());
    };
    // the Optimize tab has fields of these names too, and both are on the page
    const panel = (/** @type {string} */ name, /** @type {number | null} */ none) =>
      numberField((value) => this.panelSettings.set(name, value ?? none), {
        min: 0,
        "aria-label": `${name} of the sheet`,
      });
    this.what = select(set("what"));
    this.first = numberField(
      (value) => (value === null ? put(this.first, settings.get("first"), true) : this.settings.set("first", value)),
      {
        min: 0,
        "aria-label": "first unit",
      },
    );
    this.count = select((value) => this.settings.set("count", Number(value)), { "aria-label": "count" });
    this.units = textField((input) => written(input, (text) => this.settings.set("units", text || null)), {
      placeholder: "such as 3, 8, 12-15",
    });
    this.unit = panel("unit", 0);
    this.objective = select((value) => this.panelSettings.set("objective", value), {
      "aria-label": "objective of the sheet",
    });
    this.place = { row: panel("row", null), col: panel("col", null) };
    this.look = select(set("look"));
    this.recipe = select((value) => this.panelSettings.set("recipe", value), { "aria-label": "recipe of the sheet" });
    this.steps = panel("steps", null);
    this.seed = panel("seed", 0);
    this.boxes = this.#boxes("recipes");
    this.others = this.#boxes("objectives");
    this.counts = textField((input) => written(input, set("step_counts")), {
      placeholder: "such as 16, 64, 256",
      "aria-label": "step counts",
    });
    this.size = numberField(set("show_size"), {
      min: 1,
      placeholder: "all",
      "aria-label": "show size",
      title: "only so many rows and columns of each picture, from the upper left corner",
    });
    this.stepsRow = row("steps", this.steps);
    this.rows = {
      first: row("from", this.first, this.total),
      count: row("count", this.count),
      units: row("or these", this.units),
      unit: row("unit", this.unit),
      objective: row("objective", this.objective),
      place: pair(row("row", this.place.row), row("col", this.place.col)),
      recipe: row("recipe", this.recipe),
      recipes: this.boxes,
      objectives: this.others,
      counts: row("steps", this.counts),
      pair: pair(this.stepsRow, row("seed", this.seed)),
      look: row("contrast", this.look),
      size: row("show", this.size, make("span", { class: "nbfeatviz-total", text: "pixels" })),
    };
    this.el = [row("sheet of", this.what), ...Object.values(this.rows)];
  }

  /**
   * Boxes to be ticked; the name of the setting is their legend too.
   * @param {string} name
   */
  #boxes(name) {
    return make("fieldset", { class: "nbfeatviz-methods", "data-name": name }, make("legend", { text: name }));
  }

  /**
   * @param {Facts} facts
   * @param {OptimizeFacts} known of the Optimize tab
   * @param {boolean} force what is being written is given up
   */
  show(facts, known, force) {
    const what = this.settings.get("what") ?? "units",
      own = (/** @type {string} */ name) => this.settings.get(name),
      count = own("count") ?? MOST_KNOWN;
    fill(this.what, facts.what ?? []);
    fill(this.look, facts.looks ?? []);
    this.what.value = own("what") ?? "";
    this.look.value = own("look") ?? "";
    const counts = [...new Set([...(facts.counts ?? []), count])].sort((a, b) => a - b);
    fill(
      this.count,
      counts.map((one) => [one, one]),
    );
    this.count.value = count;
    put(this.first, own("first"), force);
    this.first.max = String(Math.max(0, (facts.units ?? 1) - 1));
    this.total.textContent = facts.units ? `/${facts.units}` : "";
    for (const [input, list] of /** @type {[HTMLInputElement, any][]} */ ([
      [this.units, own("units")],
      [this.counts, own("step_counts")],
    ]))
      if (force || input !== document.activeElement) input.value = input.dataset.shown = listed(list);
    put(this.size, own("show_size"), force);
    this.showPanelSettings(known, what, force);
    this.showBoxes(
      this.boxes,
      (facts.recipes ?? []).map((name) => [name, name]),
    );
    this.showBoxes(this.others, facts.objectives ?? []);
    this.showRows(what, Boolean(own("units")?.length));
  }

  /**
   * @param {import("../../comm/traits.js").OptimizeFacts} known
   * @param {string} what
   * @param {boolean} force
   */
  showPanelSettings({ recipes = [], recipe, positions }, what, force) {
    const get = (/** @type {string} */ name) => this.panelSettings.get(name),
      objective = get("objective");
    fill(
      this.objective,
      OBJECTIVES.map((name) => [name, name]),
    );
    this.objective.value = objective ?? "";
    for (const one of this.objective.options)
      one.disabled = one.value === "neuron" && !positions && objective !== one.value;
    this.rows.place.hidden = objective !== "neuron";
    for (const [name, field] of Object.entries(this.place)) {
      put(field, get(name), force);
      field.placeholder = "mid";
    }
    fill(
      this.recipe,
      recipes.map(({ name }) => [name, recipe?.changed && name === recipe.name ? `${name}, changed` : name]),
    );
    this.recipe.value = get("recipe") ?? "";
    put(this.unit, get("unit"), force);
    put(this.steps, get("steps"), force);
    put(this.seed, get("seed"), force);
    this.steps.placeholder = what === "recipes" ? "own" : String(recipe?.steps ?? "");
  }

  /**
   * Only what says something of this kind of sheet is there.
   * @param {string} what
   * @param {boolean} chosen whether units are listed one by one
   */
  showRows(what, chosen) {
    const { rows } = this,
      units = what === "units";
    rows.units.hidden = !units;
    rows.first.hidden = !units || chosen;
    rows.unit.hidden = units;
    rows.count.hidden = !["units", "seeds"].includes(what) || (units && chosen);
    rows.objective.hidden = what === "objectives";
    rows.recipe.hidden = what === "recipes";
    rows.recipes.hidden = what !== "recipes";
    rows.objectives.hidden = what !== "objectives";
    rows.counts.hidden = what !== "steps";
    this.stepsRow.hidden = what === "steps";
  }

  /**
   * @param {HTMLFieldSetElement} boxes
   * @param {[value: string, text: string][]} entries
   */
  showBoxes(boxes, entries) {
    const name = boxes.dataset.name ?? "",
      chosen = this.settings.get(name) ?? [];
    const box = (/** @type {string} */ value) =>
      make("input", { type: "checkbox", value, on: { change: () => this.choose(boxes) } });
    if (boxes.childElementCount !== entries.length + 1)
      boxes.replaceChildren(
        make("legend", { text: name }),
        ...entries.map(([value, text]) => make("label", {}, box(value), make("span", { text }))),
      );
    for (const input of boxes.querySelectorAll("input")) input.checked = chosen.includes(input.value);
  }

  /** @param {HTMLFieldSetElement} boxes */
  choose(boxes) {
    const chosen = [...boxes.querySelectorAll("input")].filter((input) => input.checked);
    this.settings.set(
      boxes.dataset.name ?? "",
      chosen.map((input) => input.value),
    );
  }
}
