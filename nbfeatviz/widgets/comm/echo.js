// What a person sets is shown at once, until the kernel has answered.

import { throttle } from "./throttle.js";

export const ECHO_MS = 2000;

/** What was chosen here and has not come back yet; it counts as chosen for a while, so that nothing flickers. */
export class Echo {
  /** @type {Map<string, { text: string, value: any, until: number }>} */
  #entries = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #expired;

  /** @param {() => void} expired called when what the kernel never confirmed no longer counts */
  constructor(expired) {
    this.#expired = expired;
  }

  /**
   * @param {string} key
   * @param {any} value
   */
  set(key, value) {
    this.#entries.set(key, { text: JSON.stringify(value), value, until: performance.now() + ECHO_MS });
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#expired, ECHO_MS + 20);
  }

  /**
   * The value to show, given the one that the kernel knows.
   * @param {string} key
   * @param {any} known
   */
  value(key, known) {
    const entry = this.#entries.get(key);
    if (entry && entry.text !== JSON.stringify(known) && performance.now() < entry.until) return entry.value;
    this.#entries.delete(key);
    return known;
  }

  /**
   * Whether the kernel has still to answer.
   * @param {string} key
   * @param {any} known
   */
  isPending(key, known) {
    this.value(key, known);
    return this.#entries.has(key);
  }

  /** The keys of what has been set and not answered. */
  get keys() {
    return [...this.#entries.keys()];
  }

  /** The kernel has refused: what it knows is shown. */
  clear() {
    this.#entries.clear();
  }
}

/** Settings of the kernel that the page changes: echoed, and sent no faster than the kernel needs them. */
export class EchoedSettings {
  #known;
  #send;
  #changed;
  #echo;
  #deliver;
  /** @type {Map<string, any>} */
  #unsent = new Map();

  /**
   * @param {object} how
   * @param {() => Record<string, any> | undefined} how.known the settings as the kernel knows them
   * @param {(name: string, value: any) => void} how.send
   * @param {() => void} how.changed called when another value is to be shown
   * @param {number} [how.wait] ms from one value of a slider to the next
   */
  constructor({ known, send, changed, wait = 40 }) {
    this.#known = known;
    this.#send = send;
    this.#changed = changed;
    this.#echo = new Echo(changed);
    this.#deliver = throttle(wait, () => this.flush());
  }

  /** @param {string} name */
  get(name) {
    return this.#echo.value(name, this.#known()?.[name]);
  }

  /**
   * All settings, as they are shown.
   * @returns {Record<string, any>}
   */
  all() {
    const settings = { ...this.#known() };
    for (const name of this.#echo.keys) settings[name] = this.#echo.value(name, settings[name]);
    return settings;
  }

  /**
   * @param {string} name
   * @param {any} value
   */
  set(name, value) {
    if (JSON.stringify(value) !== JSON.stringify(this.get(name) ?? null)) {
      this.#echo.set(name, value);
      this.#unsent.set(name, value);
      this.#deliver();
    }
    this.#changed();
  }

  /** @param {string} name */
  isPending(name) {
    return this.#echo.isPending(name, this.#known()?.[name]);
  }

  /** Sends now what waits: it goes before whatever else is asked of the kernel. */
  flush() {
    for (const [name, value] of this.#unsent) this.#send(name, value);
    this.#unsent.clear();
  }

  /** The kernel has refused: what it knows is shown. */
  clear() {
    this.#unsent.clear();
    this.#echo.clear();
  }
}
