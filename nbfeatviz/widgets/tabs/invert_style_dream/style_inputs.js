// What a style is taken from: a second photo, and the layers that it is read from.

import { connectionOf } from "../../comm/connection.js";
import { decoded, make, uniqueId } from "../../comm/dom.js";
import { Echo } from "../../comm/echo.js";
import { button, disable, textField } from "../../comm/fields.js";

/** @typedef {import("../../comm/traits.js").InvertStyleDreamTraits} Traits */

/** The second photo of the Style tab, as a PhotoBox handles it. */
export class StylePhoto {
  /** @type {{ preview: HTMLCanvasElement | null }} */
  pictures = { preview: null };
  turn = {};

  /**
   * @param {import("../../comm/kernel.js").Model<Traits>} model
   * @param {import("../../comm/kernel.js").Send} send
   * @param {() => void} changed
   */
  constructor(model, send, changed) {
    this.model = model;
    this.send = send;
    this.changed = changed;
    this.echo = new Echo(changed);
    this.connection = connectionOf(model);
    this.decode();
  }

  get photo() {
    return this.model.get("photo") ?? {};
  }

  get lost() {
    return !this.connection.isLive;
  }

  get hasPhoto() {
    return Boolean(this.photo.size);
  }

  get facts() {
    return this.model.get("facts") ?? {};
  }

  /**
   * @param {string} key of the echo
   * @param {any} value
   * @param {string} kind of the message
   * @param {object} content
   */
  wish(key, value, kind, content) {
    this.echo.set(key, value);
    this.send(kind, content);
    this.changed();
  }

  async decode() {
    const turn = {};
    this.turn = turn;
    const picture = await decoded(this.model.get("preview"));
    if (turn !== this.turn) return;
    this.pictures.preview = picture;
    this.changed();
  }
}

/** The layers that a style is read from: each can be taken out, others put in. */
export class StyleLayers {
  text = "";
  /** @type {string[]} */
  shown = [];
  list = make("ul", { class: "nbfeatviz-chips", "aria-label": "style layers" });
  names = make("datalist", { id: uniqueId() });

  /** @param {(layers: string[] | null) => void} wish layers, or null for the usual ones */
  constructor(wish) {
    this.wish = wish;
    this.another = textField(() => this.add(), {
      list: this.names.id,
      placeholder: "add a layer by name…",
      "aria-label": "add a style layer",
    });
    this.usual = button("Default", () => wish(null), { title: "one layer at each size of the network's grids" });
    this.el = make(
      "div",
      { class: "nbfeatviz-stylelayers" },
      make("div", { text: "style is read from" }),
      this.list,
      make("div", { class: "nbfeatviz-field" }, this.another, this.names, this.usual),
    );
  }

  add() {
    const name = this.another.value.trim();
    if (!name) return;
    this.another.value = "";
    this.wish([...this.shown.filter((one) => one !== name), name]);
  }

  /**
   * @param {string[]} layers that a style is read from
   * @param {string[]} all that it could be read from
   * @param {boolean} own whether they were chosen by the person
   * @param {boolean} off
   */
  show(layers, all, own, off) {
    const text = JSON.stringify(layers);
    if (this.text !== text) {
      const place = this.#removers().indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
      this.text = text;
      this.shown = layers;
      this.list.replaceChildren(...layers.map((name) => this.#chip(name)));
      if (place >= 0) (this.#removers()[Math.min(place, layers.length - 1)] ?? this.another).focus();
    }
    if (this.names.childElementCount !== all.length)
      this.names.replaceChildren(...all.map((value) => make("option", { value })));
    this.usual.hidden = !own;
    disable([this.another, this.usual, ...this.#removers()], off);
  }

  #removers() {
    return [...this.list.querySelectorAll("button")];
  }

  /** @param {string} name */
  #chip(name) {
    const without = () => this.wish(this.shown.filter((one) => one !== name));
    const remove = button("×", without, { "aria-label": `take out ${name}`, title: "take it out" });
    return make("li", {}, make("span", { text: name }), remove);
  }
}
