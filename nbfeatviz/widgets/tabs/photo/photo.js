// The tab bar and the photo tabs.

import { PhotoPage } from "./photo_page.js";
import { PhotoView } from "./photo_view.js";

/** @typedef {import("../../comm/traits.js").PhotoTraits} Traits */

/** @type {Map<string, PhotoPage>} by the panel's command comm: every render gets a new model proxy */
const pages = new Map();

/** @type {import("@anywidget/types").Initialize<Traits>} */
function initialize({ model }) {
  const key = model.get("commands"),
    page = new PhotoPage(model);
  pages.set(key, page);
  page.connect();
  return () => {
    page.close();
    pages.delete(key);
  };
}

/** @type {import("@anywidget/types").Render<Traits>} */
function render({ model, el }) {
  const page = pages.get(model.get("commands"));
  if (!page) return;
  const view = new PhotoView(page, el);
  page.views.add(view);
  return () => {
    page.views.delete(view);
    view.close();
  };
}

export default { initialize, render };
