// What the page keeps of a panel's photo tabs: what the kernel has sent about the photo, and what the person wishes.

import { connectionOf, sender } from "../../comm/connection.js";
import { decoded, download } from "../../comm/dom.js";
import { Echo } from "../../comm/echo.js";
import { bytesOf, fileOf, listen, peer, webpUrl } from "../../comm/kernel.js";
import { throttle } from "../../comm/throttle.js";

/** @typedef {import("../../comm/traits.js").PhotoTraits} Traits */
/** @typedef {import("../../comm/traits.js").Target} Target */
/** @typedef {import("./colour.js").ValueMap} ValueMap */
/** @typedef {import("./colour.js").Shape} Shape */

/**
 * What the kernel has found about a photo. `sight` tells what was seen of which photo, `arrived` counts.
 * @typedef {object} Known
 * @property {string} kind
 * @property {string} tab
 * @property {number} id
 * @property {string} sight
 * @property {string} question
 * @property {number} arrived
 * @property {string} [note]
 */
/** @typedef {Known & ValueMap & { title: string, text: string, quantity: string, final?: boolean }} HeatMap */
/** @typedef {Known & { layer: string, count: number, cell: Shape, shape: Shape, values: Uint8Array, figures: Float32Array }} Grid */
/** @typedef {Known & { layer: string, count: number, probabilities: boolean, names?: string[], values: Float32Array }} Bars */
/** @typedef {Known & { layer: string, count: number, size: Shape, values: Uint8Array }} Filters */
/** @typedef {ValueMap & { unit: number, layer: string, mean: number, max: number, note?: string, quantity?: string, sight: string, rough?: boolean }} Channel */
/** @typedef {Known & Channel} WholeChannel */
/** @typedef {Known & { row: number, col: number, value: number, box: [number, number, number, number] }} Field */
/** @typedef {Known & ValueMap & { method: string, title: string, seconds?: number, deletion?: number, insertion?: number }} Compared */
/** @typedef {Known & ValueMap & { number: number, layer: string, title: string, similarity: number }} Stage */
/** @typedef {Known & { entries: [titles: string, reason: string][] }} LeftOut */

/**
 * @typedef {object} Results
 * @property {Record<string, HeatMap | undefined>} maps by their tab
 * @property {{ grid?: Grid, bars?: Bars, filters?: Filters, channel?: WholeChannel, field?: Field }} activations
 * @property {{ compared: Compared[], stages: Stage[], left?: LeftOut }} compare
 */

/** @typedef {{ refresh(): void, show(): void, showOpacity(): void, closed(): void }} View */

/** @type {Record<string, string | undefined>} kinds that take each other's place */
const FAMILIES = { grid: "layer", bars: "layer" };
const TAB_MS = 60;

/** What all views of one panel's photo tabs show. */
export class PhotoPage {
  /** @type {Set<View>} */
  views = new Set();
  echo = new Echo(() => this.changed());
  /** @type {{ preview: HTMLCanvasElement | null, seen: HTMLCanvasElement | null }} */
  pictures = { preview: null, seen: null };
  /** @type {{ preview?: object, seen?: object }} the turn of what is being decoded */
  decoding = {};
  /** @type {Map<string, number>} the last request that was answered, by what it takes the place of */
  latest = new Map();
  arrivals = 0;
  /** @type {import("../../comm/kernel.js").Model<import("../../comm/traits.js").OptimizeTraits> | null} */
  controls = null;
  /** @type {Results} */
  results = { maps: {}, activations: {}, compare: { compared: [], stages: [] } };
  /** @type {{ unit: number, layer: string } | null | undefined} the channel in the large view; undefined until it is known */
  opened;
  /** @type {{ grid: Grid, channel: Channel } | null} */
  rough = null;
  /** @type {string | undefined} the tab that is being computed */
  busyWith;
  answered = false;
  peek = { layer: "", unit: -1, url: "" };
  look = { map: "inferno", opacity: 0.65 };
  /** @type {(() => void)[]} */
  leaving = [];

  /** @param {import("../../comm/kernel.js").Model<Traits>} model */
  constructor(model) {
    this.model = model;
    this.connection = connectionOf(model);
    this.send = sender(model);
    this.sendTab = throttle(TAB_MS, (/** @type {string} */ name) => this.send("tab", { name }));
  }

  connect() {
    const { model } = this,
      changed = () => this.changed();
    const unlisten = listen(model, {
      "msg:custom": (content, buffers) => this.receive(content, buffers ?? []),
      "change:tab": changed,
      "change:photo": changed,
      "change:predictions": changed,
      "change:settings": changed,
      "change:facts": changed,
      "change:progress": () => this.progressed(),
      "change:preview": () => this.decode("preview"),
      "change:seen": () => this.decode("seen"),
    });
    this.leaving.push(
      unlisten,
      this.connection.onChange(() => this.connectionChanged()),
    );
    this.decode("preview");
    this.decode("seen");
    peer(model, "controls").then((controls) => {
      this.controls = /** @type {typeof this.controls} */ (controls);
      this.leaving.push(listen(controls, { "change:facts": changed }));
      this.changed();
    });
    this.send("photo-hello");
  }

  /** After a cut the kernel is asked for all that it has sent. */
  connectionChanged() {
    if (this.connection.isLive) this.send("photo-hello");
    this.changed();
  }

  get lost() {
    return !this.connection.isLive;
  }

  // What the kernel knows

  get tabs() {
    return this.model.get("tabs");
  }

  /** The room of the open tab: tabs of one room are of one kind. */
  get room() {
    return this.tabs.find(([name]) => name === this.tab)?.[2] ?? "";
  }

  /** Whether the open tab is about the photo; any other has a view of its own. */
  get isAboutPhoto() {
    return ["photo", "invert_style_dream"].includes(this.room);
  }

  get photo() {
    return this.model.get("photo") ?? {};
  }

  get hasPhoto() {
    return Boolean(this.photo.size);
  }

  get predictions() {
    return this.model.get("predictions") ?? [];
  }

  get facts() {
    return this.model.get("facts") ?? {};
  }

  /** @returns {string[]} */
  get classes() {
    return this.controls?.get("facts")?.classes ?? [];
  }

  /** @returns {string} */
  get tab() {
    return this.echo.value("tab", this.model.get("tab") || "optimize");
  }

  get progress() {
    return this.model.get("progress") ?? {};
  }

  /** @returns {Target} what is asked, as the kernel knows it */
  get plainTarget() {
    const {
      kind = "predicted",
      class: one = 0,
      against = 0,
      layer = "",
      unit = 0,
    } = this.model.get("settings")?.target ?? {};
    return { kind, class: one, against, layer, unit };
  }

  /**
   * @param {string} group
   * @param {string} name
   */
  setting(group, name) {
    return this.echo.value(`${group}.${name}`, this.model.get("settings")?.[group]?.[name]);
  }

  /** What is seen of which photo: a result of another one is not drawn over it. */
  get sight() {
    const { number, fit, box, seen } = this.photo;
    return JSON.stringify([number, fit, box, seen]);
  }

  /**
   * @template {{ sight: string }} Record
   * @param {Record[]} records
   */
  current(records) {
    return records.filter((record) => record.sight === this.sight);
  }

  // What is asked

  /** @returns {Target} */
  get target() {
    return this.echo.value("target", this.plainTarget);
  }

  /** @param {number | string} index */
  nameOf(index) {
    if (typeof index === "string") return index; // the person's own words
    return this.classes[index] ?? this.predictions.find(([k]) => k === index)?.[1] ?? `class ${index}`;
  }

  get question() {
    const { plainTarget } = this,
      { kind, unit, layer, ...wanted } = this.target;
    // words that no class has are no question yet
    const one = typeof wanted.class === "string" ? plainTarget.class : wanted.class;
    const against = typeof wanted.against === "string" ? plainTarget.against : wanted.against;
    if (kind === "unit") return `what drives unit ${unit} of ${layer}?`;
    if (kind === "difference") return `why ${this.nameOf(one)} rather than ${this.nameOf(against)}?`;
    const index = kind === "predicted" ? this.predictions[0]?.[0] : one;
    return index == null ? "" : `why ${this.nameOf(index)}?`;
  }

  // What the person wants

  /**
   * Shows a value at once, and asks the kernel for it.
   * @param {string} key of the echo
   * @param {any} value
   * @param {string} kind of the message
   * @param {object} content
   */
  wish(key, value, kind, content) {
    this.echo.set(key, value);
    this.send(kind, content);
    this.changed();
  }

  /**
   * @param {string} group of settings
   * @param {string} name
   * @param {any} value
   */
  option(group, name, value) {
    this.wish(`${group}.${name}`, value, "option", { group, name, value });
  }

  /** @param {string} tab */
  open(tab) {
    if (tab === this.tab) return;
    this.echo.set("tab", tab);
    this.sendTab(tab);
    this.changed();
  }

  // Results

  /**
   * @param {any} content
   * @param {DataView[]} buffers
   */
  receive(content, buffers) {
    const { kind, tab, id } = content;
    if (kind === "file") {
      download(content.name, fileOf(content, buffers));
      return;
    }
    if (kind === "peek") this.peeked(content, buffers[0]);
    if (!kind || !tab) return;
    if (kind === "cleared") this.clear(tab);
    else {
      const family = `${tab} ${FAMILIES[kind] ?? kind}`,
        latest = this.latest.get(family);
      if (latest !== undefined && id < latest) return; // stale
      this.latest.set(family, id);
      const known = { ...content, sight: this.sight, question: this.question, arrived: ++this.arrivals };
      this.keep(known, buffers, id !== latest);
      if (this.busyWith === tab && kind !== "left-out") this.answered = true;
    }
    this.show();
  }

  /**
   * A stored picture of the unit under the pointer has come, or there is none.
   * @param {{ layer: string, unit: number }} content
   * @param {DataView | undefined} data
   */
  peeked({ layer, unit }, data) {
    const url = webpUrl(data);
    if (this.peek.url) URL.revokeObjectURL(this.peek.url);
    this.peek = { layer, unit, url };
    this.changed();
  }

  /** @param {string} tab */
  clear(tab) {
    if (tab === "activations") this.results.activations = {};
    else if (tab === "compare") this.results.compare = { compared: [], stages: [] };
    else this.results.maps[tab] = undefined;
  }

  /**
   * @param {any} known
   * @param {DataView[]} buffers
   * @param {boolean} fresh the first answer to its request
   */
  keep(known, buffers, fresh) {
    const { results } = this,
      bytes = (/** @type {number} */ k) => bytesOf(buffers[k]).buffer;
    const map = () => ({ ...known, values: new Uint16Array(bytes(0)) });
    /** @type {Record<string, () => void>} */
    const acts = {
      map: () => {
        results.maps[known.tab] = map();
      },
      grid: () => this.keepGrid({ ...known, values: new Uint8Array(bytes(0)), figures: new Float32Array(bytes(1)) }),
      bars: () => {
        results.activations = { bars: { ...known, values: new Float32Array(bytes(0)) } };
        this.opened = null;
      },
      filters: () => {
        results.activations.filters = { ...known, values: new Uint8Array(bytes(0)) };
      },
      channel: () => {
        results.activations.channel = map();
        if (this.opened === undefined) this.opened = { unit: known.unit, layer: known.layer }; // the page was loaded again
      },
      field: () => {
        results.activations.field = known;
      },
      compared: () => {
        const { compared } = results.compare;
        results.compare.compared = [...(fresh ? [] : compared.filter(({ method }) => method !== known.method)), map()];
      },
      stage: () => {
        const { stages } = results.compare,
          others = fresh ? [] : stages.filter(({ number }) => number !== known.number);
        results.compare.stages = [...others, map()].sort((a, b) => a.number - b.number);
      },
      "left-out": () => {
        results.compare.left = known;
      },
    };
    acts[known.kind]?.();
  }

  /**
   * The channels of another layer close the large view; those of another photo fill it anew.
   * @param {Grid} grid
   */
  keepGrid(grid) {
    const { filters } = this.results.activations;
    this.results.activations = { grid, filters: filters?.layer === grid.layer ? filters : undefined };
    if (!this.opened) return;
    if (this.opened.layer === grid.layer && this.opened.unit < grid.count)
      this.send("channel", { unit: this.opened.unit });
    else this.opened = null;
  }

  /** @param {number} unit */
  openChannel(unit) {
    const { activations } = this.results;
    if (!activations.grid) return;
    this.opened = { unit, layer: activations.grid.layer };
    activations.field = undefined;
    this.send("channel", { unit });
    this.show();
  }

  closeChannel() {
    this.opened = null;
    this.results.activations.field = undefined;
    this.send("channels");
    for (const view of this.views) view.closed();
  }

  /**
   * The channel in the large view; as coarse as on the sheet until the kernel has sent it.
   * @returns {Channel | null}
   */
  get channel() {
    const { grid, channel } = this.results.activations,
      { opened } = this;
    if (!opened || grid?.layer !== opened.layer) return null;
    if (channel?.unit === opened.unit && channel.layer === grid.layer && channel.sight === grid.sight) return channel;
    if (this.rough?.grid !== grid || this.rough.channel.unit !== opened.unit)
      this.rough = { grid, channel: roughChannel(grid, opened.unit) };
    return this.rough.channel;
  }

  // What is under way

  progressed() {
    const { tab, state } = this.progress,
      busy = state === "busy" ? tab : undefined;
    if (busy !== this.busyWith) this.answered = false;
    this.busyWith = busy;
    this.changed();
  }

  /**
   * Whether what is shown is about to be replaced.
   * @param {string} tab
   */
  isStale(tab) {
    return this.busyWith === tab && !this.answered;
  }

  /** @param {"preview" | "seen"} trait */
  async decode(trait) {
    const turn = {};
    this.decoding[trait] = turn;
    const picture = await decoded(this.model.get(trait));
    if (this.decoding[trait] !== turn) return;
    this.decoding[trait] = undefined;
    this.pictures[trait] = picture;
    this.show();
  }

  close() {
    for (const leave of this.leaving) leave();
  }

  show() {
    for (const view of this.views) view.show();
  }

  /** Shows everything with the next frame. */
  changed() {
    for (const view of this.views) view.refresh();
  }
}

/**
 * A channel as coarse as it is on the sheet.
 * @param {Grid} grid
 * @param {number} unit
 * @returns {Channel}
 */
function roughChannel({ layer, figures, values, cell, sight }, unit) {
  const [mean, max, low, high] = figures.subarray(4 * unit, 4 * unit + 4),
    size = cell[0] * cell[1];
  const pixels = Uint16Array.from(values.subarray(unit * size, (unit + 1) * size), (value) => value * 257);
  return {
    unit,
    layer,
    quantity: "activation",
    mean,
    max,
    low,
    high,
    shape: cell,
    sight,
    rough: true,
    signed: low < 0,
    values: pixels,
  };
}
