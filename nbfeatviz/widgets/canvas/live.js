// The live canvas: draws frames on the ipycanvas Canvas, keeps the numbers of the run, and shows them.

import { LivePage } from "./live_page.js";
import { LiveView } from "./live_view.js";

/** @typedef {import("../comm/traits.js").LiveTraits} Traits */

/** @type {Map<string, LivePage>} by the panel's key: every render gets a new model proxy */
const pages = new Map();

/** @type {import("@anywidget/types").Initialize<Traits>} */
function initialize({ model }) {
  const key = model.get("key"),
    page = new LivePage(model);
  pages.set(key, page);
  page.connect();
  return () => {
    page.close();
    pages.delete(key);
  };
}

/** @type {import("@anywidget/types").Render<Traits>} */
function render({ model, el }) {
  const page = pages.get(model.get("key"));
  if (!page) return;
  const view = new LiveView(page, el),
    leave = page.addView(view);
  return () => {
    view.close();
    leave();
  };
}

export default { initialize, render };
