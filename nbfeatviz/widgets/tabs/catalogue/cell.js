// A picture of a unit, small, as a button.

import { make } from "../../comm/dom.js";
import { digits } from "../../comm/numbers.js";

/** @typedef {import("./pictures.js").Picture} Picture */

/**
 * What a unit is, in words.
 * @param {string} layer
 * @param {number} unit
 * @param {Partial<Picture> | undefined} picture
 */
export function inWords(layer, unit, picture) {
  const name = picture?.name ? `, ${picture.name}` : "",
    score = picture?.score == null ? "" : `, score ${digits(picture.score)}`,
    status = picture?.status && picture.status !== "ok" ? `, ${picture.status}` : "";
  return `unit ${unit} of ${layer}${name}${score}${status}`;
}

/**
 * A button with the picture of a unit, once that is there.
 * @param {string} layer
 * @param {number} unit
 * @param {Picture | undefined} picture
 * @param {string} [note] under the number, such as how much it is alike
 */
export function cellOf(layer, unit, picture, note = "") {
  const image = make("img", { alt: "", decoding: "async", draggable: "false", src: picture?.url || null });
  const words = inWords(layer, unit, picture);
  const el = make(
    "button",
    {
      type: "button",
      class: "nbfeatviz-unitcell",
      tabindex: "-1",
      "aria-label": note ? `${words}, ${note}` : words,
      title: note ? `${words}\n${note}` : words,
      "data-layer": layer,
      "data-unit": unit,
    },
    image,
    make("span", { text: picture?.name || String(unit) }),
  );
  if (picture && !picture.url) el.classList.add("nbfeatviz-nopicture");
  return el;
}
