// Further weighted terms of the objective: added, aimed, weighed and removed, also in mid-run.

const WEIGHTS = { min: -3, max: 3, step: 0.05 }; // of the slider; the number beside it may go further

/** One further term's fields. `change` is called with what is different, `remove` with nothing. */
class TermFields {
  constructor(number, kinds, classList, change, remove) {
    const named = (what) => ({ "aria-label": `term ${number} ${what}` });
    this.kind = make("select", { ...named("kind"), on: { change: () => change({ kind: this.kind.value, ...this.unitOf(this.kind.value) }) } },
      ...options(kinds.map((kind) => [kind, kind])));
    this.layer = make("select", { ...named("layer"), on: { change: () => change({ layer: this.layer.value || null }) } });
    this.unit = make("input", { type: "number", min: 0, step: 1, placeholder: "chosen", ...named("unit"), title: "empty: the chosen unit, whichever that is",
      on: committing(() => this.commit(this.unit, (text) => change({ unit: text === "" ? null : Number(text) }))) });
    this.class = make("input", { type: "text", list: classList, autocomplete: "off", placeholder: "search by name…", ...named("class"),
      on: committing(() => this.commit(this.class, (text) => change({ unit: text === "" ? null : classOf(this.classes, text) }))) });
    this.total = make("span", { class: "nbfeatviz-total" });
    this.remove = make("button", { type: "button", text: "Remove", title: `remove term ${number}`, "aria-label": `Remove term ${number}`, on: { click: remove } });
    this.weight = new Weight(number, (weight) => change({ weight }));
    const field = (...inside) => make("div", { class: "nbfeatviz-field" }, ...inside);
    this.el = make("fieldset", { class: "nbfeatviz-term" }, make("legend", { text: `term ${number}` }),
      field(this.kind, this.layer), field(this.unit, this.class, this.total, this.remove), this.weight.el);
  }

  /** A unit of one kind of thing is not one of another. */
  unitOf(kind) {
    const was = this.kind.dataset.shown;
    if (kind === "others") return { unit: null };
    return kind === "class" || was === "class" || was === "others" ? { unit: 0 } : {};
  }

  commit(input, act) {
    if (input.value.trim() !== input.dataset.shown) act(input.value.trim());
  }

  show(term, { units, classes, layers, put }) {
    this.classes = classes;
    fill(this.layer, [["", "the chosen layer"], ...layers.map((path) => [path, path])]);
    const byClass = term.kind === "class";
    this.kind.value = this.kind.dataset.shown = term.kind;
    this.layer.value = term.layer ?? "";
    this.layer.hidden = byClass;
    this.unit.hidden = byClass;
    this.class.hidden = !byClass;
    this.unit.max = Math.max(0, (units ?? 1) - 1);
    this.total.textContent = units ? `/${units}` : "";
    const fields = byClass ? [[this.class, term.unit == null ? "" : classes[term.unit] ?? term.unit]] : [[this.unit, term.unit]];
    for (const [input, value] of fields) { put(input, value); input.dataset.shown = String(value ?? ""); }
    this.weight.show(term.weight, put);
  }

  get inputs() { return [this.kind, this.layer, this.unit, this.class, this.remove, ...this.weight.inputs]; }
}

/** A weight: a slider, and a number that may go further. */
class Weight {
  constructor(number, change) {
    const name = `term ${number} weight`;
    this.slider = make("input", { type: "range", ...WEIGHTS, "aria-label": name, on: { input: () => change(Number(this.slider.value)) } });
    this.number = make("input", { type: "number", step: "any", "aria-label": `${name} number`,
      on: committing(() => { if (this.number.value !== "") change(Number(this.number.value)); }) });
    this.el = make("div", { class: "nbfeatviz-field nbfeatviz-weight" }, make("span", { text: "weight" }), this.slider, this.number);
  }

  show(weight, put) {
    if (this.slider !== document.activeElement || Number(this.slider.value) !== weight) this.slider.value = weight;
    put(this.number, weight);
  }

  get inputs() { return [this.slider, this.number]; }
}

/** All further terms, and the weight of the first where there are any. `set` is called with a setting's name and value. */
class Terms {
  constructor(classList, set) {
    Object.assign(this, { classList, set, rows: [], terms: [] });
    this.first = new Weight(1, (weight) => set("weight", weight));
    this.lead = make("fieldset", { class: "nbfeatviz-term" }, make("legend", { text: "term 1, above" }), this.first.el);
    this.list = make("div", { class: "nbfeatviz-termlist" });
    this.formula = make("div", { class: "nbfeatviz-formula" });
    this.add = make("button", { type: "button", text: "Add term", title: "a second or third thing to be maximized, with a weight", on: { click: () => this.append(this.another()) } });
    this.hold = make("button", { type: "button", text: "Hold others down", title: "subtract what the other units of the layer do",
      on: { click: () => this.append({ kind: "others", layer: null, unit: null, weight: -1 }) } });
    this.el = make("div", { class: "nbfeatviz-terms", role: "group", "aria-label": "terms of the objective" }, this.lead, this.list, this.formula,
      make("div", { class: "nbfeatviz-buttons" }, this.add, this.hold));
  }

  another() {
    const { objective, unit } = this.settings, kind = objective === "class" ? "class" : "channel";
    return { kind, layer: null, unit: (unit + 1) % Math.max(1, this.facts.units ?? 1), weight: 0.5 };
  }

  append(term) {
    this.change([...this.terms, term]);
    this.rows.at(-1)?.kind.focus();
  }

  change(terms) { this.set("terms", terms.map(({ kind, layer, unit, weight }) => ({ kind, layer, unit, weight }))); }

  show(settings, facts, put) {
    Object.assign(this, { settings, facts, terms: settings.terms ?? [] });
    while (this.rows.length > this.terms.length) this.rows.pop().el.remove();
    while (this.rows.length < this.terms.length) this.list.append(this.make(this.rows.length).el);
    this.rows.forEach((row, place) => row.show(this.terms[place],
      { units: facts.term_units?.[place], classes: facts.classes ?? [], layers: facts.layers ?? [], put }));
    this.first.show(settings.weight ?? 1, put);
    this.lead.hidden = this.formula.hidden = !this.terms.length;
    this.formula.textContent = this.terms.length ? `maximized: ${this.inWords()}` : "";
    this.enable(this.ready);
  }

  make(place) {
    const other = (changed) => this.change(this.terms.map((term, k) => (k === place ? { ...term, ...changed } : term)));
    const row = new TermFields(place + 2, this.facts.kinds ?? [], this.classList, other, () => {
      this.change(this.terms.filter((_, k) => k !== place));
      this.add.focus();
    });
    this.rows.push(row);
    return row;
  }

  inWords() {
    const { objective, unit, weight = 1 } = this.settings, classes = this.facts.classes ?? [];
    const name = (kind, which) => (kind === "others" ? "other units" : kind === "class" ? classes[which] ?? `class ${which}` : `${kind} ${which}`);
    const all = [{ kind: objective, unit, weight }, ...this.terms];
    return all.map((term, k) => {
      const sign = term.weight < 0 ? "− " : k ? "+ " : "", factor = Math.abs(term.weight) === 1 ? "" : `${digits(Math.abs(term.weight))} · `;
      return sign + factor + name(term.kind, term.unit ?? unit) + (term.layer ? ` of ${term.layer}` : "");
    }).join(" ");
  }

  enable(ready) {
    this.ready = ready;
    const full = this.terms.length >= (this.facts?.most_terms ?? 0);
    for (const input of [...this.first.inputs, ...this.rows.flatMap((row) => row.inputs)]) input.disabled = !ready;
    this.add.disabled = this.hold.disabled = !ready || full;
  }
}
