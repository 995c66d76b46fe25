// Several methods side by side, with what they score; and a method on a network that loses its weights.

/** A small map with lines of text below. */
class Card {
  constructor() {
    this.map = make("div", { class: "nbfeatviz-small-map" });
    this.layers = new Overlaid(this.map);
    this.cross = make("div", { class: "nbfeatviz-cross", hidden: true });
    this.map.append(this.cross);
    this.caption = make("figcaption");
    this.el = make("figure", { class: "nbfeatviz-card" }, this.map, this.caption);
  }

  show(picture, map, table, signed, lines) {
    this.record = map;
    this.layers.show(picture, map, signed ? [-mostOf(map), mostOf(map)] : [0, mostOf(map)], table);
    this.lines = lines;
    this.caption.replaceChildren(...lines.map(({ text, title, strong }, k) =>
      make(k ? "div" : "strong", { text, title, class: strong ? "nbfeatviz-best" : null })));
  }

  /** Marks a place, given in fractions, and returns the value there. */
  point(place) {
    this.cross.hidden = !place;
    if (!place) return null;
    const [y, x] = place, [height, width] = this.record.shape;
    Object.assign(this.cross.style, { top: percent(y), left: percent(x) });
    return valueAt(this.record, clamp(Math.floor(y * height), 0, height - 1), clamp(Math.floor(x * width), 0, width - 1)) / mostOf(this.record);
  }
}

class Compare {
  constructor(page) {
    this.page = page;
    this.boxes = make("fieldset", { class: "nbfeatviz-methods" }, make("legend", { text: "methods" }));
    this.run = pressable("Compare", () => page.say("compute"), { class: "nbfeatviz-primary", title: "all methods that are ticked, on this photo" });
    this.check = chooser((name) => page.option("compare", "sanity", name));
    this.randomize = pressable("Randomize layers", () => page.say("sanity"),
      { title: "the weights become random, layer by layer from the top: a map that stays as it is "
        + "does not explain the network (Adebayo et al. 2018)" });
    this.cards = { compared: [], stages: [] };
    const away = () => this.point(null), listeners = {
      pointermove: (event) => this.hover(event), pointerleave: away, keydown: (event) => this.key(event), blur: away };
    const strip = (name) => make("div", { class: "nbfeatviz-strip", tabindex: "0", role: "group", "aria-label": name, on: listeners });
    this.compared = strip("maps side by side; arrow keys move a crosshair over all");
    this.stages = strip("maps while layers become random; arrow keys move a crosshair over all");
    this.stages.classList.add("nbfeatviz-line");
    this.legend = make("div", { class: "nbfeatviz-legend",
      text: "Deletion: the score (the probability of a class; of another target its share of that for the whole photo) while the most important pixels are taken away, averaged; lower is better. "
        + "Insertion: while they are put back; higher is better." });
    this.notes = make("ul", { class: "nbfeatviz-note", "aria-label": "what is left out or says nothing" });
    this.readout = make("div", { class: "nbfeatviz-readout", "aria-live": "off" });
    this.bar = new ColourBar();
    this.checkRow = row("check", this.check, this.randomize);
    this.el = make("div", { class: "nbfeatviz-compare" },
      make("div", { class: "nbfeatviz-options" }, this.boxes, this.run), this.compared, this.legend, this.notes,
      make("div", { class: "nbfeatviz-options" }, this.checkRow), this.stages, this.readout, this.bar.el);
  }

  show(picture, tables, stale) {
    const { page } = this, { facts, results: { compare } } = page, off = page.lost || !facts.ready || !page.hasPhoto;
    const methods = facts.methods ?? [], chosen = page.setting("compare", "methods") ?? [];
    this.showMethods(methods, chosen, off);
    fill(this.check, methods);
    this.check.value = page.setting("compare", "sanity") ?? "";
    this.run.disabled = off || !chosen.length;
    this.check.disabled = this.randomize.disabled = off;
    const compared = page.current(compare.compared), stages = page.current(compare.stages);
    this.signed = [...compared, ...stages].some(({ signed }) => signed);
    const table = this.signed ? tables.signed : tables.plain;
    this.fillStrip("compared", compared, picture, table, stale, (record) => this.scores(record, compared));
    this.fillStrip("stages", stages, picture, table, stale, (record) => [
      { text: record.layer || "trained" },
      { text: record.layer ? `similarity ${record.similarity.toFixed(2)}` : record.title, title: "to the map of the trained network; 1 is the same" }]);
    this.legend.hidden = !compared.length;
    this.showNotes(page.current([compare.left].filter(Boolean)), compared, stages);
    this.bar.el.hidden = !compared.length && !stages.length;
    const range = this.signed ? [-1, 1] : [0, 1], beyond = [...compared, ...stages].some(isBeyond);
    this.bar.show(range, table, ticks(range, this.signed && beyond, beyond));
    return [...compared, ...stages].sort((a, b) => a.arrived - b.arrived).at(-1) ?? null;
  }

  showMethods(methods, chosen, off) {
    const text = JSON.stringify(methods);
    if (this.known !== text) {
      this.known = text;
      this.boxes.replaceChildren(this.boxes.firstChild, ...methods.map(([name, title]) =>
        make("label", {},
          make("input", { type: "checkbox", value: name, on: { change: () => this.choose() } }), make("span", { text: title }))));
    }
    for (const box of this.boxes.querySelectorAll("input")) Object.assign(box, { checked: chosen.includes(box.value), disabled: off });
  }

  choose() {
    const names = [...this.boxes.querySelectorAll("input:checked")].map((box) => box.value);
    this.page.option("compare", "methods", names);
  }

  /** What could not be shown, and what is shown and says nothing. */
  showNotes(left, compared, stages) {
    const lines = [
      ...left.flatMap(({ entries }) => entries.map(([titles, reason]) => `${titles}: left out, as ${reason}`)),
      ...compared.filter(({ note }) => note).map(({ title, note }) => `${title}: no scores, as ${note}`),
      ...stages.filter(({ note }) => note).map(({ title, layer, note }) => `${title} (${layer || "trained"}): ${note}`)];
    this.notes.hidden = !lines.length;
    if (this.noted === lines.join("\n")) return;
    this.noted = lines.join("\n");
    this.notes.replaceChildren(...lines.map((text) => make("li", { text })));
  }

  scores(record, all) {
    const line = (name, best, title) => {
      if (record[name] == null) return [];
      const strong = all.length > 1 && record[name] === best(...all.map((one) => one[name]).filter(Number.isFinite));
      return [{ text: `${name} ${record[name].toFixed(3)}`, title, strong }];
    };
    return [{ text: record.title, title: record.seconds == null ? null : `${digits(record.seconds)} s` },
      ...(record.note ? [{ text: "says nothing", title: record.note }] : []),
      ...line("deletion", Math.min, "area under the deletion curve: lower is better"),
      ...line("insertion", Math.max, "area under the insertion curve: higher is better")];
  }

  fillStrip(name, records, picture, table, stale, lines) {
    const cards = this.cards[name];
    while (cards.length < records.length) {
      const card = new Card();
      cards.push(card);
      this[name].append(card.el);
    }
    for (const card of cards.splice(records.length)) card.el.remove();
    records.forEach((record, k) => cards[k].show(picture, record, table, this.signed, lines(record)));
    this[name].hidden = !records.length;
    this[name].classList.toggle("nbfeatviz-stale", stale);
  }

  hover(event) {
    const map = event.target.closest(".nbfeatviz-small-map");
    if (!map) return this.point(null);
    const area = map.getBoundingClientRect();
    const [y, x] = [(event.clientY - area.top) / area.height, (event.clientX - area.left) / area.width];
    this.point([clamp(y, 0, 1), clamp(x, 0, 1)], event.currentTarget);
  }

  key(event) {
    const moves = ARROWS[event.key];
    if (!moves || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [y, x] = this.place ?? [0.5, 0.5];
    this.point([clamp(y + moves[0] * 0.04, 0, 1), clamp(x + moves[1] * 0.04, 0, 1)], event.currentTarget, true);
  }

  /** The same place in every map, and what each says there. */
  point(place, strip, aloud = false) {
    this.place = place;
    const cards = place ? this.cards[strip === this.stages ? "stages" : "compared"] : [];
    for (const card of [...this.cards.compared, ...this.cards.stages]) if (!cards.includes(card)) card.point(null);
    this.readout.setAttribute("aria-live", aloud ? "polite" : "off");
    this.readout.textContent = cards.map((card) => `${card.lines[0].text} ${card.point(place).toFixed(2)}`).join(" · ");
  }

  /** What a saved picture has: the strips that are there. */
  groups() {
    return [this.cards.compared, this.cards.stages].filter((cards) => cards.length)
      .map((cards) => cards.map(({ layers, lines }) => ({ layers, texts: lines.map(({ text }) => text) })));
  }
}
