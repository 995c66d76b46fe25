// The fields of forms.

import { make, options, uniqueId } from "./dom.js";

/**
 * A row of a form. The label names the first field, unless that has a name of its own.
 * @param {string} name
 * @param {HTMLElement} first
 * @param {...HTMLElement} more
 */
export function row(name, first, ...more) {
  const label = make("label", { text: name });
  first.id ||= uniqueId();
  if (!first.hasAttribute("aria-label")) label.setAttribute("for", first.id);
  return make("div", { class: "nbfeatviz-row" }, label, make("div", { class: "nbfeatviz-field" }, first, ...more));
}

/**
 * Rows side by side.
 * @param {...HTMLElement} rows
 */
export const pair = (...rows) => make("div", { class: "nbfeatviz-pair" }, ...rows);

/**
 * @param {string} text
 * @param {() => void} act
 * @param {Record<string, any>} [attributes]
 */
export const button = (text, act, attributes = {}) =>
  make("button", { type: "button", text, ...attributes, on: { click: act } });

/** @param {...HTMLElement} inside */
export const buttonRow = (...inside) => make("div", { class: "nbfeatviz-buttons" }, ...inside);

/**
 * A select that calls `chosen` with its value.
 * @param {(value: string) => void} chosen
 * @param {Record<string, any>} [attributes]
 * @param {import("./dom.js").Entry[]} [entries]
 */
export const select = (chosen, attributes = {}, entries = []) =>
  make("select", { ...attributes, on: { change: (event) => chosen(event.target.value) } }, ...options(entries));

/**
 * Listeners of an input: Enter and leaving the field both mean what is written in it.
 * @param {(input: HTMLInputElement) => void} act
 */
export const committing = (act) => ({
  change: (/** @type {any} */ event) => act(event.target),
  keydown: (/** @type {any} */ event) => {
    if (event.key !== "Enter") return;
    event.stopPropagation();
    act(event.target);
  },
});

/**
 * A field of one line that calls `act` when what is in it is meant.
 * @param {(input: HTMLInputElement) => void} act
 * @param {Record<string, any>} [attributes]
 */
export const textField = (act, attributes = {}) =>
  make("input", { type: "text", autocomplete: "off", ...attributes, on: committing(act) });

/**
 * A field for a number that calls `act` with it, and with null where it is empty.
 * @param {(value: number | null) => void} act
 * @param {Record<string, any>} [attributes]
 */
export const numberField = (act, attributes = {}) =>
  make("input", {
    type: "number",
    step: 1,
    ...attributes,
    on: committing(({ value }) => act(value === "" ? null : Number(value))),
  });

/**
 * Sets what a field shows, unless the person is writing in it; `force` where the kernel has refused that.
 * @param {HTMLInputElement | HTMLSelectElement} field
 * @param {string | number | null | undefined} value
 * @param {boolean} [force]
 */
export function put(field, value, force = false) {
  const written = field === document.activeElement && field.type !== "range";
  if (force || !written) field.value = value == null ? "" : String(value);
}

/**
 * @param {Iterable<{ disabled: boolean }>} fields
 * @param {boolean} disabled
 */
export function disable(fields, disabled) {
  for (const field of fields) field.disabled = disabled;
}
