// Tiles: small pictures, each a link to its unit's page, among which the arrow keys move.

import { unitAddress } from "./address.js";
import { called, statusOf } from "./catalogue.js";
import { make } from "./elements.js";

/** @import { Layer } from "./catalogue.js" */

const SMALL = 64; // pixels of a side up to which a picture is enlarged in squares

/**
 * The picture of a unit, or the word that says why there is none.
 * @param {Layer} layer
 * @param {number} place of the layer
 * @param {number} unit
 * @param {{ file?: string | number, lazy?: boolean, alt?: string }} [options]
 */
export function picture(layer, place, unit, { file = unit, lazy = true, alt = called(layer, unit) } = {}) {
  const status = statusOf(layer, unit);
  if (status === "not yet" || status === "not finite") return make("span", { class: "empty", text: status });
  const [height, width] = layer.size;
  const small = Math.max(height, width) <= SMALL;
  const source = `pictures/${place}/${file}.webp`;
  return make("img", {
    src: source,
    alt,
    width,
    height,
    class: small ? "squares" : null,
    loading: lazy ? "lazy" : null,
    decoding: "async",
  }); // prettier-ignore
}

/**
 * A tile.
 * @param {Layer} layer
 * @param {number} place
 * @param {number} unit
 * @param {{ note?: string, withLayer?: boolean }} [options] a few words below it; whether it names its layer
 */
export function tile(layer, place, unit, { note, withLayer } = {}) {
  const status = statusOf(layer, unit);
  const name = layer.names?.[unit];
  const label = [name, called(layer, unit), status === "ok" ? null : status, note].filter(Boolean).join(", ");
  const caption = make("span", { class: "caption" }, make("span", { text: name ?? unit }));
  if (withLayer) caption.append(make("span", { class: "faint", text: layer.path }));
  if (note) caption.append(make("span", { class: "faint", text: note }));
  const link = make(
    "a",
    { class: "tile", href: unitAddress(layer, unit), title: label, "aria-label": label, "data-unit": unit },
    picture(layer, place, unit, { alt: called(layer, unit) }),
    caption,
  );
  if (status === "dead") link.append(make("span", { class: "mark", text: "dead" }));
  return link;
}

/**
 * Puts tiles into an element that is one stop of the Tab key, whichever tile has had it.
 * @param {HTMLElement} holder
 * @param {HTMLElement[]} tiles
 */
export function put(holder, tiles) {
  const first = !holder.childElementCount;
  tiles.forEach((one, rank) => {
    one.tabIndex = first && rank === 0 ? 0 : -1;
  });
  holder.append(...tiles);
}

/**
 * Lets arrow keys move among the tiles of an element; once for an element.
 * @param {HTMLElement} holder
 */
export function arrows(holder) {
  const tiles = () => /** @type {HTMLElement[]} */ ([...holder.querySelectorAll("a")]);
  holder.addEventListener("focusin", (event) => {
    const link = event.target instanceof Element && event.target.closest("a");
    if (link) for (const one of tiles()) one.tabIndex = one === link ? 0 : -1;
  });
  holder.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const all = tiles();
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = at < 0 ? -1 : target(event.key, all, at);
    if (to < 0 || to >= all.length) return;
    event.preventDefault();
    event.stopPropagation();
    all[to].focus();
  });
}

/**
 * Where a key leads to; -1 for nowhere.
 * @param {string} key
 * @param {HTMLElement[]} all
 * @param {number} at
 */
function target(key, all, at) {
  if (key === "ArrowRight") return Math.min(at + 1, all.length - 1);
  if (key === "ArrowLeft") return Math.max(at - 1, 0);
  if (key === "Home") return 0;
  if (key === "End") return all.length - 1;
  if (key !== "ArrowDown" && key !== "ArrowUp") return -1;
  const columns = all.findIndex((one) => one.offsetTop !== all[0].offsetTop);
  if (columns < 0) return -1;
  const to = key === "ArrowDown" ? at + columns : at - columns;
  return to < 0 || to >= all.length ? at : to;
}
