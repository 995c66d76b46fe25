// Several methods side by side, with what they score; and a method on a network that loses its weights.

import { arrowOf, fill, make, positionIn, say, take } from "../../comm/dom.js";
import { button, disable, row, select } from "../../comm/fields.js";
import { clamp, digits } from "../../comm/numbers.js";
import { ColourBar, isBeyond, mostOf, ticks } from "./colour.js";
import { MapCard } from "./map_view.js";

/** @typedef {import("./photo_page.js").Compared} Compared */
/** @typedef {import("./photo_page.js").Stage} Stage */
/** @typedef {import("./photo_page.js").LeftOut} LeftOut */
/** @typedef {import("./map_view.js").Line} Line */
/** @typedef {{ plain: Uint32Array, signed: Uint32Array }} Tables */

const LEGEND =
  "Deletion: the score (the probability of a class; of another target its share of that for the whole photo) while the most " +
  "important pixels are taken away, averaged; lower is better. Insertion: while they are put back; higher is better.";
const RANDOMIZE =
  "the weights become random, layer by layer from the top: a map that stays as it is does not explain the network (Adebayo et al. 2018)";
const SIMILARITY = "to the map of the trained network; 1 is the same";

/** Cards side by side, over which one crosshair goes. */
class Strip {
  /** @type {MapCard[]} */
  cards = [];

  /**
   * @param {string} name accessible name
   * @param {{ hover(event: PointerEvent, strip: Strip): void, key(event: KeyboardEvent, strip: Strip): void, leave(): void }} pointing
   */
  constructor(name, pointing) {
    this.el = make("div", {
      class: "nbfeatviz-strip",
      tabindex: "0",
      role: "group",
      "aria-label": name,
      on: {
        pointermove: (event) => pointing.hover(event, this),
        keydown: (event) => pointing.key(event, this),
        pointerleave: () => pointing.leave(),
        blur: () => pointing.leave(),
      },
    });
  }

  /**
   * @template {import("./colour.js").ValueMap} Record
   * @param {Record[]} records
   * @param {(card: MapCard, record: Record) => void} show
   * @param {boolean} stale
   */
  show(records, show, stale) {
    for (const card of this.cards.splice(records.length)) card.el.remove();
    while (this.cards.length < records.length) {
      const card = new MapCard();
      this.cards.push(card);
      this.el.append(card.el);
    }
    for (const [k, record] of records.entries()) show(this.cards[k], record);
    this.el.hidden = !records.length;
    this.el.classList.toggle("nbfeatviz-stale", stale);
  }

  /** What a saved picture has. */
  get items() {
    return this.cards.map(({ layers, lines }) => ({ layers, texts: lines.map(({ text }) => text) }));
  }
}

/**
 * What is said of a compared map: its method, and its scores, the best of all in bold.
 * @param {Compared} record
 * @param {Compared[]} all
 * @returns {Line[]}
 */
export function scoresOf(record, all) {
  const line = (
    /** @type {"deletion" | "insertion"} */ name,
    /** @type {typeof Math.min} */ best,
    /** @type {string} */ title,
  ) => {
    const score = record[name];
    if (score == null) return [];
    const scores = all.map((one) => one[name] ?? NaN).filter(Number.isFinite);
    return [{ text: `${name} ${score.toFixed(3)}`, title, strong: all.length > 1 && score === best(...scores) }];
  };
  return [
    { text: record.title, title: record.seconds == null ? null : `${digits(record.seconds)} s` },
    ...(record.note ? [{ text: "says nothing", title: record.note }] : []),
    ...line("deletion", Math.min, "area under the deletion curve: lower is better"),
    ...line("insertion", Math.max, "area under the insertion curve: higher is better"),
  ];
}

export class Compare {
  known = "";
  noted = "";
  signed = false;
  /** @type {[y: number, x: number] | null} of the crosshair */
  place = null;
  legend = make("div", { class: "nbfeatviz-legend", text: LEGEND });
  notes = make("ul", { class: "nbfeatviz-note", "aria-label": "what is left out or says nothing" });
  readout = make("div", { class: "nbfeatviz-readout", "aria-live": "off" });
  boxes = make("fieldset", { class: "nbfeatviz-methods" });
  bar = new ColourBar();

  /** @param {import("./photo_page.js").PhotoPage} page */
  constructor(page) {
    this.page = page;
    this.run = button("Compare", () => page.send("compute"), {
      class: "nbfeatviz-primary",
      title: "all methods that are ticked, on this photo",
    });
    this.check = select((name) => page.option("compare", "sanity", name));
    this.randomize = button("Randomize layers", () => page.send("sanity"), { title: RANDOMIZE });
    this.compared = new Strip("maps side by side; arrow keys move a crosshair over all", this);
    this.stages = new Strip("maps while layers become random; arrow keys move a crosshair over all", this);
    this.stages.el.classList.add("nbfeatviz-line");
    this.el = make(
      "div",
      { class: "nbfeatviz-compare" },
      make("div", { class: "nbfeatviz-options" }, this.boxes, this.run),
      this.compared.el,
      this.legend,
      this.notes,
      make("div", { class: "nbfeatviz-options" }, row("check", this.check, this.randomize)),
      this.stages.el,
      this.readout,
      this.bar.el,
    );
  }

  /**
   * Shows what has been compared, and returns what came last.
   * @param {HTMLCanvasElement | null} picture
   * @param {Tables} tables
   * @param {boolean} stale
   */
  show(picture, tables, stale) {
    const { page } = this,
      {
        facts,
        results: { compare },
      } = page,
      off = page.lost || !facts.ready || !page.hasPhoto;
    const methods = facts.methods ?? [],
      chosen = page.setting("compare", "methods") ?? [];
    this.showMethods(methods, chosen, off);
    fill(this.check, methods);
    this.check.value = page.setting("compare", "sanity") ?? "";
    this.run.disabled = off || !chosen.length;
    disable([this.check, this.randomize], off);
    const compared = page.current(compare.compared),
      stages = page.current(compare.stages),
      all = [...compared, ...stages];
    const signed = all.some((record) => record.signed),
      table = signed ? tables.signed : tables.plain;
    this.signed = signed;
    const put = (/** @type {MapCard} */ card, /** @type {Compared | Stage} */ record, /** @type {Line[]} */ lines) =>
      card.show(picture, record, mostOf(record), signed, table, lines);
    this.compared.show(compared, (card, record) => put(card, record, scoresOf(record, compared)), stale);
    this.stages.show(stages, (card, record) => put(card, record, this.stageInWords(record)), stale);
    this.legend.hidden = !compared.length;
    this.showNotes(compare.left ? page.current([compare.left]) : [], compared, stages);
    this.bar.el.hidden = !all.length;
    const beyond = all.some(isBeyond);
    /** @type {import("./colour.js").Range} */
    const range = signed ? [-1, 1] : [0, 1];
    this.bar.show(range, table, ticks(range, signed && beyond, beyond), "share of each map's largest value");
    return all.sort((a, b) => a.arrived - b.arrived).at(-1) ?? null;
  }

  /**
   * @param {Stage} stage
   * @returns {Line[]}
   */
  stageInWords({ layer, title, similarity }) {
    return [
      { text: layer || "trained" },
      { text: layer ? `similarity ${similarity.toFixed(2)}` : title, title: SIMILARITY },
    ];
  }

  /**
   * @param {[name: string, title: string][]} methods
   * @param {string[]} chosen
   * @param {boolean} off
   */
  showMethods(methods, chosen, off) {
    const text = JSON.stringify(methods);
    if (this.known !== text) {
      this.known = text;
      const box = (/** @type {string} */ name) =>
        make("input", { type: "checkbox", value: name, on: { change: () => this.choose() } });
      const labels = methods.map(([name, title]) => make("label", {}, box(name), make("span", { text: title })));
      this.boxes.replaceChildren(make("legend", { text: "methods" }), ...labels);
    }
    for (const box of this.boxes.querySelectorAll("input"))
      Object.assign(box, { checked: chosen.includes(box.value), disabled: off });
  }

  choose() {
    const boxes = [...this.boxes.querySelectorAll("input")];
    this.page.option(
      "compare",
      "methods",
      boxes.filter((box) => box.checked).map((box) => box.value),
    );
  }

  /**
   * What could not be shown, and what is shown and says nothing.
   * @param {LeftOut[]} left
   * @param {Compared[]} compared
   * @param {Stage[]} stages
   */
  showNotes(left, compared, stages) {
    const lines = [
      ...left.flatMap(({ entries }) => entries.map(([titles, reason]) => `${titles}: left out, as ${reason}`)),
      ...compared.filter(({ note }) => note).map(({ title, note }) => `${title}: no scores, as ${note}`),
      ...stages.filter(({ note }) => note).map(({ title, layer, note }) => `${title} (${layer || "trained"}): ${note}`),
    ];
    this.notes.hidden = !lines.length;
    if (this.noted === lines.join("\n")) return;
    this.noted = lines.join("\n");
    this.notes.replaceChildren(...lines.map((text) => make("li", { text })));
  }

  // The crosshair

  /**
   * @param {PointerEvent} event
   * @param {Strip} strip
   */
  hover(event, strip) {
    const map = /** @type {Element} */ (event.target).closest(".nbfeatviz-small-map");
    if (!map) return this.leave();
    const [y, x] = positionIn(event, map);
    this.point([clamp(y, 0, 1), clamp(x, 0, 1)], strip);
  }

  leave() {
    this.point(null, this.compared);
  }

  /**
   * @param {KeyboardEvent} event
   * @param {Strip} strip
   */
  key(event, strip) {
    const moves = arrowOf(event);
    if (!moves) return;
    take(event);
    const [y, x] = this.place ?? [0.5, 0.5];
    this.point([clamp(y + moves[0] * 0.04, 0, 1), clamp(x + moves[1] * 0.04, 0, 1)], strip, true);
  }

  /**
   * The same place in every map of a strip, and what each says there.
   * @param {[y: number, x: number] | null} place
   * @param {Strip} strip
   */
  point(place, strip, aloud = false) {
    this.place = place;
    const cards = place ? strip.cards : [];
    for (const card of [...this.compared.cards, ...this.stages.cards]) if (!cards.includes(card)) card.point(null);
    this.readout.setAttribute("aria-live", aloud ? "polite" : "off");
    say(this.readout, cards.map((card) => `${card.lines[0].text} ${card.point(place).toFixed(2)}`).join(" · "));
  }

  /** What a saved picture has: the strips that are there. */
  get groups() {
    return [this.compared.items, this.stages.items].filter((items) => items.length);
  }
}
