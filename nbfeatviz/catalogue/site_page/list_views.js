// The page of a layer, with all its units, and what a search found.

import { layerAddress } from "./address.js";
import { count, each, unitsOf } from "./catalogue.js";
import { figure, make, whole } from "./elements.js";
import { search } from "./search.js";
import { arrows, put, tile } from "./tiles.js";

/** @import { Catalogue, Layer, Unit } from "./catalogue.js" */

const AT_ONCE = 96; // tiles that are added in one frame

/** @type {{ [order: string]: (unit: Unit) => number | null | undefined }} */
const ORDERS = {
  score: (unit) => unit.seeds[0][2],
  sparsity: (unit) => unit.activations?.sparsity,
};

/**
 * @param {Catalogue} site
 * @param {number} place
 */
export function layerView(site, place) {
  const layer = site.layers[place];
  const grid = make("div", { class: "grid many", role: "group", "aria-label": `units of ${layer.path}` });
  const order = make(
    "select",
    { on: { change: () => void sorted() } },
    ...["unit", ...Object.keys(ORDERS)].map((name) => make("option", { value: name, text: name })),
  );
  const said = make("p", { class: "faint", role: "status" });
  const sorted = async () => {
    const units = [...each(layer.shown)];
    const value = ORDERS[order.value];
    if (!value) return show(units);
    try {
      const known = await unitsOf(place);
      const key = (/** @type {number} */ unit) => (known[unit] && value(known[unit])) ?? Number.NEGATIVE_INFINITY;
      units.sort((a, b) => key(b) - key(a) || a - b);
      show(units, (unit) => (known[unit] ? figure(value(known[unit])) : undefined));
    } catch (error) {
      said.textContent = /** @type {Error} */ (error).message;
    }
  };
  let turn = 0;
  /** @type {(units: number[], note?: (unit: number) => string | undefined) => void} */
  const show = (units, note) => {
    const mine = ++turn;
    grid.replaceChildren();
    const some = (/** @type {number} */ from) => {
      if (mine !== turn) return;
      const chosen = units.slice(from, from + AT_ONCE);
      put(
        grid,
        chosen.map((unit) => tile(layer, place, unit, { note: note?.(unit) })),
      );
      if (from + AT_ONCE < units.length) requestAnimationFrame(() => some(from + AT_ONCE));
    };
    some(0);
  };
  arrows(grid);
  show([...each(layer.shown)]);
  const done = count(layer.finished);
  const words = [
    layer.kind,
    `${whole(layer.units)} ${layer.units === 1 ? "unit" : "units"}${done === layer.units ? "" : `, ${whole(done)} pictured`}`,
    layer.positions && `${layer.positions.join(" × ")} positions`,
    `pictures of ${layer.size[1]} × ${layer.size[0]}`,
  ];
  return make(
    "article",
    {},
    make("nav", { class: "steps", "aria-label": "layers" }, ...besides(site, place)),
    make("h1", { text: layer.path, tabindex: -1 }),
    make("p", { class: "faint", text: words.filter(Boolean).join(" · ") }),
    make("p", { class: "order" }, make("label", {}, "Sort by ", order)),
    said,
    grid,
  );
}

/**
 * Links to the layer before and after.
 * @param {Catalogue} site
 * @param {number} place
 */
function besides(site, place) {
  const before = site.layers[place - 1];
  const after = site.layers[place + 1];
  return [
    make("a", { href: "#", text: "Map" }),
    ...(before ? [make("a", { href: layerAddress(before), text: `← ${before.path}` })] : []),
    ...(after ? [make("a", { href: layerAddress(after), text: `${after.path} →` })] : []),
  ];
}

/**
 * @param {Catalogue} site
 * @param {string} text
 */
export function searchView(site, text) {
  const found = search(site.layers, text);
  const total = found.units.length + found.more;
  const counted = [
    [found.layers.length, "layer", "layers"],
    [total, "unit", "units"],
  ]
    .filter(([many]) => many)
    .map(([many, one, more]) => `${whole(Number(many))} ${many === 1 ? one : more}`)
    .join(" and ");
  const layers = found.layers.map((place) => {
    const layer = site.layers[place];
    const link = make("a", { href: layerAddress(layer), text: layer.path });
    return make("li", {}, link, make("span", { class: "faint", text: ` ${whole(layer.units)} units` }));
  });
  const grid = make("div", { class: "grid", role: "group", "aria-label": "units found" });
  put(
    grid,
    found.units.map(([place, unit]) => tile(site.layers[place], place, unit, { withLayer: true })),
  );
  arrows(grid);
  return make(
    "article",
    {},
    make("h1", { text: `Search: ${text}`, tabindex: -1 }),
    make("p", {
      role: "status",
      class: "faint",
      text: counted || "Nothing fits. Try a class (espresso), a layer (block5c), or both with a number (block5c 3).",
    }),
    make("ul", { class: "layers" }, ...layers),
    grid,
    ...(found.more ? [make("p", { class: "faint", text: `${whole(found.more)} more are not shown: type more.` })] : []),
  );
}
