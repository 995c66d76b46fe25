// A weight: a slider over its usual range, and a number that may go further.

import { make } from "../comm/dom.js";
import { committing, disable, put } from "../comm/fields.js";
import { digits } from "../comm/numbers.js";

/** @typedef {{ min: number, max: number, step: number }} Range of the slider */

export class Weight {
  /**
   * @param {object} look
   * @param {[slider: string, number: string]} look.names accessible names of both fields
   * @param {Range} look.range of the slider; exponents where it is logarithmic
   * @param {boolean} [look.logarithmic] the slider goes over the powers of ten
   * @param {number} [look.least] that the number may be
   * @param {(weight: number) => void} change
   */
  constructor({ names, range, logarithmic = false, least }, change) {
    this.logarithmic = logarithmic;
    this.slider = make("input", {
      type: "range",
      ...range,
      "aria-label": names[0],
      on: { input: () => change(this.#slid()) },
    });
    this.number = make("input", {
      type: "number",
      step: "any",
      min: least,
      "aria-label": names[1],
      on: committing(({ value }) => {
        if (value !== "") change(Number(value));
      }),
    });
    this.inputs = [this.slider, this.number];
  }

  #slid() {
    const place = Number(this.slider.value);
    return this.logarithmic ? Number((10 ** place).toPrecision(2)) : place;
  }

  /**
   * @param {number} weight
   * @param {boolean} [force] see `put`
   */
  show(weight, force) {
    const held = this.slider === document.activeElement && this.#slid() === weight;
    if (!held) this.slider.value = String(this.logarithmic ? Math.log10(Math.max(weight, 1e-9)) : weight);
    this.slider.setAttribute("aria-valuetext", digits(weight));
    put(this.number, weight, force);
  }

  /** @param {boolean} off */
  disable(off) {
    disable(this.inputs, off);
  }
}
