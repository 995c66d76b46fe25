// Whether the kernel is there: told by the host where it tells, else found out by asking.

import { peer } from "./kernel.js";

/**
 * "live"; "lost": the connection is cut, and the host tries again; "ended": there is no kernel any more, or there never
 * was one, as on a page that was made of a saved notebook.
 * @typedef {"live" | "lost" | "ended"} State
 */

/** @typedef {{ connect(slot: (sender: any, value: any) => void): void, disconnect(slot: (sender: any, value: any) => void): void }} Signal */

/**
 * What JupyterLab, Notebook 7 and Voilà say of a kernel (`IKernelConnection`).
 * @typedef {object} Host
 * @property {string} [status]
 * @property {string} [connectionStatus]
 * @property {Signal} [statusChanged]
 * @property {Signal} [connectionStatusChanged]
 * @property {Signal} [disposed]
 */

const ENDED = ["dead", "terminating"]; // states of a kernel that will not answer again
const SILENT_MS = 1500; // a run that is not heard of for so long is asked about
const ANSWER_MS = 1500; // how long the answer may take

/** What all widgets of a panel that speak on one command comm know of their kernel. */
export class Connection {
  /** @type {State} */
  state = "live";
  /** @type {Set<() => void>} */
  #listeners = new Set();
  /** @type {Host | undefined} */
  #host;
  /** @type {[Signal | undefined, (sender: any, value: any) => void][]} */
  #slots;
  #closed;
  /** @type {any} */
  #commands;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #silence;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #unanswered;

  /**
   * @param {import("./kernel.js").Model<any>} model of a widget with the trait `commands`
   * @param {() => void} [closed] called when none listens any more
   */
  constructor(model, closed = () => {}) {
    this.#closed = closed;
    this.#host = /** @type {any} */ (model.widget_manager).kernel;
    this.#slots = [
      [this.#host?.connectionStatusChanged, (_, status) => this.#hostSays(status)],
      [this.#host?.statusChanged, (_, status) => ENDED.includes(status) && this.#set("ended")],
      [this.#host?.disposed, () => this.#set("ended")],
    ];
    for (const [signal, slot] of this.#slots) signal?.connect(slot);
    /** the connection, once there is a comm to speak on */
    this.ready = peer(model, "commands").then((commands) => {
      this.#commands = commands;
      const gone = () => {
        if (this.#commands.comm_live === false) this.#set("ended");
      };
      commands.on("comm_live_update", gone);
      gone();
      return this;
    });
  }

  /** @param {string} status */
  #hostSays(status) {
    if (status === "connected") this.heard();
    else this.#set("lost");
  }

  /** @param {State} state */
  #set(state) {
    if (this.state === state || this.state === "ended") return; // the host makes new widgets for a new kernel
    this.state = state;
    for (const listener of this.#listeners) listener();
  }

  get isLive() {
    return this.state === "live";
  }

  /**
   * Calls a listener at every change, until the function that is returned is called.
   * @param {() => void} listener
   */
  onChange(listener) {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (!this.#listeners.size) this.#close();
    };
  }

  /** The panel has left the page, which keeps nothing of it. */
  #close() {
    for (const [signal, slot] of this.#slots) signal?.disconnect(slot);
    clearTimeout(this.#silence);
    clearTimeout(this.#unanswered);
    this.#closed();
  }

  /**
   * Sends on the command comm; what cannot be sent tells that the kernel is gone.
   * @param {object} content
   * @param {ArrayBuffer[]} buffers
   */
  send(content, buffers) {
    if (!this.#commands || this.state === "ended") return;
    try {
      this.#commands.send(content, {}, buffers);
    } catch (error) {
      console.warn("nbfeatviz: the kernel cannot be reached", error);
      this.#set("ended");
    }
  }

  /** The kernel has sent something. */
  heard() {
    clearTimeout(this.#silence);
    clearTimeout(this.#unanswered);
    this.#silence = this.#unanswered = undefined;
    this.#set("live");
  }

  /**
   * The kernel is expected to send something: where it does not, it is asked, and where it does not answer, lost.
   * A kernel that the host calls busy may have no time to answer.
   * @param {() => void} ping
   */
  expect(ping) {
    this.#silence ??= setTimeout(() => {
      this.#silence = undefined;
      ping();
      this.#unanswered ??= setTimeout(() => {
        this.#unanswered = undefined;
        if (this.#host?.status !== "busy") this.#set("lost");
      }, ANSWER_MS);
    }, SILENT_MS);
  }
}

/** @type {Map<string, Connection>} by the command comm */
const connections = new Map();

/**
 * The connection of a widget, which it shares with all that speak on the same comm.
 * @param {import("./kernel.js").Model<any>} model of a widget with the trait `commands`
 */
export function connectionOf(model) {
  const key = model.get("commands"),
    known = connections.get(key);
  if (known) return known;
  const made = new Connection(model, () => connections.delete(key));
  connections.set(key, made);
  return made;
}

/**
 * Sends to the kernel on the comm that the kernel hears at all times.
 * @param {import("./kernel.js").Model<any>} model of a widget with the trait `commands`
 * @returns {import("./kernel.js").Send}
 */
export function sender(model) {
  const connection = connectionOf(model);
  return async (kind, content = {}, buffers = []) => (await connection.ready).send({ kind, ...content }, buffers);
}
