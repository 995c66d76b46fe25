// The map: the network from its input to its classes, a strip of pictures a layer.

import { layerAddress } from "./address.js";
import { count, each } from "./catalogue.js";
import { make, whole } from "./elements.js";
import { arrows, put, tile } from "./tiles.js";

/** @import { Catalogue, Layer } from "./catalogue.js" */

const MOST = 96; // tiles of a strip; the layer's own page has all

/** @param {Catalogue} site */
export function mapView(site) {
  const rows = site.layers.map((layer, place) => row(layer, place));
  const [height, width] = site.network.size;
  const network = make(
    "ol",
    { class: "network" },
    make("li", { class: "end" }, make("span", { text: `input, ${width} × ${height} × ${site.network.channels}` })),
    ...rows,
    make("li", { class: "end" }, make("span", { text: "output" })),
  );
  network.addEventListener("keydown", (event) => {
    const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    const now = event.target instanceof Element ? event.target.closest(".strip") : null;
    if (!step || !now || event.ctrlKey || event.metaKey || event.altKey) return;
    const strips = [...network.querySelectorAll(".strip")];
    const next = strips[strips.indexOf(now) + step];
    event.preventDefault();
    if (!next) return;
    fill(site, next);
    const links = [...next.querySelectorAll("a")];
    const at = [...now.querySelectorAll("a")].indexOf(/** @type {any} */ (event.target));
    links[Math.min(at, links.length - 1)]?.focus();
  });
  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        near.unobserve(entry.target);
        fill(site, entry.target);
      }
    },
    { rootMargin: "100% 0px" },
  );
  for (const strip of network.querySelectorAll(".strip")) near.observe(strip);
  return make(
    "article",
    { class: "map" },
    make("h1", { text: `What ${site.network.name} likes to see`, tabindex: -1 }),
    facts(site),
    network,
  );
}

/** @param {Catalogue} site */
function facts(site) {
  const total = site.layers.reduce((sum, layer) => sum + count(layer.shown), 0);
  const done = site.layers.reduce((sum, layer) => sum + count(layer.finished), 0);
  const units = done === total ? `${whole(total)} units` : `${whole(done)} of ${whole(total)} units`;
  const layers = site.layers.length === 1 ? "one layer" : `${whole(site.layers.length)} layers`;
  return make(
    "div",
    { class: "lead" },
    make("p", {
      text: `${units} of ${layers}, each with the picture that excites it, made by gradient ascent (recipe ${site.recipe}, ${whole(site.steps)} steps).`,
    }),
    make(
      "p",
      { class: "faint keys" },
      ...keys([
        ["← → ↑ ↓", "move"],
        ["Enter", "open"],
        ["Esc", "back"],
        ["/", "search"],
      ]),
    ),
  );
}

/** @param {[key: string, does: string][]} pairs */
export const keys = (pairs) => pairs.map(([key, does]) => make("span", {}, make("kbd", { text: key }), ` ${does}`));

/**
 * @param {Layer} layer
 * @param {number} place
 */
function row(layer, place) {
  const [done, shown] = [count(layer.finished), count(layer.shown)];
  const units = `${whole(layer.units)} ${layer.units === 1 ? "unit" : "units"}`;
  const some = done === layer.units ? "" : `, ${whole(done)} pictured`;
  const about = make(
    "div",
    { class: "about" },
    make("h2", {}, make("a", { href: layerAddress(layer), text: layer.path })),
    make("p", { class: "faint", text: `${units}${some}` }),
    make("p", {
      class: "faint",
      text: layer.positions ? `${layer.positions.join(" × ")} positions` : layer.names ? "classes" : layer.kind,
    }),
  );
  const strip = make("div", {
    class: "strip",
    role: "group",
    "aria-label": `pictures of ${layer.path}`,
    "data-place": place,
  });
  strip.classList.toggle("named", Boolean(layer.names));
  strip.style.setProperty("--tiles", String(Math.min(shown, MOST)));
  return make("li", { class: "row" }, about, strip);
}

/**
 * Fills a strip when it comes near, so that thousands of pictures do not load at once.
 * @param {Catalogue} site
 * @param {Element} strip
 */
export function fill(site, strip) {
  if (strip.childElementCount || !(strip instanceof HTMLElement)) return;
  const place = Number(strip.dataset.place);
  const layer = site.layers[place];
  /** @type {HTMLElement[]} */
  const tiles = [...each(layer.shown, MOST)].map((unit) => tile(layer, place, unit));
  const shown = count(layer.shown);
  if (shown > MOST) {
    const label = `all ${whole(shown)}`;
    const words = make("span", { class: "empty", text: label });
    const name = `${label} units of ${layer.path}`;
    tiles.push(make("a", { class: "tile all", href: layerAddress(layer), "aria-label": name }, words));
  }
  put(strip, tiles);
  arrows(strip);
}
