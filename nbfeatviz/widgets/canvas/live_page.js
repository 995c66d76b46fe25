// What the page keeps of a live canvas: the numbers of the run, and which picture is drawn.

import { connectionOf, sender } from "../comm/connection.js";
import { download } from "../comm/dom.js";
import { bytesOf, fileOf, listen, peer, webpUrl } from "../comm/kernel.js";
import { Acknowledgement } from "./acknowledgement.js";
import { RunTable } from "./run_table.js";

/** @typedef {import("../comm/traits.js").LiveTraits} Traits */
/** @typedef {import("../comm/kernel.js").Model<Traits>} LiveModel */
/** @typedef {import("../comm/traits.js").StepsMessage} StepsMessage */
/** @typedef {{ refresh(): void, announce(detail: object): void }} View */

const JPEG = "image/jpeg",
  PNG = "image/png";
const ASK_AGAIN_MS = 3000;
const RESEND_MS = 2000;
const GONE_MS = 2000; // a page that is laid out anew shows the panel again within this time

/**
 * A picture to draw, with all care taken of its colours.
 * @param {DataView} data
 * @param {string} type
 */
const bitmap = (data, type) => createImageBitmap(new Blob([/** @type {DataView<ArrayBuffer>} */ (data)], { type }));

/**
 * One of many pictures a second, without a Blob, for which the page waits twice for the browser's other processes.
 * @param {DataView} data
 * @param {string} type
 */
async function frame(data, type) {
  if (window.ImageDecoder === undefined) return bitmap(data, type); // an older browser, or a page that came by http
  const decoder = new ImageDecoder({ data, type });
  try {
    return (await decoder.decode()).image;
  } catch {
    return bitmap(data, type);
  } finally {
    decoder.close();
  }
}

export class LivePage {
  /** @type {Set<View>} */
  views = new Set();
  blank = true;
  run = 0;
  table = new RunTable();
  /** @type {import("../comm/traits.js").Prediction | null} */
  prediction = null;
  /** @type {import("../comm/traits.js").Measures} */
  facts = {};
  speed = 0; // steps a second
  shown = -1; // step on the canvas; the length of the table for the picture after the last
  replaying = false;
  replayable = true; // the kernel has the frames of the run
  wanted = 0; // step that the replay slider asks for
  /** @type {number | undefined} the step that the kernel has been asked for */
  asked;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  askTimer;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  leaving;
  /** @type {Promise<void>} */
  drawing = Promise.resolve();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  resendTimer;
  storedUrl = "";
  closed = false; // another version of this module has taken over
  /** @type {() => void} */
  unlisten = () => {};

  /** @param {LiveModel} model */
  constructor(model) {
    this.model = model;
    this.connection = connectionOf(model);
    this.send = sender(model);
    this.acknowledgement = new Acknowledgement((content) => this.send("ack", content));
    this.canvas = /** @type {Promise<import("../comm/traits.js").CanvasModel>} */ (
      /** @type {unknown} */ (peer(model, "canvas"))
    );
  }

  connect() {
    const changed = () => this.changed();
    const unlisten = listen(this.model, {
      "msg:custom": (content, buffers) => this.receive(content, buffers ?? []),
      "change:status": () => this.statusChanged(),
      "change:overlay": changed,
      "change:rises": changed,
      "change:note": changed,
      "change:subjects": changed,
      "change:selection": changed,
      "change:stored": () => this.storedChanged(),
      "change:stored_words": changed,
    });
    const leave = this.connection.onChange(() => this.connectionChanged());
    this.unlisten = () => {
      unlisten();
      leave();
    };
    this.still();
    this.send("hello");
    this.storedChanged();
    this.statusChanged();
  }

  /** After a cut the kernel is asked for all there is; the picture, which the host may have cleared, is drawn again. */
  connectionChanged() {
    if (this.connection.isLive) this.send("hello");
    this.changed();
  }

  statusChanged() {
    this.askForMissing();
    if (this.isComputing) this.connection.expect(() => this.send("ping"));
    this.changed();
  }

  /** Whether the kernel is to be heard of soon. */
  get isComputing() {
    return this.model.get("status").state === "running";
  }

  /** A picture of a catalogue, which lies over the canvas. */
  storedChanged() {
    if (this.storedUrl) URL.revokeObjectURL(this.storedUrl);
    const data = this.model.get("stored");
    this.storedUrl = webpUrl(data);
    this.changed();
  }

  /** @param {number} run */
  begin(run) {
    this.run = run;
    this.table = new RunTable();
    this.prediction = null;
    this.facts = {};
    this.speed = 0;
    this.shown = -1;
    this.replaying = false;
    this.replayable = true;
  }

  /**
   * @param {any} content
   * @param {DataView[]} buffers
   */
  receive(content, buffers) {
    this.connection.heard();
    if (this.isComputing) this.connection.expect(() => this.send("ping"));
    /** @type {Record<string, () => unknown>} */
    const acts = {
      begin: () => this.begin(content.run),
      steps: () => this.steps(content, buffers),
      rows: () => content.run === this.run && this.table.keep(content.first, buffers[0]),
      settle: () => this.still(),
      restore: () => this.restore(content, buffers),
      replay: () => this.replayed(content, buffers),
      redisplay: () => this.replaying && this.ask(),
      freed: () => (this.replayable = this.replaying = false),
      file: () => download(content.name, fileOf(content, buffers)),
    };
    acts[content.kind]?.();
    this.changed();
  }

  /**
   * @param {StepsMessage} content
   * @param {DataView} buffer
   */
  keep(content, buffer) {
    this.table.keep(content.first, buffer);
    this.prediction = content.prediction ?? this.prediction;
    this.facts = content.facts ?? this.facts;
    this.speed = content.speed ?? 0;
    this.askForMissing();
  }

  /** Rows that a broken connection has lost are sent again, as often as it takes. */
  askForMissing() {
    const first = this.table.firstMissing(this.model.get("status").rows ?? 0);
    if (first === undefined || this.resendTimer !== undefined) return;
    this.send("resend", { first });
    this.resendTimer = setTimeout(() => {
      this.resendTimer = undefined;
      this.askForMissing();
    }, RESEND_MS);
  }

  /**
   * @param {StepsMessage} content
   * @param {DataView[]} buffers
   */
  steps(content, buffers) {
    if (content.run !== this.run) return;
    this.keep(content, buffers[0]);
    const { frame: step, computed, sequence = 0, hold = 0 } = content;
    if (step === undefined) return;
    const acknowledge = () => this.acknowledgement.drawn({ sequence, hold });
    if (this.replaying) acknowledge();
    else this.draw(buffers[1], JPEG, () => step, computed).finally(acknowledge);
  }

  /**
   * @param {StepsMessage & { replay: number }} content
   * @param {DataView[]} buffers
   */
  restore(content, buffers) {
    this.begin(content.run);
    this.keep(content, buffers[0]);
    this.replayable = content.replay > 0;
    if (buffers[1]) this.draw(buffers[1], JPEG, () => this.table.length - 1);
    else if (this.model.get("still")?.byteLength) this.shown = this.table.length;
  }

  /** Draws the last lossless picture, or nothing where there is none. */
  still() {
    if (this.replaying) return; // the slider brings it back
    const data = this.model.get("still");
    if (data?.byteLength) {
      this.draw(data, PNG, () => this.table.length);
      return;
    }
    this.drawing = this.drawing.then(async () => {
      const canvas = await this.canvas;
      canvas.ctx.clearRect(0, 0, canvas.canvas.width, canvas.canvas.height);
      canvas.syncViews();
      this.shown = -1;
      this.blank = true;
      this.changed();
    });
  }

  /**
   * Draws one after the other, so that what came last stays.
   * @param {DataView} data
   * @param {string} type
   * @param {() => number} step that it is, once it is drawn
   * @param {number} [computed] when the kernel had it; such a picture is one of many a second
   */
  draw(data, type, step, computed) {
    const job = async () => {
      try {
        const picture = await (computed === undefined ? bitmap : frame)(data, type),
          canvas = await this.canvas;
        const [width, height] =
          "displayWidth" in picture ? [picture.displayWidth, picture.displayHeight] : [picture.width, picture.height];
        if (canvas.get("width") !== width || canvas.get("height") !== height) canvas.set({ width, height });
        canvas.ctx.clearRect(0, 0, width, height);
        canvas.ctx.drawImage(picture, 0, 0);
        picture.close();
        canvas.syncViews();
        this.blank = false;
        this.shown = step();
        const detail = { step: this.shown, computed, lossless: type === PNG, drawn: Date.now() };
        for (const view of this.views) view.announce(detail);
      } catch (error) {
        console.warn("nbfeatviz: a frame could not be drawn", error);
      }
      this.changed();
    };
    this.drawing = this.drawing.then(job);
    return this.drawing;
  }

  /**
   * The person moves the replay slider; one request is under way at a time.
   * @param {number} step
   */
  seek(step) {
    this.replaying = step < this.table.length;
    this.wanted = step;
    if (this.asked === undefined) this.ask();
    this.changed();
  }

  ask() {
    this.asked = this.wanted;
    this.send("replay", { step: this.asked });
    clearTimeout(this.askTimer);
    this.askTimer = setTimeout(() => {
      this.asked = undefined;
    }, ASK_AGAIN_MS);
  }

  /**
   * @param {{ step: number }} content
   * @param {DataView[]} buffers
   */
  replayed({ step }, [data]) {
    const again = this.wanted !== step;
    this.asked = undefined;
    if (data) {
      const png = bytesOf(data)[0] === 0x89;
      this.draw(data, png ? PNG : JPEG, () => Math.min(step, this.table.length));
    }
    if (again) this.ask();
  }

  changed() {
    for (const view of this.views) view.refresh();
  }

  /** Step that is looked at: in a replay the wanted one, else what comes after the last. */
  get place() {
    return this.replaying ? this.wanted : this.table.length;
  }

  /**
   * What the status line says in a tab: what is computed, wherever that is, else how the tab's own work ended.
   * @param {string} tab that is open
   * @param {string} [doing] what the tab computes beside runs
   */
  statusIn(tab, doing = "") {
    if (this.connection.state === "lost") return "connection lost, trying again";
    if (this.connection.state === "ended") return "the kernel has ended: run the cell again";
    const { state, text = "", rows = 0, tab: about, said = {} } = this.model.get("status");
    if (doing) return doing;
    if (state === "idle") {
      if (tab === "optimize" && this.table.received < rows) return "receiving the last numbers …";
      return about ? (said[tab] ?? "ready") : text;
    }
    const words = state === "running" ? this.#progress() : text;
    return about === "optimize" && tab !== about ? `${about}: ${words}` : words;
  }

  #progress() {
    const { steps, precision } = this.model.get("status"),
      { speed, table } = this;
    const fast = speed ? ` · ${speed.toFixed(speed < 10 ? 1 : 0)} steps/s` : "";
    return `step ${table.done}/${steps}${fast}${precision ? ` · ${precision}` : ""}`;
  }

  /**
   * What a step's picture is of; undefined where there is no picture.
   * @param {number} step
   */
  subjectOf(step) {
    const subjects = this.model.get("subjects") ?? [];
    return this.blank ? undefined : subjects.findLast(([first]) => first <= step);
  }

  /** @param {View} view */
  addView(view) {
    this.views.add(view);
    clearTimeout(this.leaving);
    return () => {
      this.views.delete(view);
      if (!this.views.size && !this.closed) this.leaving = setTimeout(() => this.send("gone"), GONE_MS);
    };
  }

  close() {
    this.closed = true;
    this.unlisten();
    clearTimeout(this.leaving);
    clearTimeout(this.askTimer);
    clearTimeout(this.resendTimer);
    this.acknowledgement.close();
  }
}
