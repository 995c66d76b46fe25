// What a thing means, in a tooltip on hover and on focus: a title is shown on hover alone.

import { make } from "./dom.js";

const MARGIN = 4;

/**
 * Says what an element means; "" for nothing.
 * @param {HTMLElement} el
 * @param {string} text
 */
export function explain(el, text) {
  if (el.dataset.explain === text) return;
  if (text) {
    el.dataset.explain = text;
    el.setAttribute("aria-description", text);
  } else {
    delete el.dataset.explain;
    el.removeAttribute("aria-description");
  }
}

/**
 * Shows the explanations of all elements in a panel, one at a time; Escape hides it.
 * @param {HTMLElement} panel that positions the tooltip
 * @param {AbortSignal} signal ends it
 */
export function showExplanations(panel, signal) {
  const tip = make("div", { class: "nbfeatviz-tip", "aria-hidden": "true", hidden: true });
  panel.append(tip);
  const hide = () => {
    tip.hidden = true;
  };
  /** @param {Event} event */
  const show = ({ target }) => {
    const el = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest?.("[data-explain]"));
    tip.hidden = !el;
    if (!el) return;
    tip.textContent = el.dataset.explain ?? "";
    const around = panel.getBoundingClientRect(),
      { left, top, bottom } = el.getBoundingClientRect(),
      above = top - around.top - tip.offsetHeight - MARGIN;
    const below = bottom - around.top + MARGIN,
      room = around.width - tip.offsetWidth - MARGIN;
    tip.style.left = `${Math.max(MARGIN, Math.min(left - around.left, room))}px`;
    tip.style.top = `${below + tip.offsetHeight < around.height || above < 0 ? below : above}px`;
  };
  panel.addEventListener("mouseover", show, { signal });
  panel.addEventListener("focusin", show, { signal });
  panel.addEventListener("mouseleave", hide, { signal });
  panel.addEventListener("focusout", hide, { signal });
  panel.addEventListener("keydown", ({ key }) => key === "Escape" && hide(), { signal });
  signal.addEventListener("abort", () => tip.remove());
}
