// What the page keeps of a panel's photo tabs: what the kernel has sent about the photo, and what the person wishes.

const FAMILIES = { grid: "layer", bars: "layer" }; // kinds that take each other's place

/** What all views of one panel's photo tabs show. */
class PhotoPage {
  constructor(model) {
    this.model = model;
    const say = speaker(model);
    this.say = async (...words) => { if (!this.lost) await say(...words); }; // without a kernel nobody hears
    this.views = new Set();
    this.wishes = new Wishes(() => this.changed());
    this.pictures = { preview: null, seen: null };
    this.decoding = {};
    this.latest = new Map();
    this.arrivals = 0;
    this.lost = false;
    this.controls = null;
    this.results = Object.fromEntries(this.tabs.map(([tab]) => [tab, this.nothing(tab)]));
    this.tellTab = eager(60, (name) => this.say("tab", { name }));
    this.look = { map: "inferno", opacity: 0.65 };
  }

  connect() {
    const { model } = this;
    model.on("msg:custom", (content, buffers) => this.receive(content, buffers ?? []));
    for (const trait of ["tab", "photo", "predictions", "settings", "facts"]) model.on(`change:${trait}`, () => this.changed());
    model.on("change:progress", () => this.progressed());
    model.on("comm_live_update", () => { this.lost = true; this.changed(); });
    for (const trait of ["preview", "seen"]) {
      model.on(`change:${trait}`, () => this.decode(trait));
      this.decode(trait);
    }
    peer(model, "controls").then((controls) => {
      this.controls = controls;
      controls.on("change:facts", () => this.changed());
      this.changed();
    });
    this.say("photo-hello");
  }

  // What the kernel knows

  get tabs() { return this.model.get("tabs"); } // name, title and room of each
  get room() { return this.tabs.find(([name]) => name === this.tab)?.[2]; }
  get photo() { return this.model.get("photo") ?? {}; }
  get hasPhoto() { return Boolean(this.photo.size); }
  get predictions() { return this.model.get("predictions") ?? []; }
  get facts() { return this.model.get("facts") ?? {}; }
  get classes() { return this.controls?.get("facts")?.classes ?? []; }
  get tab() { return this.wishes.value("tab", this.model.get("tab") || "optimize"); }
  get progress() { return this.model.get("progress") ?? {}; }

  get plainTarget() {
    const { kind = "predicted", class: one = 0, against = 0, layer = "", unit = 0 } = this.model.get("settings")?.target ?? {};
    return { kind, class: one, against, layer, unit };
  }

  setting(group, name) {
    return this.wishes.value(`${group}.${name}`, this.model.get("settings")?.[group]?.[name]);
  }

  /** What is seen of which photo: a result of another one is not drawn over it. */
  get sight() {
    const { number, fit, box, seen } = this.photo;
    return JSON.stringify([number, fit, box, seen]);
  }

  current(records) { return records.filter((record) => record.sight === this.sight); }

  // What is asked

  get target() { return this.wishes.value("target", this.plainTarget); }

  nameOf(index) {
    if (typeof index === "string") return index; // the person's own words
    return this.classes[index] ?? this.predictions.find(([k]) => k === index)?.[1] ?? `class ${index}`;
  }

  get question() {
    const { kind, class: one, against, unit, layer } = this.target;
    if (kind === "unit") return `what drives unit ${unit} of ${layer}?`;
    if (kind === "difference") return `why ${this.nameOf(one)} rather than ${this.nameOf(against)}?`;
    const index = kind === "predicted" ? this.predictions[0]?.[0] : one;
    return index == null ? "" : `why ${this.nameOf(index)}?`;
  }

  // What the person wants

  wish(key, value, kind, content) {
    this.wishes.make(key, value);
    this.say(kind, content);
    this.changed();
  }

  option(group, name, value) {
    this.wish(`${group}.${name}`, value, "option", { group, name, value });
  }

  open(tab) {
    if (tab === this.tab) return;
    this.wishes.make("tab", tab);
    this.tellTab(tab);
    this.changed();
  }

  // Results

  nothing(tab) {
    return tab === "compare" ? { compared: [], stages: [] } : {};
  }

  receive(content, buffers) {
    const { kind, tab, id } = content;
    if (kind === "file") return download(content.name, new Blob([buffers[0]], { type: content.mime }));
    if (!kind || !this.results[tab]) return;
    if (kind === "cleared") this.results[tab] = this.nothing(tab);
    else {
      const family = `${tab} ${FAMILIES[kind] ?? kind}`;
      if (id < this.latest.get(family)) return; // stale
      const fresh = id !== this.latest.get(family);
      this.latest.set(family, id);
      this.keep({ ...content, sight: this.sight, question: this.question, arrived: ++this.arrivals }, buffers, fresh);
      if (this.busyWith === tab && kind !== "left-out") this.answered = true;
    }
    this.views.forEach((view) => view.show());
  }

  keep(record, buffers, fresh) {
    const results = this.results[record.tab], words = (k, Type) => new Type(bytesOf(buffers[k]).slice().buffer);
    const acts = {
      map: () => { results.map = { ...record, values: words(0, Uint16Array) }; },
      grid: () => this.keepGrid({ ...record, values: words(0, Uint8Array), figures: words(1, Float32Array) }),
      bars: () => { this.results.activations = { bars: { ...record, values: words(0, Float32Array) } }; this.opened = null; },
      filters: () => { results.filters = { ...record, values: words(0, Uint8Array) }; },
      channel: () => {
        results.channel = { ...record, values: words(0, Uint16Array) };
        if (this.opened === undefined) this.opened = { unit: record.unit, layer: record.layer }; // the page was loaded again
      },
      field: () => { results.field = record; },
      compared: () => this.line("compared", { ...record, values: words(0, Uint16Array) }, fresh, "method"),
      "left-out": () => { results.left = record; },
      stage: () => this.line("stages", { ...record, values: words(0, Uint16Array) }, fresh, "number"),
    };
    acts[record.kind]?.();
  }

  line(name, record, fresh, by) {
    const { compare } = this.results;
    const others = fresh ? [] : compare[name].filter((one) => one[by] !== record[by]);
    compare[name] = [...others, record];
    if (by === "number") compare[name].sort((a, b) => a.number - b.number);
  }

  /** The channels of another layer close the large view; those of another photo fill it anew. */
  keepGrid(grid) {
    const { filters } = this.results.activations;
    this.results.activations = { grid, filters: filters?.layer === grid.layer ? filters : undefined };
    if (this.opened == null) return;
    if (this.opened.layer === grid.layer && this.opened.unit < grid.count) this.say("channel", { unit: this.opened.unit });
    else this.opened = null;
  }

  openChannel(unit) {
    this.opened = { unit, layer: this.results.activations.grid.layer };
    this.results.activations.field = undefined;
    this.say("channel", { unit });
    this.views.forEach((view) => view.show());
  }

  closeChannel() {
    this.opened = null;
    this.results.activations.field = undefined;
    this.say("channels");
    this.views.forEach((view) => view.closed());
  }

  /** The channel in the large view; as coarse as on the sheet until the kernel has sent it. */
  get channel() {
    const { grid, channel } = this.results.activations, { unit, layer } = this.opened ?? {};
    if (unit === undefined || grid?.layer !== layer) return null;
    if (channel?.unit === unit && channel.layer === grid.layer && channel.sight === grid.sight) return channel;
    const [mean, max, low, high] = grid.figures.subarray(4 * unit, 4 * unit + 4), size = grid.cell[0] * grid.cell[1];
    if (this.rough?.grid !== grid || this.rough.unit !== unit)
      this.rough = { grid, unit, layer: grid.layer, mean, max, low, high, shape: grid.cell, sight: grid.sight, rough: true, signed: low < 0,
        values: Uint16Array.from(grid.values.subarray(unit * size, (unit + 1) * size), (value) => value * 257) };
    return this.rough;
  }

  progressed() {
    const { tab, state } = this.progress, busy = state === "busy" ? tab : null;
    if (busy !== this.busyWith) this.answered = false;
    this.busyWith = busy;
    this.changed();
  }

  /** Whether what is shown is about to be replaced. */
  stale(tab) {
    return this.busyWith === tab && !this.answered;
  }

  async decode(trait) {
    const turn = (this.decoding[trait] = {}), picture = await decoded(this.model.get(trait));
    if (this.decoding[trait] !== turn) return;
    this.decoding[trait] = null;
    this.pictures[trait] = picture;
    this.views.forEach((view) => view.show());
  }

  changed() {
    this.views.forEach((view) => view.refresh());
  }
}
