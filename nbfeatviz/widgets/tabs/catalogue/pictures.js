// The pictures of a catalogue on the page: asked for when they come into sight, the least recently seen given up.

import { webpUrl } from "../../comm/kernel.js";
import { throttle } from "../../comm/throttle.js";

/** @typedef {{ unit: number, name: string, score: number | null, status: string, url: string }} Picture */

const KEPT = 1600; // of some kilobytes each
const ASK_MS = 40;
const AT_ONCE = 48;

export class Pictures {
  /** @type {Map<string, Picture>} the last seen last */
  #kept = new Map();
  /** @type {Map<string, Set<number>>} what is wanted, by layer */
  #wanted = new Map();
  /** @type {Set<string>} what has been asked for */
  #asked = new Set();
  #send;
  #changed;
  #ask = throttle(ASK_MS, () => this.#sendWanted());

  /**
   * @param {(layer: string, units: number[]) => void} send asks the kernel
   * @param {(layer: string) => void} changed pictures of a layer have come
   */
  constructor(send, changed) {
    this.#send = send;
    this.#changed = changed;
  }

  /**
   * A picture that has come, or undefined, and then it is asked for.
   * @param {string} layer
   * @param {number} unit
   */
  get(layer, unit) {
    const key = `${unit} ${layer}`,
      found = this.#kept.get(key);
    if (found) {
      this.#kept.delete(key);
      this.#kept.set(key, found);
      return found;
    }
    if (!this.#asked.has(key)) {
      const units = this.#wanted.get(layer) ?? new Set();
      this.#wanted.set(layer, units.add(unit));
      this.#ask();
    }
    return undefined;
  }

  #sendWanted() {
    for (const [layer, units] of this.#wanted) {
      const all = [...units];
      for (const unit of all) this.#asked.add(`${unit} ${layer}`);
      for (let first = 0; first < all.length; first += AT_ONCE) this.#send(layer, all.slice(first, first + AT_ONCE));
    }
    this.#wanted.clear();
  }

  /**
   * @param {{ layer: string, units: Omit<Picture, "url">[] }} content
   * @param {DataView[]} buffers
   */
  receive({ layer, units }, buffers) {
    units.forEach((facts, place) => {
      const key = `${facts.unit} ${layer}`,
        before = this.#kept.get(key);
      if (before?.url) URL.revokeObjectURL(before.url);
      const data = buffers[place];
      this.#kept.set(key, { ...facts, url: webpUrl(data) });
      this.#asked.delete(key);
    });
    for (const [key, { url }] of this.#kept) {
      if (this.#kept.size <= KEPT) break;
      URL.revokeObjectURL(url);
      this.#kept.delete(key);
    }
    this.#changed(layer);
  }

  /** What is kept may be another by now. */
  clear() {
    for (const { url } of this.#kept.values()) URL.revokeObjectURL(url);
    this.#kept.clear();
    this.#asked.clear();
    this.#wanted.clear();
  }
}
