// What the parts of a panel tell each other on the page: events that bubble up to the panel's grid.

/** Another tab is open, or it computes something else; the grid's data-tab and data-doing say which and what. */
export const TAB_EVENT = "nbfeatviz-tab";
/** Something was asked of the kernel that may take a moment: `detail.text` says what, until the kernel answers. */
export const ASKED_EVENT = "nbfeatviz-asked";

/**
 * Says at once, where the status stands, that a wish was heard.
 * @param {HTMLElement} el in the panel
 * @param {string} text
 */
export function sayAsked(el, text) {
  el.dispatchEvent(new CustomEvent(ASKED_EVENT, { bubbles: true, detail: { text } }));
}
