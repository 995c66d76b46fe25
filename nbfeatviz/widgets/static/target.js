// What is asked of the network: its predictions, and the class, unit or difference that the maps explain.

const TARGETS = [["predicted", "the predicted class"], ["class", "a class"], ["difference", "a class rather than another"],
  ["unit", "a unit of a layer"]];
const VALUES = [["predicted", "the largest output"], ["class", "an output"], ["difference", "an output rather than another"],
  ["unit", "a unit of a layer"]]; // of a network whose outputs are values as they are

class TargetBox {
  constructor(page) {
    this.page = page;
    const id = `nbfeatviz-${Math.random().toString(36).slice(2)}`;
    this.rows = make("div", { class: "nbfeatviz-predictions", role: "group", "aria-label": "predictions" });
    this.kind = chooser((kind) => this.choose({ kind, ...this.defaults(kind) }));
    this.names = make("datalist", { id });
    const search = (name, label) => make("input", {
      type: "text", list: id, placeholder: "search by name…", autocomplete: "off", "aria-label": label,
      on: committing((event) => this.named(name, event.target.value.trim())) });
    this.first = search("class", "target class");
    this.second = search("against", "rather than");
    this.unit = make("input", { type: "number", min: 0, step: 1, "aria-label": "target unit", on: committing(() => {
      if (this.unit.value !== "") this.choose({ unit: Number(this.unit.value), layer: this.target.layer || page.facts.layer });
    }) });
    this.layer = make("span", { class: "nbfeatviz-total" });
    this.follow = pressable("use the chosen layer", () => this.choose({ layer: page.facts.layer, unit: 0 }));
    this.firstRow = row("class", this.first);
    this.secondRow = row("rather than", this.second);
    this.unitRow = row("unit", this.unit, this.layer);
    this.asked = make("div", { class: "nbfeatviz-asked" });
    this.el = make("div", { class: "nbfeatviz-target" },
      this.rows, this.asked, row("target", this.kind), this.firstRow, this.secondRow, this.unitRow, this.follow, this.names);
  }

  get target() {
    return this.page.target;
  }

  choose(changes) {
    const target = { ...this.target, ...changes }, { plainTarget } = this.page;
    for (const name of ["class", "against"]) // words that no class has are not said again
      if (typeof target[name] === "string" && !(name in changes)) target[name] = plainTarget[name];
    if (JSON.stringify(target) === JSON.stringify(this.target)) return;
    this.page.wish("target", target, "target", { target });
  }

  named(name, text) {
    if (!text) return;
    this.choose({ [name]: classOf(this.page.classes, text) });
  }

  /** A kind of target starts from what is predicted. */
  defaults(kind) {
    const { predictions, facts } = this.page, [first, second] = predictions.map(([index]) => index);
    if (kind === "class" && this.target.kind === "predicted") return { class: first ?? 0 };
    if (kind === "difference") {
      const one = this.target.kind === "class" ? this.target.class : first ?? 0;
      return { class: one, against: (one === first ? second : first) ?? 0 };
    }
    if (kind === "unit") return { layer: facts.layer };
    return {};
  }

  show() {
    const { page, target } = this, { facts } = page, off = page.lost || !facts.ready;
    const classify = page.classes.length > 0 || page.predictions.length > 0;
    fill(this.kind, (facts.probabilities === false ? VALUES : TARGETS).filter(([kind]) => kind === "unit" || classify));
    this.kind.value = target.kind;
    this.firstRow.hidden = !["class", "difference"].includes(target.kind);
    this.secondRow.hidden = target.kind !== "difference";
    this.unitRow.hidden = target.kind !== "unit";
    this.follow.hidden = target.kind !== "unit" || !facts.layer || target.layer === facts.layer;
    this.follow.title = `instead of ${target.layer}: ${facts.layer}`;
    put(this.first, page.classes[target.class] ?? target.class);
    put(this.second, page.classes[target.against] ?? target.against);
    put(this.unit, target.unit);
    this.layer.textContent = `of ${target.layer}`;
    this.layer.title = target.layer;
    this.asked.textContent = page.question;
    this.showNames();
    this.showPredictions();
    for (const input of [this.kind, this.first, this.second, this.unit, this.follow]) input.disabled = off;
    for (const button of this.rows.children) button.disabled = off;
  }

  showNames() {
    const { classes } = this.page;
    if (this.listed === classes) return;
    this.listed = classes;
    this.names.replaceChildren(...classes.map((name) => make("option", { value: name })));
  }

  showPredictions() {
    const { predictions, facts } = this.page, { target } = this, share = facts.probabilities !== false;
    const current = target.kind === "predicted" ? predictions[0]?.[0] : target.class;
    const text = JSON.stringify([share, predictions]);
    this.rows.hidden = !predictions.length;
    if (this.predicted !== text) {
      const held = [...this.rows.children].indexOf(document.activeElement);
      this.predicted = text;
      this.rows.replaceChildren(...predictions.map(([index, name, probability]) => {
        const bar = make("span", { class: "nbfeatviz-share", "aria-hidden": "true" });
        bar.style.width = percent(share ? probability : 0);
        return make("button", { type: "button", "data-class": index, title: `explain “${name}” (${index})`,
          on: { click: () => this.choose({ kind: "class", class: index }) } },
          bar, make("span", { class: "nbfeatviz-name", text: name }),
          make("span", { class: "nbfeatviz-figure", text: share ? `${(100 * probability).toFixed(1)} %` : digits(probability) }));
      }));
      this.rows.children[held]?.focus();
    }
    for (const button of this.rows.children)
      button.setAttribute("aria-pressed", String(target.kind !== "unit" && Number(button.dataset.class) === current));
  }
}
