// The controls of the Invert, Style and Dream tabs: what is made from the photo, and how.

const LEADS = {
  invert: "the photo again, from what one layer keeps of it",
  style: "the photo, in the style of another one",
  dream: "the photo, with more of what one layer sees in it",
};
const NAMES = { invert: "Invert", style: "Style", dream: "Dream" };

/** One view of a tab's controls. */
class RemakeView {
  constructor(model, el) {
    this.model = model;
    this.kind = model.get("kind");
    const say = speaker(model);
    this.say = async (...words) => { if (!this.lost) await say(...words); };
    this.wishes = new Wishes(() => this.show());
    this.buttons = new RunButtons(this.say);
    this.send = eager(60, (name, value) => this.say("set", { name, value }));
    this.makeFields();
    const parts = this.kind === "style" ? this.makeStyle() : [];
    const styled = this.kind === "style", dreamt = this.kind === "dream";
    const pair = make("div", { class: "nbfeatviz-pair" }, row("steps", this.steps), row("seed", this.seed));
    const advanced = make("details", { class: "nbfeatviz-advanced" }, make("summary", { text: "advanced" }),
      ...(styled ? [this.layers.el, row("by", this.statistic), row("recipe", this.recipe), pair] : []), row("step size", this.stepSize));
    el.append(make("div", { class: "nbfeatviz-settings", role: "group", "aria-label": NAMES[this.kind] },
      make("div", { class: "nbfeatviz-lead", text: LEADS[this.kind] }), ...parts,
      row(styled ? "content layer" : "layer", this.layer),
      dreamt ? make("div", { class: "nbfeatviz-pair" }, row("octaves", this.octaves), row("scale", this.scale)) : row("start from", this.start),
      ...(styled ? [] : [row("recipe", this.recipe), pair]),
      advanced, ...this.buttons.rows));
    this.listen();
  }

  makeFields() {
    const number = (name, none, attributes) => make("input", { type: "number", step: 1, ...attributes, on: committing(({ target }) =>
      this.wish(name, target.value === "" ? none : Number(target.value))) });
    this.layer = make("output", { class: "nbfeatviz-layer", title: "choose another in the layer tree" });
    this.start = chooser((value) => this.wish("start", value), {}, [["noise", "noise"], ["photo", "the photo"], ["image", "the image shown"]]);
    this.recipe = chooser((value) => this.wish("recipe", value));
    this.steps = number("steps", null, { min: 1 });
    this.seed = number("seed", 0, { min: 0 });
    this.stepSize = number("step_size", null, { min: 0, step: "any" });
    this.octaves = number("octaves", 4, { min: 1, title: "how many sizes, from coarse to fine" });
    this.scale = number("scale", 1.4, { min: 1, step: 0.1, title: "from one size to the next" });
    this.steps.title = this.kind === "dream" ? "in each octave" : "";
  }

  makeStyle() {
    this.page = new StylePage(this.model, this.say, () => this.show());
    this.photo = new PhotoBox(this.page, { of: "style ", lead: "Drop the photo here whose style is to be taken" });
    this.photo.el.classList.add("nbfeatviz-stylephoto");
    this.leave = this.photo.accept(this.photo.el, () => {});
    this.layers = new StyleLayers((layers) => this.wish("style_layers", layers));
    this.statistic = chooser((value) => this.wish("statistic", value));
    const drag = (name) => (value) => this.wish(name, value);
    this.weights = { content_weight: new Weight("content", drag("content_weight")), style_weight: new Weight("style", drag("style_weight")) };
    return [this.photo.el, ...Object.values(this.weights).map(({ el }) => el)];
  }

  setting(name) { return this.wishes.value(name, (this.model.get("settings") ?? {})[name]); }

  wish(name, value) {
    if (JSON.stringify(value) === JSON.stringify(this.setting(name) ?? null)) return this.show();
    this.wishes.make(name, value);
    name.endsWith("_weight") ? this.send(name, value) : this.say("set", { name, value });
    this.show();
  }

  listen() {
    const { model } = this, show = () => this.show();
    const heard = [["change:settings", show], ["change:facts", show], ["change:photo", show], ["msg:custom", (content) => this.receive(content)],
      ["change:preview", () => this.page?.decode()]];
    for (const [event, act] of heard) model.on(event, act);
    this.leaving = [() => { for (const [event, act] of heard) model.off(event, act); }];
    peer(model, "live").then((live) => {
      const follow = () => { this.buttons.state = live.get("status").state ?? "loading"; this.show(); };
      const lost = () => { this.lost = true; if (this.page) this.page.lost = true; this.show(); };
      this.follow = follow;
      live.on("change:status", follow);
      live.on("comm_live_update", lost);
      this.leaving.push(() => { live.off("change:status", follow); live.off("comm_live_update", lost); });
      follow();
    });
    this.show();
  }

  receive(content) {
    if (content.kind === "code") this.buttons.showCode(content.text);
    if (content.kind !== "refused") return;
    this.wishes.entries.clear();
    this.follow?.(); // what was asked for has not begun
    this.show(true);
  }

  show(force = false) {
    const set = force === true ? (input, value) => { input.value = value ?? ""; } : put;
    const facts = this.model.get("facts") ?? {}, off = !facts.ready || Boolean(this.lost);
    const recipes = facts.recipes ?? [], recipe = recipes.find(([name]) => name === this.setting("recipe"));
    this.layer.textContent = facts.layer || "–";
    fill(this.recipe, recipes.map((one) => one.slice(0, 3)));
    this.recipe.value = this.setting("recipe") ?? "";
    this.recipe.title = recipe?.[2] ?? "";
    this.start.value = this.setting("start") ?? "noise";
    const numbers = [[this.steps, "steps", recipe?.[3]], [this.seed, "seed"], [this.stepSize, "step_size", recipe?.[4]],
      [this.octaves, "octaves"], [this.scale, "scale"]];
    for (const [input, name, usual] of numbers) {
      set(input, this.setting(name));
      input.placeholder = usual ?? "";
    }
    for (const input of [this.start, this.recipe, ...numbers.map(([input]) => input)]) input.disabled = off;
    this.buttons.show(!off);
    if (this.kind === "style" && this.statistic) this.showStyle(facts, off, set);
  }

  showStyle(facts, off, set) {
    fill(this.statistic, facts.statistics ?? []);
    this.statistic.value = this.setting("statistic") ?? "";
    this.statistic.disabled = off;
    for (const [name, weight] of Object.entries(this.weights)) weight.show(this.setting(name) ?? 0, off, set);
    const own = this.setting("style_layers");
    this.layers.show(own ?? facts.style_layers ?? [], facts.layers ?? [], Boolean(own), off);
    this.photo.show();
    this.photo.el.dataset.photo = this.page.hasPhoto ? "there" : "none";
  }

  close() {
    this.leave?.();
    for (const leave of this.leaving) leave();
  }
}

function render({ model, el }) {
  const view = new RemakeView(model, el);
  return () => view.close();
}

export default { render };
