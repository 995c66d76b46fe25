// The Features tab: what a sheet is to show, and the sheet.

/** One view of the tab. */
class FeaturesView {
  constructor(model, el) {
    this.model = model;
    const say = speaker(model);
    this.say = async (...words) => { if (!this.lost) await say(...words); };
    this.wishes = new Wishes(() => this.show());
    this.drawing = Promise.resolve();
    this.losses = [];
    this.sheet = new Sheet((place) => this.say("sheet-open", { place }));
    this.makeFields();
    this.title = make("strong");
    this.text = make("span");
    this.meter = make("div", { class: "nbfeatviz-meter", role: "progressbar", "aria-label": "progress of the sheet", "aria-valuemin": 0 }, make("div"));
    this.empty = make("div", { class: "nbfeatviz-invitation", text: "press Run and watch many features emerge at once" });
    this.view = make("section", { class: "nbfeatviz-featureview" },
      make("div", { class: "nbfeatviz-sheetheading" }, this.title, this.text), this.meter, this.empty, this.sheet.el);
    const id = `nbfeatviz-${Math.random().toString(36).slice(2)}`;
    this.panel = make("div", { class: "nbfeatviz-featurespanel", role: "tabpanel", id, "aria-label": "Features" }, this.view, this.side);
    el.append(this.panel);
    this.listen();
  }

  // Fields

  makeFields() {
    const number = (act, attributes) => make("input", { type: "number", min: 0, step: 1, ...attributes, on: committing((event) => act(event.target)) });
    // the Optimize tab has fields of these names too, and both are on the page
    const panel = (name, none) => number((input) => this.wishPanel(name, input.value === "" ? none : Number(input.value)), { "aria-label": `${name} of the sheet` });
    this.what = chooser((value) => this.wish("what", value));
    this.first = number((input) => (input.value === "" ? this.show() : this.wish("first", Number(input.value))), { "aria-label": "first unit" });
    this.count = chooser((value) => this.wish("count", Number(value)), { "aria-label": "count" });
    this.units = make("input", { type: "text", placeholder: "such as 3, 8, 12-15", autocomplete: "off", on: committing(() => {
      if (this.units.value.trim() !== this.units.dataset.shown) this.wish("units", this.units.value.trim() || null);
    }) });
    this.unit = panel("unit", 0);
    this.total = make("span", { class: "nbfeatviz-total" });
    this.look = chooser((value) => this.wish("look", value));
    this.recipe = chooser((value) => this.wishPanel("recipe", value), { "aria-label": "recipe of the sheet" });
    this.steps = panel("steps", null);
    this.seed = panel("seed", 0);
    this.boxes = this.choices("recipes");
    this.others = this.choices("objectives");
    this.counts = make("input", { type: "text", placeholder: "such as 16, 64, 256", autocomplete: "off", "aria-label": "step counts", on: committing(() => {
      if (this.counts.value.trim() !== this.counts.dataset.shown) this.wish("step_counts", this.counts.value.trim());
    }) });
    this.size = number((input) => this.wish("show_size", input.value === "" ? null : Number(input.value)), { min: 1, placeholder: "all", "aria-label": "show size",
      title: "only so many rows and columns of each picture, from the upper left corner" });
    this.run = pressable("Run", () => this.say("sheet-run"), { class: "nbfeatviz-primary", title: "all pictures at once, from noise" });
    this.stop = pressable("Stop", () => this.say("sheet-stop"), { title: "end the sheet; its pictures stay" });
    this.save = pressable("Save", () => this.say("sheet-save"), { title: "save the sheet as it is shown, as PNG" });
    this.rows = {
      first: row("from", this.first, this.total), count: row("count", this.count), units: row("or these", this.units), unit: row("unit", this.unit),
      recipe: row("recipe", this.recipe), recipes: this.boxes, objectives: this.others, counts: row("steps", this.counts),
      pair: make("div", { class: "nbfeatviz-pair" }, row("steps", this.steps), row("seed", this.seed)), look: row("contrast", this.look), size: row("show", this.size, make("span", { class: "nbfeatviz-total", text: "pixels" })),
    };
    this.side = make("section", { class: "nbfeatviz-featureside" }, row("sheet of", this.what),
      ...Object.values(this.rows), make("div", { class: "nbfeatviz-buttons" }, this.run, this.stop, this.save));
  }

  setting(name) { return this.wishes.value(name, (this.model.get("settings") ?? {})[name]); }

  wish(name, value) {
    if (JSON.stringify(value) === JSON.stringify(this.setting(name) ?? null)) return this.show();
    this.wishes.make(name, value);
    this.say("sheet-set", { name, value });
    this.show();
  }

  /** Settings that the Optimize tab has too. */
  panelSetting(name) { return this.wishes.value(`panel ${name}`, (this.controls?.get("settings") ?? {})[name]); }

  wishPanel(name, value) {
    if (value === this.panelSetting(name)) return this.show();
    this.wishes.make(`panel ${name}`, value);
    this.say("set", { name, value });
    this.show();
  }

  // What comes

  listen() {
    const { model } = this, show = () => this.show(), receive = (content, buffers) => this.receive(content, buffers ?? []);
    const still = () => this.still();
    const heard = [["change:settings", show], ["change:facts", show], ["change:progress", show], ["change:cells", show], ["change:heading", show], ["change:sheet", still],
      ["msg:custom", receive]];
    for (const [event, act] of heard) model.on(event, act);
    this.leaving = [() => { for (const [event, act] of heard) model.off(event, act); }];
    const follow = async (trait, events) => {
      const other = await peer(model, trait);
      for (const [event, act] of events(other)) {
        other.on(event, act);
        this.leaving.push(() => other.off(event, act));
      }
      this.show();
    };
    const refused = (content) => { if (content.kind === "refused") this.refused(); };
    follow("controls", (controls) => {
      this.controls = controls;
      return [["change:settings", show], ["change:facts", show], ["msg:custom", refused]];
    });
    follow("live", () => [["comm_live_update", () => { this.lost = true; show(); }]]);
    this.show();
    this.still();
    this.say("sheet-hello");
  }

  receive(content, buffers) {
    if (content.kind === "begin") { this.losses = []; this.drawn = false; this.sheet.clear(); this.show(); }
    if (content.kind === "settle") this.still();
    if (content.kind === "refused") this.refused();
    if (content.kind !== "sheet") return;
    const acknowledge = () => {
      this.last = [content.sequence, performance.now()];
      this.timer ??= setTimeout(() => {
        this.timer = undefined;
        this.say("sheet-ack", { sequence: this.last[0], held: performance.now() - this.last[1] });
      }, content.hold);
    };
    this.draw(buffers[0], "image/jpeg", content.layout, content.losses, content.step).finally(acknowledge);
  }

  refused() {
    this.wishes.entries.clear();
    this.show(true);
  }

  still() {
    const data = this.model.get("sheet");
    if (data?.byteLength) this.draw(data, "image/png", this.model.get("places"), this.model.get("losses"), "last");
  }

  draw(data, type, layout, losses, step) {
    const job = async () => {
      try {
        const bitmap = await createImageBitmap(new Blob([data], { type }));
        this.sheet.title(this.model.get("cells") ?? []);
        this.sheet.draw(bitmap, layout);
        this.sheet.label(losses ?? []);
        this.sheet.el.dataset.step = step;
        this.drawn = true;
        bitmap.close();
        this.show();
      } catch (error) {
        console.warn("nbfeatviz: a sheet could not be drawn", error);
      }
    };
    return (this.drawing = this.drawing.then(job));
  }

  // Showing

  show(force = false) {
    const set = force === true ? (input, value) => { input.value = value ?? ""; } : put;
    const facts = this.model.get("facts") ?? {}, known = this.controls?.get("facts") ?? {}, what = this.setting("what") ?? "units";
    const { rows } = this, listed = this.setting("units");
    for (const [select, entries, name] of [[this.what, facts.what, "what"], [this.look, facts.looks, "look"]]) {
      fill(select, entries ?? []);
      select.value = this.setting(name) ?? "";
    }
    const counts = [...new Set([...(facts.counts ?? []), this.setting("count") ?? 9])].sort((a, b) => a - b);
    fill(this.count, counts.map((count) => [count, count]));
    this.count.value = this.setting("count") ?? 9;
    set(this.first, this.setting("first"));
    this.first.max = Math.max(0, (facts.units ?? 1) - 1);
    this.total.textContent = facts.units ? `/${facts.units}` : "";
    for (const [input, list] of [[this.units, listed], [this.counts, this.setting("step_counts")]]) {
      const text = Array.isArray(list) ? list.join(", ") : list ?? "";
      if (force === true || input !== document.activeElement) input.value = input.dataset.shown = text;
    }
    set(this.size, this.setting("show_size"));
    fill(this.recipe, (known.recipes ?? []).map((one) => [one.name, one.name === known.recipe?.name && known.recipe.changed ? `${one.name}, changed` : one.name]));
    this.recipe.value = this.panelSetting("recipe") ?? "";
    for (const [input, name] of [[this.unit, "unit"], [this.steps, "steps"], [this.seed, "seed"]]) set(input, this.panelSetting(name));
    this.steps.placeholder = what === "recipes" ? "own" : known.recipe?.steps ?? "";
    this.showBoxes(this.boxes, (facts.recipes ?? []).map((name) => [name, name]));
    this.showBoxes(this.others, facts.objectives ?? []);
    rows.units.hidden = what !== "units";
    rows.first.hidden = what !== "units" || Boolean(listed?.length);
    rows.unit.hidden = what === "units";
    rows.count.hidden = !["units", "seeds"].includes(what) || (what === "units" && Boolean(listed?.length));
    rows.recipe.hidden = what === "recipes";
    rows.recipes.hidden = what !== "recipes";
    rows.objectives.hidden = what !== "objectives";
    rows.counts.hidden = what !== "steps";
    rows.pair.firstChild.hidden = what === "steps";
    this.showProgress(facts);
  }

  /** Boxes to be ticked; the name of the setting is their legend too. */
  choices(name) { return make("fieldset", { class: "nbfeatviz-methods", "data-name": name }, make("legend", { text: name })); }

  showBoxes(boxes, entries) {
    const { name } = boxes.dataset;
    if (boxes.childElementCount !== entries.length + 1)
      boxes.replaceChildren(boxes.firstChild, ...entries.map(([value, text]) => make("label", {},
        make("input", { type: "checkbox", value, on: { change: () => this.choose(boxes) } }), make("span", { text }))));
    for (const box of boxes.querySelectorAll("input")) box.checked = (this.setting(name) ?? []).includes(box.value);
  }

  choose(boxes) {
    this.wish(boxes.dataset.name, [...boxes.querySelectorAll("input:checked")].map((box) => box.value));
  }

  showProgress(facts) {
    const { state = "idle", text = "", done = 0, total = 0 } = this.model.get("progress") ?? {};
    const busy = state !== "idle" && !this.lost, off = !facts.ready || this.lost, cells = this.model.get("cells") ?? [];
    if (!this.drawn && cells.length) this.sheet.title(cells);
    this.sheet.el.hidden = !cells.length;
    this.empty.hidden = cells.length > 0 || busy;
    this.title.textContent = (cells.length && this.model.get("heading")) || (facts.layer ?? "");
    this.text.textContent = text;
    this.meter.style.visibility = busy ? "visible" : "hidden";
    this.meter.classList.toggle("nbfeatviz-endless", busy && !done);
    this.meter.firstChild.style.width = done && total ? percent(done / total) : "";
    this.meter.setAttribute("aria-valuemax", total || 1);
    done ? this.meter.setAttribute("aria-valuenow", done) : this.meter.removeAttribute("aria-valuenow");
    this.run.disabled = off || busy;
    this.stop.disabled = off || !busy;
    this.save.disabled = off || !this.drawn;
    for (const input of this.side.querySelectorAll("input, select")) input.disabled = off;
    for (const { el } of this.sheet.cells) el.disabled = off || !this.drawn;
  }

  close() {
    clearTimeout(this.timer);
    for (const leave of this.leaving) leave();
  }
}

function render({ model, el }) {
  const view = new FeaturesView(model, el);
  return () => view.close();
}

export default { render };
