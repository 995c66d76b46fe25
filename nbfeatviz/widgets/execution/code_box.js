// The lines that make a picture again: shown, and copied where the page may.

import { make } from "../comm/dom.js";
import { button } from "../comm/fields.js";

const COPY = "Copy as Python";

export class CodeBox {
  code = make("textarea", {
    class: "nbfeatviz-code",
    readonly: true,
    rows: 6,
    hidden: true,
    "aria-label": "Python code",
    spellcheck: "false",
  });

  /** @param {() => void} ask the kernel for the lines */
  constructor(ask) {
    this.copy = button(COPY, ask, { title: "the lines that make this again" });
  }

  /** @param {string} text */
  async show(text) {
    const { code, copy } = this;
    code.hidden = false;
    code.value = text;
    code.rows = Math.min(12, text.split("\n").length + 1);
    try {
      await navigator.clipboard.writeText(text);
      copy.textContent = "Copied";
    } catch {
      code.focus();
      code.select();
      copy.textContent = "Select and copy";
    }
    setTimeout(() => (copy.textContent = COPY), 2000);
  }
}
