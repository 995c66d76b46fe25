// Search: classes by name, layers by path, units by a layer and a number ("espresso", "block5c", "block5c 3").

import { each } from "./catalogue.js";

/** @import { Layer } from "./catalogue.js" */
/** @typedef {{ layers: number[], units: [place: number, unit: number][], more: number }} Found */

/**
 * Layers and units that fit, the best first.
 * @param {Layer[]} layers
 * @param {string} text
 * @param {number} [most] units
 * @returns {Found}
 */
export function search(layers, text, most = 200) {
  const words = wordsOf(text);
  if (!words.length) return { layers: [], units: [], more: 0 };
  const numbers = words.filter((word) => /^\d{1,9}$/.test(word)).map(Number);
  const rest = words.filter((word) => !/^\d{1,9}$/.test(word));
  /** @type {[rank: number, place: number, unit: number][]} */
  const found = [];
  /** @type {number[]} */
  const fitting = [];
  layers.forEach((layer, place) => {
    const seen = new Set();
    for (const unit of layer.names ? each(layer.shown) : []) {
      const name = layer.names?.[unit].toLowerCase() ?? "";
      if (!words.every((word) => name.includes(word))) continue;
      seen.add(unit);
      found.push([name === words.join(" ") ? 0 : 1, place, unit]);
    }
    const path = layer.path.toLowerCase();
    const exact = path === text.trim().toLowerCase();
    if (exact || (words.every((word) => path.includes(word)) && rest.length)) fitting.push(place);
    if (!numbers.length || !rest.every((word) => path.includes(word))) return;
    const known = [...each(layer.shown)].filter((unit) => numbers.includes(unit) && !seen.has(unit));
    for (const unit of known) found.push([rest.includes(path) ? 2 : 3, place, unit]);
  });
  found.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
  return {
    layers: fitting,
    units: found.slice(0, most).map(([, place, unit]) => [place, unit]),
    more: Math.max(0, found.length - most),
  };
}

/**
 * The words of what was typed; "block5c_add/3" is a layer and a number.
 * @param {string} text
 */
const wordsOf = (text) =>
  text
    .toLowerCase()
    .replace(/\/(\d+)\s*$/, " $1")
    .split(/\s+/)
    .filter(Boolean);
