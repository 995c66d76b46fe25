// The page of a unit: its picture large, what made it, how it answers photographs, and which units are like it.

import { layerAddress, unitAddress } from "./address.js";
import { called, each, statusOf, unitsOf } from "./catalogue.js";
import { figure, make, whole } from "./elements.js";
import { histogram } from "./histogram.js";
import { keys } from "./map_view.js";
import { photoPatches } from "./photo_patches.js";
import { picture, tile } from "./tiles.js";

/** @import { Catalogue, Layer, Unit } from "./catalogue.js" */

/** @type {{ [status: string]: string }} */
const STATUSES = {
  ok: "ok",
  dead: "dead: no gradient ever changed its picture",
  "not finite": "not finite: something in it was no finite number, so there is no picture",
  "not yet": "not yet: nobody has computed its picture",
};

/**
 * The address of the unit before (-1) or after (1) one; null where it is the last.
 * @param {Layer} layer
 * @param {number} unit
 * @param {number} step
 */
export function besides(layer, unit, step) {
  const all = [...each(layer.shown)];
  const found = step > 0 ? all.find((one) => one > unit) : all.findLast((one) => one < unit);
  return found == null ? null : unitAddress(layer, found);
}

/**
 * @param {Catalogue} site
 * @param {number} place
 * @param {number} unit
 * @returns {Promise<HTMLElement>}
 */
export async function unitView(site, place, unit) {
  const layer = site.layers[place];
  const known = statusOf(layer, unit) === "not yet" ? undefined : (await unitsOf(place))[unit];
  const name = layer.names?.[unit];
  const title = name ?? `Unit ${unit}`;
  const step = (/** @type {number} */ by, /** @type {string} */ text) => {
    const href = besides(layer, unit, by);
    return href ? make("a", { href, text }) : make("span", { class: "faint", text });
  };
  const shown = make("div", { class: "picture" }, picture(layer, place, unit, { lazy: false }));
  const side = make(
    "div",
    { class: "said" },
    make("h1", { text: title, tabindex: -1 }),
    make(
      "p",
      { class: "faint" },
      name == null ? "of layer " : `unit ${unit} of layer `,
      make("a", { href: layerAddress(layer), text: layer.path }),
    ),
    about(layer, unit, known),
    ...(known?.activations
      ? [make("h2", { text: "Activations on photographs" }), histogram(known.activations, known.seeds[0][2])]
      : []),
  );
  const page = make(
    "article",
    { class: "unit" },
    make(
      "nav",
      { class: "steps", "aria-label": "units" },
      make("a", { href: "#", text: "Map" }),
      make("a", { href: layerAddress(layer), text: layer.path }),
      step(-1, "← previous"),
      step(1, "next →"),
    ),
    make("div", { class: "first" }, shown, side),
  );
  if (known) {
    if (known.seeds.length > 1) page.append(seeds(layer, place, unit, known));
    if (known.strongest) page.append(await photoPatches(site, called(layer, unit), known));
    if (known.like.length) page.append(alike(site, known));
    page.append(settings(site, layer, known));
  }
  page.append(
    make(
      "p",
      { class: "faint keys" },
      ...keys([
        ["← →", "other units"],
        ["Esc", "back"],
        ["/", "search"],
      ]),
    ),
  );
  return page;
}

/**
 * @param {Layer} layer
 * @param {number} unit
 * @param {Unit | undefined} known
 */
function about(layer, unit, known) {
  const status = known?.seeds[0][1] ?? statusOf(layer, unit);
  /** @type {[string, string | null | undefined][]} */
  const pairs = [
    ["status", STATUSES[status] ?? status],
    ["score", known && figure(known.seeds[0][2])],
    ["sparsity (0 to 1)", known?.activations && figure(known.activations.sparsity)],
  ];
  return list(pairs);
}

/** @param {[string, string | null | undefined][]} pairs those without a value are left out */
const list = (pairs) =>
  make(
    "dl",
    {},
    ...pairs
      .filter(([, value]) => value != null)
      .map(([term, value]) => make("div", {}, make("dt", { text: term }), make("dd", { text: String(value) }))),
  );

/**
 * @param {Layer} layer
 * @param {number} place
 * @param {number} unit
 * @param {Unit} known
 */
function seeds(layer, place, unit, known) {
  const others = known.seeds.slice(1).map(([seed, status, score, there]) => {
    const words = `${called(layer, unit)} from seed ${seed}`;
    const shown = there
      ? picture(layer, place, unit, { file: `${unit}-${seed}`, alt: words })
      : make("span", { class: "empty", text: status });
    return make(
      "figure",
      { class: "tile" },
      shown,
      make("figcaption", { class: "caption" }, `seed ${seed}`, make("span", { class: "faint", text: figure(score) })),
    );
  });
  return make("section", {}, make("h2", { text: "From other noise" }), make("div", { class: "grid" }, ...others));
}

/**
 * @param {Catalogue} site
 * @param {Unit} known
 */
function alike(site, known) {
  const tiles = known.like.map(([place, unit, cosine]) =>
    tile(site.layers[place], place, unit, { withLayer: true, note: `cosine ${cosine.toFixed(2)}` }),
  );
  return make("section", {}, make("h2", { text: "Units like it" }), make("div", { class: "grid" }, ...tiles));
}

/**
 * @param {Catalogue} site
 * @param {Layer} layer
 * @param {Unit} known
 */
function settings(site, layer, known) {
  const [height, width] = layer.size;
  const said = make("span", { role: "status", class: "faint" });
  const code = make("code", { text: known.code });
  const copy = make("button", { type: "button", text: "Copy" });
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(known.code);
      said.textContent = "copied";
    } catch {
      getSelection()?.selectAllChildren(code);
      said.textContent = "selected: copy it with the keyboard";
    }
  });
  return make(
    "section",
    { class: "settings" },
    make("h2", { text: "How it was made" }),
    list([
      ["recipe", site.recipe],
      ["steps", whole(site.steps)],
      ["seed", String(known.seeds[0][0])],
      ["size", `${width} × ${height}`],
      ["precision", site.precision],
      ["network", site.network.name],
      ["hash", site.network.hash],
      ["nbfeatviz", site.version],
    ]),
    make("pre", { tabindex: 0, "aria-label": "Python that makes it again" }, code),
    make("p", {}, copy, " ", said),
  );
}
