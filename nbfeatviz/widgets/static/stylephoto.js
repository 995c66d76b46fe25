// The second photo of the Style tab, as a PhotoBox handles it.

class StylePage {
  constructor(model, say, changed) {
    this.model = model;
    this.say = say;
    this.changed = changed;
    this.wishes = new Wishes(changed);
    this.pictures = { preview: null };
    this.lost = false;
    this.decode();
  }

  get photo() { return this.model.get("photo") ?? {}; }
  get hasPhoto() { return Boolean(this.photo.size); }
  get facts() { return this.model.get("facts") ?? {}; }

  wish(key, value, kind, content) {
    this.wishes.make(key, value);
    this.say(kind, content);
    this.changed();
  }

  async decode() {
    const turn = (this.turn = {}), picture = await decoded(this.model.get("preview"));
    if (turn !== this.turn) return;
    this.pictures.preview = picture;
    this.changed();
  }
}

/** The layers that a style is read from: each can be taken out, others put in. */
class StyleLayers {
  constructor(wish) {
    const id = `nbfeatviz-${Math.random().toString(36).slice(2)}`;
    this.wish = wish;
    this.list = make("ul", { class: "nbfeatviz-chips", "aria-label": "style layers" });
    this.names = make("datalist", { id });
    this.another = make("input", { type: "text", list: id, placeholder: "add a layer by name…", autocomplete: "off", "aria-label": "add a style layer",
      on: committing(() => this.add()) });
    this.usual = pressable("Default", () => wish(null), { title: "one layer at each size of the network's grids" });
    this.el = make("div", { class: "nbfeatviz-stylelayers" }, make("div", { text: "style is read from" }), this.list,
      make("div", { class: "nbfeatviz-field" }, this.another, this.names, this.usual));
  }

  add() {
    const name = this.another.value.trim();
    if (!name) return;
    this.another.value = "";
    this.wish([...this.shown.filter((one) => one !== name), name]);
  }

  show(layers, all, own, off) {
    const text = JSON.stringify(layers);
    if (this.text !== text) {
      const place = [...this.list.querySelectorAll("button")].indexOf(document.activeElement);
      this.text = text;
      this.shown = layers;
      this.list.replaceChildren(...layers.map((name) => make("li", {}, make("span", { text: name }),
        pressable("×", () => this.wish(layers.filter((one) => one !== name)), { "aria-label": `take out ${name}`, title: "take it out" }))));
      if (place >= 0) (this.list.querySelectorAll("button")[Math.min(place, layers.length - 1)] ?? this.another).focus();
    }
    if (this.names.childElementCount !== all.length) this.names.replaceChildren(...all.map((value) => make("option", { value })));
    this.usual.hidden = !own;
    for (const input of [this.another, this.usual, ...this.list.querySelectorAll("button")]) input.disabled = off;
  }
}

/** A weight: a slider over the powers of ten, and the exact number. */
class Weight {
  constructor(name, wish) {
    const send = (value) => { this.number.value = value; wish(value); };
    this.slider = make("input", { type: "range", min: -2, max: 4, step: 0.05, "aria-label": `${name} weight`,
      on: { input: () => send(Number((10 ** Number(this.slider.value)).toPrecision(2))) } });
    this.number = make("input", { type: "number", min: 0, step: "any", "aria-label": `${name} weight, exactly`,
      on: committing(() => { if (this.number.value !== "") wish(Number(this.number.value)); }) });
    this.el = row(name, this.slider, this.number);
  }

  show(value, off, set) {
    if (document.activeElement !== this.slider) this.slider.value = Math.log10(Math.max(value, 1e-9));
    this.slider.setAttribute("aria-valuetext", digits(value));
    set(this.number, value);
    this.slider.disabled = this.number.disabled = off;
  }
}
