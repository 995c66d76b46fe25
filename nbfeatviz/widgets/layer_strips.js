// The first stored pictures of a layer, unfolded below its row in the tree.

import { make, take } from "./comm/dom.js";
import { webpUrl } from "./comm/kernel.js";

export class LayerStrips {
  /** @type {Map<string, { el: HTMLElement, urls: string[] }>} those that are unfolded */
  open = new Map();
  /** @type {Set<string>} */
  pictured = new Set();

  /**
   * @param {import("./comm/kernel.js").Send} send
   * @param {HTMLElement} list of the tree's rows
   */
  constructor(send, list) {
    this.send = send;
    this.list = list;
  }

  /** @param {string} path */
  #row(path) {
    return /** @type {HTMLElement | null} */ (this.list.querySelector(`[data-path="${CSS.escape(path)}"]`));
  }

  /**
   * Marks the rows of layers of which there are pictures.
   * @param {string[]} pictured paths
   */
  show(pictured) {
    this.pictured = new Set(pictured);
    for (const path of [...this.open.keys()]) this.#close(path);
    for (const old of this.list.querySelectorAll(".nbfeatviz-unfold")) old.remove();
    for (const path of pictured) {
      const attributes = { class: "nbfeatviz-unfold", "aria-hidden": "true", "data-strip": path, text: "▦" };
      this.#row(path)?.append(make("span", { ...attributes, title: "pictures of its first units (key p)" }));
    }
  }

  /**
   * Whether a click was for a picture, or for what unfolds them.
   * @param {MouseEvent} event
   */
  click(event) {
    const { dataset } = /** @type {HTMLElement} */ (
      /** @type {HTMLElement} */ (event.target).closest("[data-strip], .nbfeatviz-treestrip") ?? this.list
    );
    if (dataset.strip) this.toggle(dataset.strip);
    const cell = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest("[data-unit]"));
    if (cell?.dataset.layer) {
      this.send("set", { name: "layer", value: cell.dataset.layer });
      this.send("set", { name: "unit", value: Number(cell.dataset.unit) });
    }
    return Boolean(dataset.strip || dataset.of);
  }

  /** @param {string} path */
  toggle(path) {
    if (this.open.has(path)) this.#close(path);
    else if (this.pictured.has(path)) this.send("tree-strip", { layer: path });
  }

  /** @param {string} path */
  #close(path) {
    const strip = this.open.get(path);
    for (const url of strip?.urls ?? []) URL.revokeObjectURL(url);
    strip?.el.remove();
    this.open.delete(path);
  }

  /**
   * @param {any} content
   * @param {DataView[]} buffers
   */
  receive({ kind, layer, units }, buffers) {
    const row = kind === "strip" ? this.#row(layer) : null;
    if (!row) return;
    this.#close(layer);
    const urls = buffers.map(webpUrl);
    const cells = units.map((/** @type {number} */ unit, /** @type {number} */ place) =>
      make(
        "button",
        {
          type: "button",
          "data-layer": layer,
          "data-unit": unit,
          "aria-label": `unit ${unit} of ${layer}`,
          title: `unit ${unit}`,
          on: { keydown: (/** @type {KeyboardEvent} */ event) => this.#key(event, layer) },
        },
        make("img", { alt: "", src: urls[place], draggable: "false" }),
      ),
    );
    const el = make("div", { class: "nbfeatviz-treestrip", role: "none", "data-of": layer }, ...cells);
    el.style.paddingLeft = getComputedStyle(row).paddingLeft;
    row.after(el);
    this.open.set(layer, { el, urls });
  }

  /**
   * @param {KeyboardEvent} event
   * @param {string} layer
   */
  #key(event, layer) {
    if (event.key === "Escape" || event.key === "p") {
      take(event);
      this.#close(layer);
      this.#row(layer)?.focus();
    } else event.stopPropagation();
  }

  /**
   * A strip is seen with its row.
   * @param {string} path
   * @param {boolean} seen
   */
  follow(path, seen) {
    const strip = this.open.get(path);
    if (strip) strip.el.hidden = !seen;
  }
}
