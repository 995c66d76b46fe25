// The layer tree: an ARIA tree with a filter, all of it on the page.

import { sender } from "./comm/connection.js";
import { isModified, make, take } from "./comm/dom.js";
import { Echo } from "./comm/echo.js";
import { throttle } from "./comm/throttle.js";
import { LayerStrips } from "./layer_strips.js";

/** @typedef {import("./comm/traits.js").TreeTraits} Traits */
/** @typedef {import("./comm/traits.js").TreeRow} Row */

const CHOOSE_MS = 60;

/**
 * A row of the tree and those that it lies in, from the outermost.
 * @typedef {{ row: Row, words: string, parents: Item[] }} Item
 */

/**
 * The rows with what they lie in and what they are found by.
 * @param {Row[]} rows in order, each with its depth from 1
 * @returns {Item[]}
 */
export function nested(rows) {
  /** @type {Item[]} */
  const above = [];
  return rows.map((row) => {
    above.length = row.depth - 1;
    const item = { row, words: `${row.path} ${row.kind}`.toLowerCase(), parents: [...above] };
    above.push(item);
    return item;
  });
}

/**
 * The beginning of a layer's name that only repeats what the layer lies in: "block5c_" of "block5c_add" in "block5c".
 * @param {Item} item
 */
export function repeatedPrefix({ row, parents }) {
  const own = parents.at(-1)?.row.name,
    found = own && row.name.startsWith(own) ? row.name.slice(own.length).match(/^[_./-]+(?=.)/) : null;
  return own && found ? own + found[0] : "";
}

/**
 * The items that are in view: those that a filter finds with what they lie in, or without one those in open groups.
 * @template {Item} I
 * @param {I[]} items
 * @param {string} filter words, all of which a layer's path or kind must have
 * @param {Set<Item>} open groups
 * @returns {Set<Item>}
 */
export function inView(items, filter, open) {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (!words.length) return new Set(items.filter(({ parents }) => parents.every((parent) => open.has(parent))));
  const found = items.filter((item) => !item.row.group && words.every((word) => item.words.includes(word)));
  return new Set(found.flatMap((item) => [item, ...item.parents]));
}

/**
 * The kind of a layer in a few letters.
 * @param {string} kind
 */
export const shortKind = (kind) =>
  kind
    .replace("Conv2D", "conv")
    .replace("BatchNormalization", "norm")
    .replace("Depthwise", "dw-")
    .replace("Activation", "act.")
    .replace("Concatenate", "concat")
    .replace(/^GlobalAveragePooling2D$/, "global pool")
    .replace(/Pooling2D$/, "pool")
    .replace("InputLayer", "input");

class LayerTree {
  /** @type {(Item & { element: HTMLElement, twist: HTMLElement })[]} */
  items = [];
  /** @type {Set<Item>} */
  open = new Set();

  /**
   * @param {import("./comm/kernel.js").Model<Traits>} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    const send = sender(model);
    this.echo = new Echo(() => this.select()); // the layer that was reached, ahead of what the kernel knows
    this.choose = throttle(CHOOSE_MS, (/** @type {string} */ path) => send("set", { name: "layer", value: path }));
    this.filter = make("input", {
      type: "search",
      placeholder: "filter…",
      "aria-label": "filter layers",
      autocomplete: "off",
      spellcheck: "false",
      on: { input: () => this.arrange(), keydown: (event) => this.keyInFilter(event) },
    });
    this.list = make("div", {
      role: "tree",
      "aria-label": "layers",
      class: "nbfeatviz-rows",
      on: { keydown: (event) => this.key(event), click: (event) => this.click(event) },
    });
    this.none = make("div", { class: "nbfeatviz-none", text: "no layer matches", hidden: true });
    el.append(make("div", { class: "nbfeatviz-tree-body" }, this.filter, this.none, this.list));
    this.strips = new LayerStrips(send, this.list);
    this.showUse();
    this.build();
  }

  build() {
    this.items = nested(this.model.get("rows")).map((item) =>
      Object.assign(item, this.#element(item.row, repeatedPrefix(item))),
    );
    this.open.clear();
    this.list.replaceChildren(...this.items.map(({ element }) => element));
    this.strips.show(this.model.get("pictured") ?? []);
    this.select();
  }

  /**
   * @param {Row} row
   * @param {string} prefix of its name, which says what it lies in once more
   */
  #element(row, prefix) {
    const twist = make("span", { class: "nbfeatviz-twist", "aria-hidden": "true", text: row.group ? "▸" : "" });
    const element = make(
      "div",
      {
        role: "treeitem",
        tabindex: "-1",
        "aria-label": row.group ? row.name : `${row.name}, ${shortKind(row.kind)} ${row.units}`,
        "aria-level": row.depth,
        "aria-selected": "false",
        "aria-expanded": row.group ? "false" : null,
        "aria-disabled": row.selectable || row.group ? null : "true",
        title: `${row.path}\n${row.kind}${row.shape ? ` · ${row.shape}` : ""}`,
        "data-path": row.path,
      },
      twist,
      make(
        "span",
        { class: "nbfeatviz-name" },
        make("span", { class: "nbfeatviz-prefix", text: prefix }), // not seen in a narrow tree
        row.name.slice(prefix.length),
      ),
      make("span", { class: "nbfeatviz-kind", text: row.group ? "" : shortKind(row.kind) }),
      make("span", { class: "nbfeatviz-units", text: row.group ? "" : String(row.units) }),
    );
    element.style.setProperty("--depth", String(row.depth - 1));
    return { element, twist };
  }

  /** A tree that the open tab is not about is grey; it can be used all the same. */
  showUse() {
    const used = this.model.get("used");
    this.list.classList.toggle("nbfeatviz-unused", !used);
    this.list.title = used ? "" : "what is shown here does not depend on the chosen layer";
  }

  /** Marks the layer that is chosen, opens what it lies in, and scrolls to it. */
  select() {
    const path = this.echo.value("layer", this.model.get("selected"));
    for (const { element, row, parents } of this.items) {
      const chosen = row.path === path && !row.group;
      element.setAttribute("aria-selected", String(chosen));
      if (chosen) for (const parent of parents) this.open.add(parent);
    }
    this.arrange();
    const chosen = this.items.find(isChosen);
    if (chosen && !this.list.contains(document.activeElement)) this.#reveal(chosen.element);
  }

  /** @param {HTMLElement} element */
  #reveal(element) {
    const top = element.offsetTop,
      { list } = this; // the list is the offset parent
    if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 24)
      list.scrollTop = top - list.clientHeight / 2;
  }

  arrange() {
    const filter = this.filter.value.trim(),
      seen = inView(this.items, filter, this.open);
    for (const item of this.items) {
      item.element.hidden = !seen.has(item);
      this.strips.follow(item.row.path, !item.element.hidden);
      if (!item.row.group) continue;
      const wide = filter ? seen.has(item) : this.open.has(item);
      item.element.setAttribute("aria-expanded", String(wide));
      item.twist.textContent = wide ? "▾" : "▸";
    }
    this.none.hidden = !filter || seen.size > 0;
    const visible = this.#visible();
    if (visible.some(({ element }) => element.tabIndex === 0)) return;
    for (const { element } of this.items) element.tabIndex = -1;
    const first = visible.find(isChosen) ?? visible[0];
    if (first) first.element.tabIndex = 0;
  }

  #visible() {
    return this.items.filter(({ element }) => !element.hidden);
  }

  /** @param {(typeof this.items)[number] | undefined} item */
  focus(item) {
    if (!item) return;
    for (const one of this.items) one.element.tabIndex = one === item ? 0 : -1;
    item.element.focus();
  }

  /**
   * An arrow key goes to an item; where the layers are looked through, that chooses it.
   * @param {(typeof this.items)[number] | undefined} item
   */
  go(item) {
    this.focus(item);
    if (!item || !this.model.get("follow") || !item.row.selectable || item.row.group) return;
    this.echo.set("layer", item.row.path);
    for (const one of this.items) one.element.setAttribute("aria-selected", String(one === item));
    this.choose(item.row.path);
  }

  /**
   * @param {Item} item a group
   * @param {boolean} wide whether it is to be open
   */
  toggle(item, wide) {
    if (wide) this.open.add(item);
    else this.open.delete(item);
    this.arrange();
  }

  /** @param {Item} item */
  activate(item) {
    if (item.row.group) return this.toggle(item, !this.open.has(item));
    this.echo.clear();
    if (item.row.selectable) this.choose(item.row.path);
  }

  /** @param {Event} event */
  #at(event) {
    const element = /** @type {Element} */ (event.target).closest("[role=treeitem]");
    return this.items.find((item) => item.element === element);
  }

  /** @param {MouseEvent} event */
  click(event) {
    if (this.strips.click(event)) return;
    const item = this.#at(event);
    if (!item) return;
    this.focus(item);
    this.activate(item);
  }

  /** @param {KeyboardEvent} event */
  keyInFilter(event) {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      this.focus(this.#visible()[0]);
    }
    if (event.key === "Escape" && this.filter.value) {
      event.stopPropagation();
      this.filter.value = "";
      this.arrange();
    }
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const item = this.#at(event);
    if (!item || isModified(event)) return;
    const visible = this.#visible(),
      place = visible.indexOf(item);
    const { group } = item.row,
      wide = group && this.open.has(item);
    const inside = () => {
      if (group && !wide) this.toggle(item, true);
      else if (group) this.go(visible[place + 1]);
    };
    const outside = () => {
      if (wide) this.toggle(item, false);
      else this.go(visible.find((one) => one === item.parents.at(-1)));
    };
    /** @type {Record<string, () => void>} */
    const acts = {
      ArrowDown: () => this.go(visible[place + 1]),
      ArrowUp: () => this.go(visible[place - 1]),
      Home: () => this.go(visible[0]),
      End: () => this.go(visible.at(-1)),
      ArrowRight: inside,
      ArrowLeft: outside,
      Enter: () => this.activate(item),
      " ": () => this.activate(item),
      p: () => this.strips.toggle(item.row.path),
    };
    if (!(event.key in acts)) return;
    take(event);
    acts[event.key]();
  }
}

/** @param {{ element: HTMLElement }} item */
const isChosen = ({ element }) => element.getAttribute("aria-selected") === "true";

/** @type {import("@anywidget/types").Render<Traits>} */
function render({ model, el }) {
  const tree = new LayerTree(model, el);
  model.on("change:used", () => tree.showUse());
  model.on("change:pictured", () => tree.strips.show(model.get("pictured") ?? []));
  model.on("msg:custom", (content, buffers) => tree.strips.receive(content, buffers ?? []));
  model.on("change:rows", () => tree.build());
  model.on("change:selected", () => tree.select());
}

export default { render };
