// Elements: made without ever parsing HTML, so that a name can be no markup.

/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{ text?: string | number, on?: { [event: string]: (event: any) => void }, [name: string]: any }} [attributes]
 *   true for one without a value, null for none
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  const { text, on = {}, ...plain } = attributes;
  if (text != null) element.textContent = String(text);
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  set(element, plain);
  element.append(...children);
  return element;
}

/**
 * An element of a drawing.
 * @param {string} tag
 * @param {{ [name: string]: any }} attributes
 * @param {...Node} children
 */
export function draw(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @param {Element} element
 * @param {{ [name: string]: any }} attributes
 */
function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, String(value));
  }
}

/** @param {number} value a count, as "1,000" */
export const whole = (value) => value.toLocaleString("en");

/** @param {number | null | undefined} value with four digits */
export function figure(value) {
  if (value == null) return "none";
  const size = Math.abs(value);
  const text = size !== 0 && (size < 0.001 || size >= 1e6) ? value.toExponential(2) : String(+value.toPrecision(4));
  return text.replace("-", "−");
}
