// The Catalogue tab: the network as a map of pictures, found by words or likeness, and one unit large.

import { connectionOf, sender } from "../../comm/connection.js";
import { fill, make, say, uniqueId } from "../../comm/dom.js";
import { Echo } from "../../comm/echo.js";
import { button, row, select } from "../../comm/fields.js";
import { listen } from "../../comm/kernel.js";
import { percent } from "../../comm/numbers.js";
import { throttle } from "../../comm/throttle.js";
import { cellOf } from "./cell.js";
import { Pictures } from "./pictures.js";
import { Strips } from "./strips.js";
import { UnitPage } from "./unit_page.js";

/** @typedef {import("../../comm/traits.js").CatalogueTraits} Traits */

const SEARCH_MS = 200;

/** One view of the tab. */
class CatalogueView {
  /** @type {(() => void)[]} */
  leaving = [];
  /** @type {[layer: string, unit: number, words: string][]} */
  found = [];
  foundTitle = make("strong");
  foundCells = make("div", { class: "nbfeatviz-unitcells" });
  words = make("span");
  empty = make("div", { class: "nbfeatviz-invitation" });
  bar = make("div");
  filling = make("span", { "aria-live": "polite" });

  /**
   * @param {import("../../comm/kernel.js").Model<Traits>} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    this.connection = connectionOf(model);
    this.send = sender(model);
    this.echo = new Echo(() => this.show());
    this.pictures = new Pictures(
      (layer, units) => this.send("catalogue-pictures", { layer, units }),
      () => this.arrived(),
    );
    const choose = (/** @type {string} */ layer, /** @type {number} */ unit) => this.choose(layer, unit);
    this.strips = new Strips(this.pictures, {
      order: (layer) => this.send("catalogue-order", { layer }),
      choose,
      fill: (layer) => this.send("catalogue-fill", { layer }),
    });
    this.unit = new UnitPage(this.pictures, {
      run: (layer, unit) => this.send("catalogue-run", { layer, unit }),
      like: (layer, unit) => this.send("catalogue-like", { layer, unit }),
      choose,
      photo: (place) => this.send("catalogue-photo", { place }),
    });
    const search = throttle(SEARCH_MS, () => this.send("catalogue-search", { text: this.search.value }), {
      leading: false,
    });
    this.search = make("input", {
      type: "search",
      placeholder: "class, layer or unit …",
      "aria-label": "search units by class, layer or number",
      autocomplete: "off",
      on: { input: search },
    });
    this.sort = select((value) => {
      this.echo.set("sort", value);
      this.send("catalogue-sort", { value });
    });
    this.pause = button("Pause", () => this.send("catalogue-pause"), {
      title: "end after this step; what is done stays",
    });
    this.meter = make("div", { class: "nbfeatviz-meter", role: "progressbar", "aria-label": "filling" }, this.bar);
    this.fillRow = make("div", { class: "nbfeatviz-filling", hidden: true }, this.filling, this.meter, this.pause);
    const close = button("close", () => this.showFound("", []), { class: "nbfeatviz-fill" });
    this.results = make(
      "div",
      { class: "nbfeatviz-found", hidden: true, "aria-live": "polite" },
      make("div", { class: "nbfeatviz-striphead" }, this.foundTitle, close),
      this.foundCells,
    );
    this.foundCells.addEventListener("click", (event) => {
      const cell = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("[data-unit]"));
      if (cell?.dataset.layer) choose(cell.dataset.layer, Number(cell.dataset.unit));
    });
    const head = make("div", { class: "nbfeatviz-cataloguehead" }, this.search, row("sort", this.sort), this.words);
    const view = make(
      "section",
      { class: "nbfeatviz-roomview" },
      head,
      this.fillRow,
      this.results,
      this.empty,
      this.strips.el,
    );
    const side = make("div", { class: "nbfeatviz-roomside" }, this.unit.el);
    el.append(make("div", { role: "tabpanel", id: uniqueId(), "aria-label": "Catalogue" }, view, side));
    const show = () => this.show();
    this.leaving.push(
      listen(model, {
        "change:rows": show,
        "change:facts": show,
        "change:settings": show,
        "change:chosen": show,
        "change:progress": show,
        "change:version": () => this.renew(),
        "msg:custom": (content, buffers) => this.receive(content, buffers ?? []),
      }),
      this.connection.onChange(show),
    );
    this.show();
    this.send("catalogue-hello");
  }

  /**
   * @param {string} layer
   * @param {number} unit
   */
  choose(layer, unit) {
    this.strips.mark(`${unit} ${layer}`);
    this.send("catalogue-choose", { layer, unit });
  }

  /**
   * @param {any} content
   * @param {DataView[]} buffers
   */
  receive(content, buffers) {
    /** @type {Record<string, () => void>} */
    const acts = {
      order: () => this.strips.receiveOrder(content.layer, content.units),
      pictures: () => this.pictures.receive(content, buffers),
      found: () => this.showFound(content.title, content.units),
      unit: () => this.unit.receive(content, buffers),
    };
    acts[content.kind]?.();
  }

  arrived() {
    this.strips.render();
    this.unit.showRelated();
    this.fillFound();
  }

  /** There is more, or another catalogue. */
  renew() {
    this.strips.renew();
  }

  /**
   * @param {string} title
   * @param {[layer: string, unit: number, words: string][]} found
   */
  showFound(title, found) {
    this.found = found;
    this.results.hidden = !title;
    say(this.foundTitle, title);
    this.fillFound();
  }

  fillFound() {
    this.foundCells.replaceChildren(
      ...this.found.map(([layer, unit, words]) => {
        const cell = cellOf(layer, unit, this.pictures.get(layer, unit), words);
        cell.tabIndex = 0;
        return cell;
      }),
    );
  }

  show() {
    const { model } = this,
      rows = model.get("rows") ?? [],
      facts = model.get("facts") ?? {},
      lost = !this.connection.isLive;
    fill(this.sort, facts.sorts ?? []);
    this.sort.value = this.echo.value("sort", model.get("settings")?.sort ?? "index");
    this.sort.disabled = this.search.disabled = lost;
    say(this.words, facts.made ? `${facts.words} · ${facts.made}` : (facts.words ?? ""));
    this.empty.hidden = rows.length > 0;
    this.strips.el.hidden = !rows.length;
    say(this.empty, "nothing is pictured of this network yet: choose a layer in the tree, then fill it");
    const [layer, unit] = model.get("chosen") ?? [];
    this.strips.show(rows);
    this.strips.mark(layer === undefined ? "" : `${unit} ${layer}`);
    this.unit.disable(lost);
    this.showFilling(lost);
  }

  /** @param {boolean} lost */
  showFilling(lost) {
    const { state = "idle", layer = "", done = 0, total = 0, text = "" } = this.model.get("progress") ?? {},
      busy = state === "busy" && !lost;
    this.fillRow.hidden = state === "idle";
    const of = total ? `${done} of ${total} units` : "";
    const words = { busy: "filling", paused: "paused", done: "filled", error: "could not be filled" }[state] ?? state;
    this.filling.textContent = [`${layer}: ${words}`, of, busy ? text : ""].filter(Boolean).join(" · ");
    this.bar.style.width = total ? percent(done / total) : "";
    this.meter.setAttribute("aria-valuemax", String(total || 1));
    this.meter.setAttribute("aria-valuenow", String(done));
    this.meter.classList.toggle("nbfeatviz-endless", busy && !total);
    this.pause.disabled = !busy;
  }

  close() {
    for (const leave of this.leaving) leave();
    this.strips.close();
    this.unit.close();
    this.pictures.clear();
  }
}

/** @type {import("@anywidget/types").Render<Traits>} */
function render({ model, el }) {
  const view = new CatalogueView(model, el);
  return () => view.close();
}

export default { render };
