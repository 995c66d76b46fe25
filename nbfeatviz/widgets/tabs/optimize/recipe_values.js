// Every value of the recipe in use, each in a field of its own.

import { make } from "../../comm/dom.js";
import { explain } from "../../comm/explanations.js";
import { button, buttonRow, committing, disable } from "../../comm/fields.js";

/** @typedef {import("../../comm/traits.js").RecipeRow} Row */

export class RecipeValues {
  /** @type {Map<string, HTMLInputElement>} by the path of the value */
  fields = new Map();
  ready = false;
  shape = "";
  title = make("span");
  groups = make("div", { class: "nbfeatviz-values" });

  /** @param {(content: { path?: string, value?: any }) => void} send a change, or {} for all as they were published */
  constructor(send) {
    this.send = send;
    this.back = button("Back to published", () => send({}));
    this.el = make(
      "div",
      { class: "nbfeatviz-recipe", role: "group", "aria-label": "values of the recipe" },
      buttonRow(this.title, this.back),
      this.groups,
    );
  }

  /**
   * @param {import("../../comm/traits.js").RecipeInUse | undefined} recipe
   * @param {number | null | undefined} stepSize where it is another than the recipe's
   * @param {boolean} force what is being written is given up
   */
  show(recipe, stepSize, force) {
    this.el.hidden = !recipe;
    if (!recipe) return;
    const changed = recipe.changed || (stepSize != null && stepSize !== recipe.step_size);
    this.title.textContent = recipe.name + (changed ? ", changed" : "");
    this.title.title = recipe.reference;
    this.back.hidden = !changed;
    const shape = JSON.stringify(recipe.values.map(({ path, kind, group }) => [path, kind, group]));
    if (this.shape !== shape) this.build(recipe.values);
    this.shape = shape;
    for (const row of recipe.values) this.put(row, recipe.changed, force);
    this.enable(this.ready);
  }

  /** @param {Row[]} rows */
  build(rows) {
    this.fields.clear();
    /** @type {{ name: string, el: HTMLElement }[]} */
    const groups = [];
    for (const row of rows) {
      if (groups.at(-1)?.name !== row.group) {
        const legend = make("legend", { text: row.group, tabindex: row.about ? "0" : null });
        explain(legend, row.about ?? "");
        groups.push({ name: row.group, el: make("fieldset", {}, legend) });
      }
      const field =
        row.kind === "fixed"
          ? make("span", { class: "nbfeatviz-total", text: row.name || "no values" })
          : this.field(row);
      groups.at(-1)?.el.append(field);
    }
    this.groups.replaceChildren(...groups.map(({ el }) => el));
  }

  /** @param {Row} row */
  field(row) {
    const { path } = row,
      label = `${row.group}, ${row.name}`;
    const box = () =>
      make("input", {
        type: "checkbox",
        "aria-label": label,
        on: { change: ({ target }) => this.send({ path, value: target.checked }) },
      });
    const number = () =>
      make("input", {
        type: "number",
        step: row.kind === "whole" ? 1 : "any",
        min: row.low,
        max: row.high,
        "aria-label": label,
        placeholder: row.optional ? "none" : null,
        on: committing((input) => this.commit(row, input)),
      });
    const input = row.kind === "check" ? box() : number();
    this.fields.set(path, input);
    return make("label", {}, make("span", { text: row.name }), input);
  }

  /**
   * @param {Row} row
   * @param {HTMLInputElement} input
   */
  commit(row, input) {
    const shown = input.dataset.shown ?? "";
    if (input.value === shown) return; // which may be rounded
    if (input.value === "" && !row.optional) {
      input.value = shown;
      return;
    }
    input.dataset.shown = input.value;
    this.send({ path: row.path, value: input.value === "" ? null : Number(input.value) });
  }

  /**
   * @param {Row} row
   * @param {boolean} changed whether any value is another than published
   * @param {boolean} force
   */
  put(row, changed, force) {
    const input = this.fields.get(row.path);
    if (!input) return;
    const other = changed && JSON.stringify(row.value) !== JSON.stringify(row.published ?? null);
    input.classList.toggle("nbfeatviz-changed", other);
    const published = other ? `Published: ${row.published ?? "none"}.` : "";
    const label = /** @type {HTMLElement} */ (input.parentElement);
    explain(label, [row.meaning, published].filter(Boolean).join(" "));
    if (row.kind === "check") {
      input.checked = row.value;
      return;
    }
    const written = input === document.activeElement && input.value !== input.dataset.shown;
    if (written && !force) return;
    input.value = input.dataset.shown = row.value == null ? "" : String(Number(row.value.toPrecision(5)));
  }

  /** @param {boolean} ready */
  enable(ready) {
    this.ready = ready;
    disable([this.back, ...this.fields.values()], !ready);
  }
}
