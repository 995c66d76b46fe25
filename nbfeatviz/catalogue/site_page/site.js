// The site: shows what the address says, and takes the keys.

import { placeOf, searchAddress } from "./address.js";
import { catalogue } from "./catalogue.js";
import { make } from "./elements.js";
import { layerView, searchView } from "./list_views.js";
import { mapView } from "./map_view.js";
import { besides, unitView } from "./unit_view.js";

/** @import { Catalogue } from "./catalogue.js" */

const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const input = /** @type {HTMLInputElement} */ (document.querySelector("input[type=search]"));

/** Views with tiles are kept as they were left: where one had scrolled to, and which tile had the focus. */
/** @type {Map<string, { view: HTMLElement, scroll: number, focus: Element | null }>} */
const left = new Map();
const KEPT = 4;

/** @param {Catalogue} site */
function begin(site) {
  let now = ""; // the address that is shown
  let origin = "#"; // where Escape leads to from a unit
  let turn = 0;

  const show = async () => {
    const mine = ++turn;
    const hash = location.hash || "#";
    const place = placeOf(hash, site.layers);
    leave(now);
    const kept = left.get(hash);
    let view = kept?.view;
    try {
      view ??= await viewOf(site, place);
    } catch (error) {
      view = make(
        "article",
        {},
        make("h1", { text: "Missing", tabindex: -1 }),
        make("p", { text: /** @type {Error} */ (error).message }),
      );
    }
    if (mine !== turn) return; // the address has changed meanwhile
    if (place.kind !== "unit" && place.kind !== "unknown") origin = hash;
    now = hash;
    main.replaceChildren(view);
    const heading = view.querySelector("h1");
    document.title = [
      heading?.textContent,
      place.kind === "unit" && site.layers[place.place].path,
      place.kind !== "map" && site.network.name,
    ]
      .filter(Boolean)
      .join(" · "); // prettier-ignore
    if (place.kind !== "search") input.value = "";
    else if (document.activeElement !== input) input.value = place.text;
    scrollTo(0, kept?.scroll ?? 0);
    if (document.activeElement === input && place.kind === "search") return;
    const focus = kept?.focus?.isConnected ? kept.focus : heading;
    if (focus instanceof HTMLElement && (place.kind !== "map" || kept)) focus.focus({ preventScroll: true });
  };

  /** @param {string} hash */
  const leave = (hash) => {
    const view = main.firstElementChild;
    if (!(view instanceof HTMLElement) || !hash) return;
    const { kind } = placeOf(hash, site.layers);
    if (kind === "unit" || kind === "unknown") return;
    left.delete(hash);
    left.set(hash, {
      view,
      scroll: scrollY,
      focus: view.contains(document.activeElement) ? document.activeElement : null,
    });
    for (const old of left.keys()) if (left.size > KEPT && old !== "#") left.delete(old);
  };

  input.addEventListener("input", () => {
    const searching = placeOf(location.hash, site.layers).kind === "search";
    const to = searchAddress(input.value.trim());
    if (searching) location.replace(to);
    else location.hash = to;
  });
  addEventListener("hashchange", show);
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const place = placeOf(location.hash, site.layers);
    const typing = event.target instanceof Element && event.target.matches("input, select, textarea");
    if (event.key === "Escape") {
      if (typing && event.target !== input) return;
      if (place.kind === "map") return input.blur();
      event.preventDefault();
      input.value = "";
      input.blur();
      location.hash = place.kind === "unit" ? origin : "#";
    } else if (event.key === "/" && !typing) {
      event.preventDefault();
      input.focus();
      input.select();
    } else if (place.kind === "unit" && !typing && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      const to = besides(site.layers[place.place], place.unit, event.key === "ArrowLeft" ? -1 : 1);
      if (!to || (event.target instanceof Element && event.target.matches("pre"))) return;
      event.preventDefault();
      location.replace(to); // so that Back leads out of the walk, not through it
    } else if (
      place.kind === "map" &&
      !typing &&
      event.key.startsWith("Arrow") &&
      document.activeElement === document.body
    ) {
      const first = main.querySelector(".strip a");
      if (!(first instanceof HTMLElement)) return;
      event.preventDefault();
      first.focus();
    }
  });
  const home = /** @type {HTMLAnchorElement} */ (document.querySelector(".home"));
  home.textContent = site.network.name;
  home.href = "#"; // the same page, whatever its file is called
  void show();
}

/**
 * @param {Catalogue} site
 * @param {import("./address.js").Place} place
 */
async function viewOf(site, place) {
  if (place.kind === "map") return mapView(site);
  if (place.kind === "layer") return layerView(site, place.place);
  if (place.kind === "search") return searchView(site, place.text);
  if (place.kind === "unit") return unitView(site, place.place, place.unit);
  return make(
    "article",
    {},
    make("h1", { text: "Not here", tabindex: -1 }),
    make("p", { text: `This catalogue has no layer or unit at the address “${place.words}”.` }),
    make("p", {}, make("a", { href: "#", text: "Go to the map" })),
  );
}

const site = catalogue();
if (site) begin(site);
else main.append(make("p", { text: "The file data/catalogue.js is missing: export the site again." }));
