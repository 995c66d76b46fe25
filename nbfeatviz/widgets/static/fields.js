// Fields of the photo tabs, and what the person wishes until the kernel has answered.

const ECHO_MS = 2000;

/** What was chosen here and has not come back yet; it counts as chosen for a while, so that nothing flickers. */
class Wishes {
  constructor(expired) {
    this.entries = new Map();
    this.expired = expired;
  }

  make(key, value) {
    this.entries.set(key, { text: JSON.stringify(value), value, until: performance.now() + ECHO_MS });
    clearTimeout(this.timer);
    this.timer = setTimeout(this.expired, ECHO_MS + 20);
  }

  /** The value to show, given the one that the kernel knows. */
  value(key, known) {
    const entry = this.entries.get(key);
    if (entry && entry.text !== JSON.stringify(known) && performance.now() < entry.until) return entry.value;
    this.entries.delete(key);
    return known;
  }
}

/** A row of a form. The label names the first field, unless that has a name of its own. */
function row(name, first, ...more) {
  const label = make("label", { text: name });
  first.id ||= `nbfeatviz-${Math.random().toString(36).slice(2)}`;
  if (!first.hasAttribute("aria-label")) label.setAttribute("for", first.id);
  return make("div", { class: "nbfeatviz-row" }, label, make("div", { class: "nbfeatviz-field" }, first, ...more));
}

/** A select that calls `chosen` with its value. */
const chooser = (chosen, attributes = {}, entries = []) =>
  make("select", { ...attributes, on: { change: (event) => chosen(event.target.value) } }, ...options(entries));

const pressable = (text, act, attributes = {}) => make("button", { type: "button", text, ...attributes, on: { click: act } });

/** Sets what a field shows, unless the person is writing in it. */
const put = (input, value) => { if (input !== document.activeElement) input.value = value ?? ""; };

const percent = (fraction) => `${100 * fraction}%`;

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** [rows, columns] that an arrow key moves by. */
const ARROWS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

const PIXELS_SEEN = 64; // what is this small is enlarged with its pixels kept square

const coarse = (height, width) => Math.max(height, width) <= PIXELS_SEEN;

/** Places an element over a part of the one that holds it, given in fractions. */
function placeBox(element, top, left, bottom, right) {
  Object.assign(element.style, { top: percent(top), left: percent(left), height: percent(bottom - top), width: percent(right - left) });
}
