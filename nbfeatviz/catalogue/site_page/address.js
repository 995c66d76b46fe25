// Addresses: "#block5c_add/3" is a unit, "#block5c_add/" a layer, "#?espresso" a search, "#" the map.

/** @import { Layer } from "./catalogue.js" */
/** @typedef {{ kind: "map" } | { kind: "search", text: string } | { kind: "layer", place: number } | { kind: "unit", place: number, unit: number } | { kind: "unknown", words: string }} Place */

/** @param {string} path of a layer, which may have "/" between nested models */
const encoded = (path) => path.split("/").map(encodeURIComponent).join("/");

/**
 * @param {Layer} layer
 * @param {number} unit
 */
export const unitAddress = (layer, unit) => `#${encoded(layer.path)}/${unit}`;

/** @param {Layer} layer */
export const layerAddress = (layer) => `#${encoded(layer.path)}/`;

/** @param {string} text */
export const searchAddress = (text) => (text ? `#?${encodeURIComponent(text)}` : "#");

/**
 * What an address leads to.
 * @param {string} hash
 * @param {Layer[]} layers
 * @returns {Place}
 */
export function placeOf(hash, layers) {
  let words = hash.replace(/^#/, "");
  if (!words) return { kind: "map" };
  const searched = words.startsWith("?");
  try {
    words = decodeURIComponent(words);
  } catch {
    return { kind: "unknown", words };
  }
  if (searched) return { kind: "search", text: words.slice(1) };
  const cut = words.lastIndexOf("/");
  const [path, last] = cut < 0 ? [words, ""] : [words.slice(0, cut), words.slice(cut + 1)];
  const place = layers.findIndex((layer) => layer.path === path);
  if (place >= 0 && !last) return { kind: "layer", place };
  if (place >= 0 && /^\d{1,9}$/.test(last) && Number(last) < layers[place].units)
    return { kind: "unit", place, unit: Number(last) };
  return { kind: "unknown", words };
}
