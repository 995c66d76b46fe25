// The page side of every widget of a panel, in one module: one widget carries it, the others await it.

import live from "./canvas/live.js";
import exemplars from "./exemplars/exemplars.js";
import tree from "./layer_tree.js";
import catalogue from "./tabs/catalogue/catalogue.js";
import features from "./tabs/features/features.js";
import invert_style_dream from "./tabs/invert_style_dream/invert_style_dream.js";
import optimize from "./tabs/optimize/optimize.js";
import photo from "./tabs/photo/photo.js";

const widgets = { live, tree, optimize, photo, features, catalogue, exemplars, invert_style_dream };

/**
 * Where the widgets of this version are, or will be: whoever comes first, module or widget, makes the place.
 * `comm/frontend.py` has the other half.
 * @type {Record<string, { widgets: Promise<typeof widgets>, publish(value: typeof widgets): void }>}
 */
const places = /** @type {any} */ (globalThis);
const key = `nbfeatviz-${PANEL_VERSION}`;
places[key] ??= (() => {
  /** @type {(value: typeof widgets) => void} */
  let publish = () => {};
  return { widgets: new Promise((resolve) => (publish = resolve)), publish: (value) => publish(value) };
})();
places[key].publish(widgets);

export default live;
