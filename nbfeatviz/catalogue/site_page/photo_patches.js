// The photographs that excite a unit most and least: thumbnails that many units share, cut by the receptive field's box.

import { photographs } from "./catalogue.js";
import { figure, make } from "./elements.js";

/** @import { Catalogue, Layer, Patch, Unit } from "./catalogue.js" */

/**
 * @param {Catalogue} site
 * @param {string} unit in words
 * @param {Unit} known
 */
export async function photoPatches(site, unit, known) {
  const names = await photographs();
  const holder = make("section", { class: "photographs" });
  const whole = make("button", { type: "button", "aria-pressed": "false", text: "Show whole photographs" });
  whole.addEventListener("click", () => {
    const now = holder.classList.toggle("whole");
    whole.setAttribute("aria-pressed", String(now));
  });
  holder.append(make("h2", { text: "Photographs" }), make("p", {}, whole));
  for (const [kind, title] of /** @type {["strongest" | "weakest", string][]} */ ([
    ["strongest", "What excites it most"],
    ["weakest", "What excites it least"],
  ])) {
    const patches = (known[kind] ?? []).map((patch, rank) =>
      figureOf(
        site,
        patch,
        names[patch[0]],
        `photograph ${rank + 1} of those that excite ${unit} ${kind === "strongest" ? "most" : "least"}`,
      ),
    );
    if (patches.length) holder.append(make("h3", { text: title }), make("div", { class: "patches" }, ...patches));
  }
  return holder;
}

/**
 * @param {Catalogue} site
 * @param {Patch} patch
 * @param {string} name
 * @param {string} words
 */
function figureOf(site, [photograph, value, [top, left, bottom, right]], name, words) {
  const [height, width] = site.network.size;
  const image = make("img", {
    src: `photographs/${photograph}.webp`,
    alt: `${words}: ${name}`,
    loading: "lazy",
    decoding: "async",
  });
  const field = make("span", { class: "field" });
  const view = make("span", { class: "view" }, image, field);
  const [tall, wide] = [Math.max(1, bottom - top), Math.max(1, right - left)];
  const set = (/** @type {HTMLElement} */ element, /** @type {{ [name: string]: number }} */ values) => {
    for (const [key, number] of Object.entries(values)) element.style.setProperty(`--${key}`, String(number));
  };
  set(view, { wide, tall, width, height, left, top });
  return make("figure", { title: name }, view, make("figcaption", { class: "faint", text: figure(value) }));
}
