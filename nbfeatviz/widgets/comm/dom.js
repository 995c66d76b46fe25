// Elements: made without ever parsing HTML, filled, placed, and named.

/** @typedef {{ [event: string]: (event: any) => void }} Listeners */
/** @typedef {[value: string | number, text: string | number, title?: string]} Entry of a select */

/**
 * Makes an element. Text and attributes are set as such, never parsed as HTML.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{ on?: Listeners, text?: string, [name: string]: any }} [attributes] true for one without a value, null for none
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  const { on = {}, text, ...plain } = attributes;
  for (const [event, listener] of Object.entries(on)) element.addEventListener(event, listener);
  if (text != null) element.textContent = text;
  for (const [name, value] of Object.entries(plain)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  if (element.matches("input, select, button, textarea, summary, [tabindex]"))
    element.dataset.lmSuppressShortcuts = "true"; // Notebook 7 would take the keys
  return element;
}

/** An id that no other element of the page has. */
export const uniqueId = () => `nbfeatviz-${Math.random().toString(36).slice(2)}`;

/**
 * The entries of a select.
 * @param {Entry[]} entries
 */
export const options = (entries) =>
  entries.map(([value, text, title]) => make("option", { value, text: String(text), title }));

/**
 * Sets the entries of a select, unless they are there already.
 * @param {HTMLSelectElement} select
 * @param {Entry[]} entries
 */
export function fill(select, entries) {
  const text = JSON.stringify(entries);
  if (select.dataset.entries === text) return;
  select.dataset.entries = text;
  select.replaceChildren(...options(entries));
}

/**
 * Sets what an element says, unless it says so already: a screen reader speaks every change.
 * @param {Element} element
 * @param {string} text
 */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Shows a remark, or nothing where there is none.
 * @param {HTMLElement} element
 * @param {string} [text]
 */
export function showNote(element, text = "") {
  element.hidden = !text;
  say(element, text);
}

/**
 * Places an element over a part of the one that holds it, given in fractions.
 * @param {HTMLElement} element
 * @param {number[]} box top, left, bottom, right
 */
export function placeBox(element, [top, left, bottom, right]) {
  const percent = (/** @type {number} */ part) => `${100 * part}%`;
  Object.assign(element.style, {
    top: percent(top),
    left: percent(left),
    height: percent(bottom - top),
    width: percent(right - left),
  });
}

/**
 * Where an event of the pointer is in an element, in fractions.
 * @param {MouseEvent} event
 * @param {Element} element
 * @returns {[y: number, x: number]}
 */
export function positionIn(event, element) {
  const area = element.getBoundingClientRect();
  return [(event.clientY - area.top) / area.height, (event.clientX - area.left) / area.width];
}

/** @type {Record<string, [rows: number, columns: number] | undefined>} what an arrow key moves by */
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/**
 * Whether a key is pressed together with one that gives it another meaning.
 * @param {KeyboardEvent} event
 */
export const isModified = (event) => event.ctrlKey || event.metaKey || event.altKey;

/**
 * What an arrow key moves by; undefined for any other key.
 * @param {KeyboardEvent} event
 */
export const arrowOf = (event) => (isModified(event) ? undefined : ARROWS[event.key]);

/**
 * Takes an event for this element alone: neither the page nor the notebook acts on it.
 * @param {Event} event
 */
export function take(event) {
  event.preventDefault();
  event.stopPropagation();
}

/**
 * A canvas's context, whose unit is a CSS pixel and whose memory fits the screen; null while it has no size.
 * @param {HTMLCanvasElement} canvas
 */
export function drawingOn(canvas) {
  const scale = window.devicePixelRatio || 1,
    width = canvas.clientWidth,
    height = canvas.clientHeight;
  if (!width || !height) return null;
  resize(canvas, Math.round(height * scale), Math.round(width * scale));
  const context = contextOf(canvas);
  context.setTransform(scale, 0, 0, scale, 0, 0);
  context.clearRect(0, 0, width, height);
  return { context, width, height, colours: getComputedStyle(canvas) };
}

/**
 * Gives a canvas a size in pixels, which clears it, unless it has that size.
 * @param {HTMLCanvasElement} canvas
 * @param {number} height
 * @param {number} width
 */
export function resize(canvas, height, width) {
  if (canvas.height !== height || canvas.width !== width) Object.assign(canvas, { height, width });
}

/** @param {HTMLCanvasElement} canvas */
export const contextOf = (canvas) => /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));

const COARSE_PIXELS = 199; // what is this small is enlarged with its pixels kept square

/** @param {number[]} shape height and width */
export const isCoarse = ([height, width]) => Math.max(height, width) <= COARSE_PIXELS;

/**
 * Hands the person a file.
 * @param {string} name
 * @param {Blob} blob
 */
export function download(name, blob) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/**
 * An encoded picture on a canvas of its own; null for none.
 * @param {DataView | null | undefined} data
 */
export async function decoded(data) {
  if (!data?.byteLength) return null;
  try {
    const bitmap = await createImageBitmap(new Blob([/** @type {DataView<ArrayBuffer>} */ (data)]));
    const picture = make("canvas", { width: bitmap.width, height: bitmap.height });
    contextOf(picture).drawImage(bitmap, 0, 0);
    bitmap.close();
    return picture;
  } catch (error) {
    console.warn("nbfeatviz: a picture could not be drawn", error);
    return null;
  }
}
