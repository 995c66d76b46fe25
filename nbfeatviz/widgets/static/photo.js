// The photo tabs: the tab bar, and what each tab shows.

const QUICK_MS = 200;
const OWN_ROOMS = ["optimize", "features"]; // they are about no photo, and have views of their own
const MAP_TABS = ["saliency", "grad-cam", "occlusion"];
const photoPages = new Map(); // by panel: every render gets a new model proxy

/** One view of the photo tabs. */
class PhotoView {
  constructor(page, el) {
    this.page = page;
    this.id = `nbfeatviz-${Math.random().toString(36).slice(2)}`;
    this.refresh = () => { this.pending ??= requestFrame(() => { this.pending = null; this.show(); }); };
    this.photobox = new PhotoBox(page);
    this.target = new TargetBox(page);
    this.map = new MapView({ pick: (y, x) => page.say("position", { y, x }), move: (rows, cols) => page.say("position", { rows, cols }) });
    this.activations = new Activations(page, () => this.show());
    this.compare = new Compare(page);
    this.makeTabs();
    this.makeOptions();
    this.makeHead();
    this.makeTools();
    this.view = make("section", { class: "nbfeatviz-view" },
      this.heading, this.meter, this.activations.el, this.map.el, this.compare.el, this.tools);
    this.asking = make("div", { class: "nbfeatviz-asking" }, this.options, this.target.el);
    this.side = make("section", { class: "nbfeatviz-side" }, this.photobox.el, this.asking);
    this.panel = make("div", { class: "nbfeatviz-tabpanel", role: "tabpanel", id: `${this.id}-panel` }, this.view, this.side);
    el.append(this.tabs, this.panel);
    this.attached = new ResizeObserver(() => this.attach()); // its first call comes when the view is on the page
    this.attached.observe(this.tabs);
    this.show();
  }

  // Parts

  makeTabs() {
    this.tabs = make("div", { class: "nbfeatviz-tabs", role: "tablist", "aria-label": "views", on: { keydown: (event) => this.tabKey(event) } },
      ...this.page.tabs.map(([name, text]) =>
        pressable(text, () => this.page.open(name), { role: "tab", "data-tab": name, id: `${this.id}-${name}` })));
  }

  tabKey(event) {
    const buttons = [...this.tabs.children], place = buttons.indexOf(document.activeElement), last = buttons.length - 1;
    const next = { ArrowRight: place === last ? 0 : place + 1, ArrowLeft: place ? place - 1 : last, Home: 0, End: last }[event.key];
    if (next === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    buttons[next].focus();
    this.page.open(buttons[next].dataset.tab);
  }

  makeOptions() {
    const { page } = this;
    const groups = { saliency: "saliency", "grad-cam": "cam", occlusion: "occlusion" };
    const set = (name, value) => page.option(groups[page.tab], name, value);
    this.method = chooser((value) => set("method", value));
    this.display = chooser((value) => set("display", value));
    const number = (name) => make("input", { type: "number", min: 1, step: 1, placeholder: "auto", on: committing((event) => {
      const value = event.target.value === "" ? null : Number(event.target.value);
      if (value !== page.setting("occlusion", name)) set(name, value);
    }) });
    this.patch = number("patch");
    this.stride = number("stride");
    this.filling = chooser((value) => set("fill", value));
    this.layer = make("output", { class: "nbfeatviz-layer" });
    this.rows = {
      method: row("method", this.method), display: row("display", this.display), layer: row("layer", this.layer),
      pair: make("div", { class: "nbfeatviz-pair" }, row("patch", this.patch), row("stride", this.stride)), fill: row("fill", this.filling),
    };
    this.options = make("div", { class: "nbfeatviz-choices" }, ...Object.values(this.rows));
  }

  makeHead() {
    this.title = make("strong");
    this.text = make("span");
    this.cancel = pressable("Cancel", () => this.page.say("cancel"));
    this.again = pressable("Compute again", () => this.page.say("tab", { name: this.page.tab }));
    this.heading = make("div", { class: "nbfeatviz-heading" }, make("div", {}, this.title, this.text), this.again, this.cancel);
    this.meter = make("div", { class: "nbfeatviz-meter", role: "progressbar", "aria-label": "progress", "aria-valuemin": 0 }, make("div"));
  }

  makeTools() {
    const { page } = this;
    this.colours = chooser((name) => { page.look.map = name; page.views.forEach((view) => view.show()); });
    this.opacity = make("input", { type: "range", min: 0, max: 1, step: 0.01, on: { input: () => {
      page.look.opacity = Number(this.opacity.value);
      page.views.forEach((view) => view.showOpacity());
    } } });
    this.savePng = pressable("Save PNG", () => this.save(), { title: "the map over the picture, with its colour bar" });
    this.saveNpy = pressable("Save .npy", () => page.say("npy"), { title: "the numbers as they are, for NumPy" });
    this.coloursRow = row("colour map", this.colours);
    this.opacityRow = row("opacity", this.opacity);
    this.tools = make("div", { class: "nbfeatviz-options nbfeatviz-tools" }, this.coloursRow, this.opacityRow,
      make("div", { class: "nbfeatviz-buttons" }, this.savePng, this.saveNpy));
  }

  /** The parts of the panel around this view are known only once it is on the page. */
  attach() {
    const grid = this.tabs.closest(".nbfeatviz-grid");
    if (!grid || grid === this.grid) return;
    this.grid = grid;
    this.leave?.();
    this.leave = this.photobox.accept(grid.closest(".nbfeatviz-panel") ?? grid, () => {
      if (OWN_ROOMS.includes(this.page.room)) this.page.open("saliency"); // where a photo is seen
    });
    this.show();
  }

  // Showing

  show() {
    const { page } = this, { tab } = page, own = OWN_ROOMS.includes(page.room), remake = page.room === "invert_style_dream";
    if (this.grid) {
      Object.assign(this.grid.dataset, { tab, photo: page.hasPhoto ? "there" : "none" });
      this.grid.classList.toggle("nbfeatviz-photos", !own && !remake);
      this.grid.classList.toggle("nbfeatviz-remakes", remake);
    }
    const features = this.grid?.querySelector(".nbfeatviz-featurespanel")?.id;
    for (const button of this.tabs.children) {
      const open = button.dataset.tab === tab;
      button.setAttribute("aria-selected", String(open));
      button.tabIndex = open ? 0 : -1;
      const controlled = tab === "features" ? features : own ? null : this.panel.id;
      open && controlled ? button.setAttribute("aria-controls", controlled) : button.removeAttribute("aria-controls");
    }
    this.panel.hidden = own;
    this.panel.setAttribute("aria-labelledby", `${this.id}-${tab}`);
    if (own) return;
    this.photobox.show();
    this.view.hidden = this.asking.hidden = remake;
    if (remake) return;
    this.target.show();
    this.target.el.hidden = !page.hasPhoto || tab === "activations";
    this.showOptions(tab);
    this.showResult(tab, this.showWork(tab));
    this.showOpacity();
  }

  showOptions(tab) {
    const { page, rows } = this, { facts } = page, get = (group, name) => page.setting(group, name) ?? "";
    const group = { saliency: "saliency", "grad-cam": "cam" }[tab], off = page.lost || !facts.ready;
    rows.method.hidden = !group;
    rows.display.hidden = tab !== "saliency";
    rows.layer.hidden = tab !== "grad-cam";
    rows.pair.hidden = rows.fill.hidden = tab !== "occlusion";
    this.options.hidden = !MAP_TABS.includes(tab);
    if (group) {
      fill(this.method, facts[group] ?? []);
      this.method.value = get(group, "method");
    }
    fill(this.display, facts.displays ?? []);
    this.display.value = get("saliency", "display");
    fill(this.filling, facts.fills ?? []);
    this.filling.value = get("occlusion", "fill");
    put(this.patch, get("occlusion", "patch"));
    put(this.stride, get("occlusion", "stride"));
    this.layer.textContent = get("cam", "layer") || facts.layer || "–";
    this.layer.title = "choose another in the layer tree";
    for (const input of [this.method, this.display, this.filling, this.patch, this.stride]) input.disabled = off;
  }

  /** Progress stands where the heading's text is; what is quick shows none. */
  showWork(tab) {
    const { progress, lost } = this.page, here = progress.tab === tab, busy = here && progress.state === "busy" && !lost;
    const { done = 0, total = 0, text } = progress, now = performance.now();
    this.busySince = busy ? this.busySince ?? now : null;
    const slow = busy && now - this.busySince >= QUICK_MS;
    if (busy && !slow) setTimeout(this.refresh, QUICK_MS - (now - this.busySince));
    this.meter.style.visibility = slow ? "visible" : "hidden";
    this.cancel.hidden = !slow;
    this.again.hidden = !here || lost || progress.state !== "cancelled" || tab === "compare" || !this.page.hasPhoto;
    this.meter.setAttribute("aria-valuemax", total || 1);
    slow && total ? this.meter.setAttribute("aria-valuenow", done) : this.meter.removeAttribute("aria-valuenow");
    this.meter.classList.toggle("nbfeatviz-endless", slow && !total);
    this.meter.firstChild.style.width = total ? percent(done / total) : "";
    return slow || (here && ["cancelled", "error"].includes(progress.state)) ? text : "";
  }

  tables() {
    const maps = this.page.facts.maps ?? {};
    return { plain: colourTable(maps[this.page.look.map] ?? Object.values(maps)[0] ?? ""), signed: colourTable(maps[SIGNED] ?? "") };
  }

  /** Draws what there is for a tab, and tells once of each result that has come into sight. */
  showResult(tab, doing) {
    const { page } = this, tables = this.tables(), picture = page.hasPhoto ? page.pictures.seen : null;
    const ready = picture && !page.decoding.seen;
    const channel = tab === "activations" ? page.channel : null, map = MAP_TABS.includes(tab) ? page.results[tab].map : null;
    const record = channel ?? (map?.sight === page.sight ? map : null);
    this.map.el.hidden = !picture || !(MAP_TABS.includes(tab) || channel);
    this.activations.el.hidden = tab !== "activations" || !page.hasPhoto;
    this.compare.el.hidden = tab !== "compare" || !page.hasPhoto;
    let drawn = record?.rough ? null : record;
    if (tab === "activations") drawn = this.activations.show(tables.plain, page.stale(tab)) ?? drawn;
    if (tab === "compare") drawn = this.compare.show(picture, tables, page.stale(tab));
    if (!this.map.el.hidden) {
      const apt = ready && record?.sight === page.sight ? record : null; // never over another picture than its own
      this.map.show({
        picture, map: apt, table: record?.signed ? tables.signed : tables.plain, label: this.mapLabel(record, channel),
        picks: Boolean(channel && apt) && !page.lost, field: (apt && channel && page.results.activations.field) ?? null,
        stale: page.stale(tab),
      });
    }
    this.showHeading(tab, { record, channel, drawn, doing });
    this.showTools(tab, record);
    if (drawn && ready) this.tell(drawn);
  }

  mapLabel(map, channel) {
    if (channel) return `channel ${channel.unit} over the photo; click or use the arrow keys to pick a neuron`;
    return map ? `${map.title}; arrow keys move the crosshair` : "the photo as the network sees it";
  }

  showHeading(tab, { record, channel, drawn, doing }) {
    const { page } = this, { grid, bars } = page.results.activations;
    let title = record?.title ?? "", text = record?.text ?? "";
    if (channel) {
      title = `channel ${channel.unit} of ${channel.layer}`;
      text = `mean ${digits(channel.mean)} · largest ${digits(channel.max)} · ${(channel.rough ? grid : channel).shape.join(" × ")}`;
    } else if (tab === "activations" && (grid || bars)) {
      title = (grid ?? bars).layer;
      text = grid ? `${count(grid.count)} channels of ${grid.shape.join(" × ")}` : `${count(bars.count)} ${bars.probabilities ? "probabilities" : "units"}`;
    }
    if (tab === "compare") {
      title = drawn?.question ?? page.question;
      if (title !== page.question) text = `press Compare to ask “${page.question}”`;
    }
    this.title.textContent = title;
    this.text.textContent = doing || text;
  }

  showTools(tab, record) {
    const { page } = this, names = Object.keys(page.facts.maps ?? {}).filter((name) => name !== SIGNED);
    const signed = tab === "compare" ? this.compare.signed : record?.signed;
    const sheet = tab === "activations" && !record, bars = Boolean(page.results.activations.bars);
    const some = tab === "compare" ? this.compare.groups().length > 0 : Boolean(record) || sheet;
    this.tools.hidden = !page.hasPhoto || (tab === "activations" && bars) || (tab === "compare" && !some);
    fill(this.colours, signed ? [[SIGNED, SIGNED]] : names.map((name) => [name, name]));
    if (!signed) this.colours.value = names.includes(page.look.map) ? page.look.map : names[0];
    this.colours.disabled = Boolean(signed);
    this.colours.title = signed ? "what has a sign is shown around zero: red above, blue below" : "";
    this.opacityRow.hidden = this.savePng.hidden = sheet;
    this.coloursRow.hidden = sheet && this.activations.filtered;
    this.savePng.disabled = !some;
    this.saveNpy.disabled = !some || page.lost || record?.final === false;
  }

  showOpacity() {
    this.opacity.value = this.page.look.opacity;
    this.view.style.setProperty("--opacity", this.page.look.opacity);
  }

  /** Whoever embeds the panel can follow the results: `nbfeatviz-map` bubbles from each view. */
  tell(record) {
    if (this.told === record) return;
    this.told = record;
    const { tab, id, kind } = record;
    Object.assign(this.map.area.dataset, { tab, id });
    this.view.dispatchEvent(new CustomEvent("nbfeatviz-map", { bubbles: true, detail: { tab, id, kind, drawn: Date.now() } }));
  }

  closed() {
    this.show();
    if (this.page.tab === "activations") this.activations.cells.el.focus({ preventScroll: true });
  }

  async save() {
    const { page } = this, { tab } = page, compare = tab === "compare";
    const one = { layers: this.map.layers, texts: [this.title.textContent, this.text.textContent] };
    const groups = compare ? this.compare.groups() : [[one]];
    const blob = await savedSheet(groups, compare ? this.compare.bar : this.map.bar, page.look.opacity);
    download(`${fileName(page.photo.name, compare ? "comparison" : this.title.textContent)}.png`, blob);
  }

  close() {
    this.attached.disconnect();
    this.activations.close();
    this.leave?.();
  }
}

/** The next frame, or soon where none are drawn (a hidden page). */
function requestFrame(act) {
  let done = false;
  const once = () => { if (!done) { done = true; act(); } };
  requestAnimationFrame(once);
  setTimeout(once, 50);
  return once;
}

function initialize({ model }) {
  const key = model.get("commands"), page = new PhotoPage(model);
  photoPages.set(key, page);
  page.connect();
  return () => photoPages.delete(key);
}

function render({ model, el }) {
  const page = photoPages.get(model.get("commands")), view = new PhotoView(page, el);
  page.views.add(view);
  return () => {
    page.views.delete(view);
    view.close();
  };
}

export default { initialize, render };
