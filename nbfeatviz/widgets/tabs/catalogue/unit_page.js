// One unit of a catalogue, large: its picture and how it was made, photographs, and units that it is related to.

import { make, say } from "../../comm/dom.js";
import { explain } from "../../comm/explanations.js";
import { button, buttonRow } from "../../comm/fields.js";
import { webpUrl } from "../../comm/kernel.js";
import { digits, percent } from "../../comm/numbers.js";
import { Histogram } from "../../exemplars/histogram.js";
import { Patches } from "../../exemplars/patches.js";
import { cellOf } from "./cell.js";

/** @typedef {import("../../comm/traits.js").UnitMessage} UnitMessage */
/** @typedef {[layer: string, unit: number, value: number]} Related */

/** How far a picture can be trusted, as a bar with its parts in words. */
class Gauge {
  bar = make("div");
  parts = make("ul");
  el = make(
    "div",
    { class: "nbfeatviz-trust", hidden: true },
    make("div", { class: "nbfeatviz-gauge", "aria-hidden": "true" }, this.bar),
    make("details", {}, make("summary"), this.parts),
  );

  /** @param {UnitMessage["trust"]} trust */
  show(trust) {
    this.el.hidden = !trust;
    if (!trust) return;
    const known = trust.gauge != null;
    this.bar.style.width = percent(known ? Number(trust.gauge) : 0);
    const summary = /** @type {HTMLElement} */ (this.el.querySelector("summary"));
    summary.textContent = known ? `trust ${Math.round(100 * Number(trust.gauge))} %` : "trust is not known";
    const said = trust.parts.map(([name, value, sentence]) => {
      const share = value == null ? "–" : `${Math.round(100 * value)} %`;
      return `${name} ${share}: ${sentence}`;
    });
    this.parts.replaceChildren(...said.map((text) => make("li", { text })));
    explain(summary, said.join("\n"));
  }
}

export class UnitPage {
  /** @type {string[]} */
  urls = [];
  /** @type {UnitMessage | null} */
  shown = null;
  picture = make("img", { class: "nbfeatviz-unitpicture", decoding: "async" });
  title = make("strong");
  name = make("span");
  score = make("div", { class: "nbfeatviz-figure" });
  made = make("div", { class: "nbfeatviz-figure" });
  gauge = new Gauge();
  histogram = new Histogram();
  neighbours = make("div", { class: "nbfeatviz-unitcells" });
  read = make("div", { class: "nbfeatviz-unitcells" });
  none = make("div", { class: "nbfeatviz-invitation", text: "choose a unit to see it large" });

  /**
   * @param {import("./pictures.js").Pictures} pictures
   * @param {{ run(layer: string, unit: number): void, like(layer: string, unit: number): void, choose(layer: string, unit: number): void, photo(place: number): void }} ask
   */
  constructor(pictures, ask) {
    this.pictures = pictures;
    this.patches = new Patches((place) => ask.photo(place));
    const act = (/** @type {(layer: string, unit: number) => void} */ what) => () =>
      this.shown && what(this.shown.layer, this.shown.unit);
    this.run = button("Run from here", act(ask.run), {
      class: "nbfeatviz-primary",
      title: "go on with this picture, large, in the Optimize tab",
    });
    this.like = button("Like this", act(ask.like), { title: "units that are like this one, above" });
    const choose = (/** @type {MouseEvent} */ event) => {
      const cell = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("[data-unit]"));
      if (cell?.dataset.layer) ask.choose(cell.dataset.layer, Number(cell.dataset.unit));
    };
    for (const list of [this.neighbours, this.read]) list.addEventListener("click", choose);
    const part = (/** @type {string} */ title, /** @type {HTMLElement[]} */ ...inside) =>
      make("div", { class: "nbfeatviz-unitpart" }, make("h4", { text: title }), ...inside);
    this.photos = part("photographs that excite it most", this.patches.el, this.histogram.el);
    this.alike = part("units like it", this.neighbours);
    this.reads = part("what it reads most", this.read);
    this.body = make(
      "div",
      { class: "nbfeatviz-unitbody", hidden: true },
      make("div", { class: "nbfeatviz-unithead" }, this.title, this.name),
      this.picture,
      buttonRow(this.run, this.like),
      this.score,
      this.made,
      this.gauge.el,
      this.photos,
      this.alike,
      this.reads,
    );
    this.el = make("section", { class: "nbfeatviz-unitpage", "aria-label": "the chosen unit" }, this.none, this.body);
  }

  /**
   * @param {UnitMessage} content
   * @param {DataView[]} buffers
   */
  receive(content, buffers) {
    for (const url of this.urls) URL.revokeObjectURL(url);
    this.urls = buffers.map(webpUrl);
    this.shown = content;
    const { layer, unit, name, score, status, settings, seeds } = content;
    const words = `unit ${unit} of layer ${layer}${name ? `, ${name}` : ""}`;
    this.none.hidden = true;
    this.body.hidden = false;
    this.picture.src = this.urls[0];
    this.picture.alt = `${words}: its picture by ${settings}`;
    this.picture.classList.toggle("nbfeatviz-coarse", Math.max(...content.size) < 64);
    this.title.textContent = `${layer} · unit ${unit}`;
    this.name.textContent = name;
    const said = status === "ok" ? "" : status === "dead" ? " · dead: no gradient ever changed it" : ` · ${status}`;
    this.score.textContent = `score ${digits(score)}${said}`;
    explain(this.score, "The activation of the unit on its picture: the mean over positions, of a class its logit.");
    this.made.textContent = seeds.length > 1 ? `${settings}; ${seeds.length} seeds` : settings;
    this.gauge.show(content.trust);
    this.patches.show(content.patches, this.urls.slice(1), words);
    this.histogram.show(content.histogram);
    this.photos.hidden = !content.patches.length && !content.histogram;
    this.showRelated();
  }

  /** Pictures of related units come one after the other. */
  showRelated() {
    const { shown } = this;
    if (!shown) return;
    this.#fill(this.alike, this.neighbours, shown.neighbours, (value) => `${Math.round(100 * value)} % alike`);
    if (shown.read.length)
      say(/** @type {HTMLElement} */ (this.reads.firstChild), `what it reads most of ${shown.read[0][0]}`);
    this.#fill(this.reads, this.read, shown.read, (value) => `weight ${digits(value)}`);
  }

  /**
   * @param {HTMLElement} part
   * @param {HTMLElement} list
   * @param {Related[]} related
   * @param {(value: number) => string} note
   */
  #fill(part, list, related, note) {
    part.hidden = !related.length;
    list.replaceChildren(
      ...related.map(([layer, unit, value]) => {
        const cell = cellOf(layer, unit, this.pictures.get(layer, unit), note(value));
        cell.tabIndex = 0;
        return cell;
      }),
    );
  }

  /** @param {boolean} off */
  disable(off) {
    this.run.disabled = this.like.disabled = off;
  }

  close() {
    this.histogram.close();
    for (const url of this.urls) URL.revokeObjectURL(url);
  }
}
