// Every value of the recipe in use, each in a field of its own.

class RecipeValues {
  /** `say` is called with {path, value} for a change, and with {} for all as they were published. */
  constructor(say) {
    this.say = say;
    this.fields = new Map(); // by path
    this.title = make("span");
    this.back = make("button", { type: "button", text: "Back to published", on: { click: () => say({}) } });
    this.groups = make("div", { class: "nbfeatviz-values" });
    this.el = make("div", { class: "nbfeatviz-recipe", role: "group", "aria-label": "values of the recipe" },
      make("div", { class: "nbfeatviz-buttons" }, this.title, this.back), this.groups);
  }

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

  build(rows) {
    this.fields.clear();
    const groups = [];
    for (const row of rows) {
      if (groups.at(-1)?.name !== row.group) groups.push({ name: row.group, el: make("fieldset", {}, make("legend", { text: row.group })) });
      groups.at(-1).el.append(row.kind === "fixed" ? make("span", { class: "nbfeatviz-total", text: row.name || "no values" }) : this.field(row));
    }
    this.groups.replaceChildren(...groups.map(({ el }) => el));
  }

  field(row) {
    const check = row.kind === "check", label = `${row.group}, ${row.name}`;
    const input = check
      ? make("input", { type: "checkbox", "aria-label": label, on: { change: () => this.say({ path: row.path, value: input.checked }) } })
      : make("input", { type: "number", step: row.kind === "whole" ? 1 : "any", min: row.low, max: row.high, "aria-label": label,
        placeholder: row.optional ? "none" : null, on: committing(() => this.commit(row, input)) });
    this.fields.set(row.path, input);
    return make("label", {}, make("span", { text: row.name }), input);
  }

  commit(row, input) {
    if (input.value === input.dataset.shown) return; // which may be rounded
    if (input.value === "" && !row.optional) { input.value = input.dataset.shown; return; }
    input.dataset.shown = input.value;
    this.say({ path: row.path, value: input.value === "" ? null : Number(input.value) });
  }

  put(row, changed, force) {
    const input = this.fields.get(row.path);
    if (!input) return;
    const other = changed && JSON.stringify(row.value) !== JSON.stringify(row.published ?? null);
    input.classList.toggle("nbfeatviz-changed", other);
    input.title = other ? `published: ${row.published ?? "none"}` : row.kind === "number" ? String(row.value ?? "") : "";
    if (row.kind === "check") { input.checked = row.value; return; }
    const text = row.value == null ? "" : String(Number(row.value.toPrecision(5)));
    if (!force && (input === document.activeElement && input.value !== input.dataset.shown)) return; // it is being written in
    input.value = input.dataset.shown = text;
  }

  enable(ready) {
    this.ready = ready;
    for (const input of [this.back, ...this.fields.values()]) input.disabled = !ready;
  }
}
