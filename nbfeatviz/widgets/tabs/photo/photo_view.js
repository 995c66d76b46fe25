// One view of the photo tabs: the tab bar, and what each tab shows.

import { fill, isModified, make, take, uniqueId } from "../../comm/dom.js";
import { button, disable, numberField, pair, put, row, select } from "../../comm/fields.js";
import { digits, grouped, percent } from "../../comm/numbers.js";
import { TAB_EVENT } from "../../comm/panel_events.js";
import { oncePerFrame } from "../../comm/throttle.js";
import { PhotoBox } from "../../photo_input/photo_box.js";
import { Activations } from "./activations.js";
import { colourTable, SIGNED } from "./colour.js";
import { Compare } from "./compare.js";
import { MapView } from "./map_view.js";
import { PhotoTools } from "./photo_tools.js";
import { TargetBox } from "./target.js";

/** @typedef {import("./photo_page.js").HeatMap} HeatMap */
/** @typedef {import("./photo_page.js").Channel} Channel */
/** @typedef {import("./photo_page.js").Known} Known */

const QUICK_MS = 200;
const MAP_TABS = ["saliency", "grad-cam", "occlusion"];
/** @type {Record<string, string>} the group of settings that a tab's options are of */
const GROUPS = { saliency: "saliency", "grad-cam": "cam", occlusion: "occlusion" };

export class PhotoView {
  id = uniqueId();
  /** @type {HTMLElement | null} the grid of the panel, once this view is in it */
  grid = null;
  width = 0; // of the grid
  /** @type {(() => void) | undefined} */
  leave;
  /** @type {number | null} since when a computation is waited for */
  busySince = null;
  /** @type {Known | Channel | null} the result that was announced */
  announced = null;
  title = make("strong");
  text = make("span");
  layer = make("output", { class: "nbfeatviz-layer", title: "choose another in the layer tree" });
  bar = make("div");
  meter = make(
    "div",
    { class: "nbfeatviz-meter", role: "progressbar", "aria-label": "progress", "aria-valuemin": 0 },
    this.bar,
  );

  /**
   * @param {import("./photo_page.js").PhotoPage} page
   * @param {HTMLElement} el
   */
  constructor(page, el) {
    this.page = page;
    this.refresh = oncePerFrame(() => this.show());
    this.photobox = new PhotoBox(page);
    this.target = new TargetBox(page);
    this.map = new MapView({
      pick: (y, x) => page.send("position", { y, x }),
      move: (rows, cols) => page.send("position", { rows, cols }),
    });
    this.activations = new Activations(page, () => this.show());
    this.compare = new Compare(page);
    this.tools = new PhotoTools(page, () => this.saved());
    this.buttons = page.tabs.map(([name, text]) =>
      button(text, () => page.open(name), { role: "tab", "data-tab": name, id: `${this.id}-${name}` }),
    );
    const keys = { keydown: (/** @type {KeyboardEvent} */ event) => this.tabKey(event) };
    this.tabs = make(
      "div",
      { class: "nbfeatviz-tabs", role: "tablist", "aria-label": "views", on: keys },
      ...this.buttons,
    );

    const set = (/** @type {string} */ name) => (/** @type {any} */ value) => this.#setOption(name, value);
    this.method = select(set("method"));
    this.display = select(set("display"));
    this.patch = numberField(set("patch"), { min: 1, placeholder: "auto" });
    this.stride = numberField(set("stride"), { min: 1, placeholder: "auto" });
    this.filling = select(set("fill"));
    this.rows = {
      method: row("method", this.method),
      display: row("display", this.display),
      layer: row("layer", this.layer),
      pair: pair(row("patch", this.patch), row("stride", this.stride)),
      fill: row("fill", this.filling),
    };
    this.options = make("div", { class: "nbfeatviz-choices" }, ...Object.values(this.rows));

    this.cancel = button("Cancel", () => page.send("cancel"));
    this.again = button("Compute again", () => page.send("tab", { name: page.tab }));
    const heading = make(
      "div",
      { class: "nbfeatviz-heading" },
      make("div", {}, this.title, this.text),
      this.again,
      this.cancel,
    );
    const inside = [heading, this.meter, this.activations.el, this.map.el, this.compare.el, this.tools.el];
    this.view = make("section", { class: "nbfeatviz-view" }, ...inside);
    this.asking = make("div", { class: "nbfeatviz-asking" }, this.options, this.target.el);
    const side = make("section", { class: "nbfeatviz-side" }, this.photobox.el, this.asking);
    this.panel = make(
      "div",
      { class: "nbfeatviz-tabpanel", role: "tabpanel", id: `${this.id}-panel` },
      this.view,
      side,
    );
    el.append(this.tabs, this.panel);
    this.attached = new ResizeObserver(() => this.attach()); // its first call comes when the view is on the page
    this.attached.observe(this.tabs);
    this.show();
  }

  /** @param {KeyboardEvent} event */
  tabKey(event) {
    const { buttons } = this,
      place = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement)),
      last = buttons.length - 1;
    /** @type {Record<string, number>} */
    const places = {
      ArrowRight: place === last ? 0 : place + 1,
      ArrowLeft: place > 0 ? place - 1 : last,
      Home: 0,
      End: last,
    };
    if (!(event.key in places) || isModified(event)) return;
    take(event);
    const next = buttons[places[event.key]];
    next.focus();
    this.page.open(next.dataset.tab ?? "");
  }

  /**
   * @param {string} name
   * @param {any} value
   */
  #setOption(name, value) {
    const { page } = this,
      group = GROUPS[page.tab];
    if (value !== (page.setting(group, name) ?? null)) page.option(group, name, value);
  }

  /** The parts of the panel around this view are known only once it is on the page. */
  attach() {
    const grid = /** @type {HTMLElement | null} */ (this.tabs.closest(".nbfeatviz-grid"));
    if (!grid) return;
    if (this.width !== grid.offsetWidth) grid.style.minHeight = ""; // it is laid out anew
    this.width = grid.offsetWidth;
    if (grid === this.grid) return;
    this.grid = grid;
    this.leave?.();
    this.leave = this.photobox.accept(grid.closest(".nbfeatviz-panel") ?? grid, () => {
      if (!this.page.isAboutPhoto) this.page.open("saliency"); // where a photo is seen
    });
    this.show();
  }

  // Showing

  show() {
    const { page } = this,
      { tab, room } = page,
      own = !page.isAboutPhoto,
      made = room === "invert_style_dream";
    const work = room === "photo" ? this.showWork(tab) : "";
    if (this.grid) this.showRoom(this.grid, tab, room, work && `${tab}: ${work}`);
    this.showTabs(tab, own);
    this.panel.hidden = own;
    this.panel.setAttribute("aria-labelledby", `${this.id}-${tab}`);
    if (own) return;
    this.photobox.show();
    this.view.hidden = this.asking.hidden = made;
    if (made) return;
    this.target.show();
    this.target.el.hidden = !page.hasPhoto || tab === "activations";
    this.showOptions(tab);
    this.showResult(tab, work);
    this.showOpacity();
  }

  /**
   * Opens the room of a tab: the style sheet shows only what belongs to it.
   * @param {HTMLElement} grid
   * @param {string} tab
   * @param {string} room
   * @param {string} doing what is computed in it
   */
  showRoom(grid, tab, room, doing) {
    const other = grid.dataset.tab !== tab || grid.dataset.doing !== doing;
    // what lies below the panel does not jump when a shorter tab is opened: that is as tall as the one before
    if (grid.dataset.tab && grid.dataset.tab !== tab) grid.style.minHeight = `${grid.offsetHeight}px`;
    Object.assign(grid.dataset, { tab, doing, photo: this.page.hasPhoto ? "there" : "none" });
    if (other) grid.dispatchEvent(new Event(TAB_EVENT));
    grid.classList.toggle("nbfeatviz-photos", room === "photo");
    grid.classList.toggle("nbfeatviz-remakes", room === "invert_style_dream");
    grid.classList.toggle("nbfeatviz-own", !["optimize", "photo", "invert_style_dream"].includes(room));
    for (const one of grid.querySelectorAll(".nbfeatviz-room"))
      one.classList.toggle("nbfeatviz-open", one.classList.contains(`nbfeatviz-room-${tab}`));
  }

  /**
   * @param {string} tab
   * @param {boolean} own whether the tab has a view of its own
   */
  showTabs(tab, own) {
    const controlled = own ? this.grid?.querySelector(".nbfeatviz-open [role=tabpanel]")?.id : this.panel.id;
    for (const one of this.buttons) {
      const open = one.dataset.tab === tab;
      one.setAttribute("aria-selected", String(open));
      one.tabIndex = open ? 0 : -1;
      if (open && controlled) one.setAttribute("aria-controls", controlled);
      else one.removeAttribute("aria-controls");
    }
  }

  /** @param {string} tab */
  showOptions(tab) {
    const { page, rows } = this,
      { facts } = page;
    const get = (/** @type {string} */ group, /** @type {string} */ name) => page.setting(group, name) ?? "";
    const methods = { saliency: facts.saliency, "grad-cam": facts.cam }[tab];
    rows.method.hidden = !["saliency", "grad-cam"].includes(tab);
    rows.display.hidden = tab !== "saliency";
    rows.layer.hidden = tab !== "grad-cam";
    rows.pair.hidden = rows.fill.hidden = tab !== "occlusion";
    this.options.hidden = !MAP_TABS.includes(tab);
    if (!rows.method.hidden) {
      fill(this.method, methods ?? []);
      this.method.value = get(GROUPS[tab], "method");
    }
    fill(this.display, facts.displays ?? []);
    this.display.value = get("saliency", "display");
    fill(this.filling, facts.fills ?? []);
    this.filling.value = get("occlusion", "fill");
    put(this.patch, get("occlusion", "patch"));
    put(this.stride, get("occlusion", "stride"));
    this.layer.textContent = get("cam", "layer") || facts.layer || "–";
    disable([this.method, this.display, this.filling, this.patch, this.stride], page.lost || !facts.ready);
  }

  /**
   * Progress stands where the heading's text is, and in the status line; what is quick shows none.
   * @param {string} tab
   */
  showWork(tab) {
    const { progress, lost, hasPhoto } = this.page,
      here = progress.tab === tab,
      busy = here && progress.state === "busy" && !lost;
    const { done = 0, total = 0, text = "", state = "" } = progress,
      now = performance.now();
    this.busySince = busy ? (this.busySince ?? now) : null;
    const waited = this.busySince === null ? 0 : now - this.busySince,
      slow = busy && waited >= QUICK_MS;
    if (busy && !slow) setTimeout(this.refresh, QUICK_MS - waited);
    this.meter.style.visibility = slow ? "visible" : "hidden";
    this.cancel.hidden = !slow;
    this.again.hidden = !here || lost || state !== "cancelled" || tab === "compare" || !hasPhoto;
    this.meter.setAttribute("aria-valuemax", String(total || 1));
    if (slow && total) this.meter.setAttribute("aria-valuenow", String(done));
    else this.meter.removeAttribute("aria-valuenow");
    this.meter.classList.toggle("nbfeatviz-endless", slow && !total);
    this.bar.style.width = total ? percent(done / total) : "";
    return slow ? text || "computing …" : here && ["cancelled", "error"].includes(state) ? text : "";
  }

  tables() {
    const maps = this.page.facts.maps ?? {};
    return {
      plain: colourTable(maps[this.page.look.map] ?? Object.values(maps)[0] ?? ""),
      signed: colourTable(maps[SIGNED] ?? ""),
    };
  }

  /**
   * Draws what there is for a tab, and announces once each result that has come into sight.
   * @param {string} tab
   * @param {string} doing what is under way, in words
   */
  showResult(tab, doing) {
    const { page } = this,
      tables = this.tables(),
      picture = page.hasPhoto ? page.pictures.seen : null;
    const ready = Boolean(picture) && !page.decoding.seen,
      stale = page.isStale(tab);
    const channel = tab === "activations" ? page.channel : null,
      map = page.results.maps[tab];
    const record = channel ?? (map?.sight === page.sight ? map : null);
    this.map.el.hidden = !picture || !(MAP_TABS.includes(tab) || channel);
    this.activations.el.hidden = tab !== "activations" || !page.hasPhoto;
    this.compare.el.hidden = tab !== "compare" || !page.hasPhoto;
    /** @type {Known | Channel | null} */
    let drawn = channel?.rough ? null : record;
    if (tab === "activations") drawn = this.activations.show(tables.plain, stale) ?? drawn;
    if (tab === "compare") drawn = this.compare.show(picture, tables, stale);
    if (!this.map.el.hidden) {
      const apt = ready && record?.sight === page.sight ? record : null; // never over another picture than its own
      const picks = Boolean(channel && apt),
        field = (picks && page.results.activations.field) || null;
      const table = record?.signed ? tables.signed : tables.plain,
        label = this.mapLabel(record, channel);
      this.map.show({ picture, map: apt, table, label, picks: picks && !page.lost, field, stale });
    }
    this.showHeading(tab, channel ? null : /** @type {HeatMap | null} */ (record), channel, drawn, doing);
    const signed = tab === "compare" ? this.compare.signed : Boolean(record?.signed);
    const some = tab === "compare" ? this.compare.groups.length > 0 : Boolean(record);
    const sheet = tab === "activations" && !record;
    this.tools.show(tab, {
      some,
      signed,
      sheet,
      filtered: this.activations.filtered,
      final: !map || channel ? true : map.final !== false,
    });
    if (drawn && ready) this.announce(drawn);
  }

  /**
   * @param {HeatMap | Channel | null} map
   * @param {Channel | null} channel
   */
  mapLabel(map, channel) {
    if (channel) return `channel ${channel.unit} over the photo; click or use the arrow keys to pick a neuron`;
    return map && "title" in map ? `${map.title}; arrow keys move the crosshair` : "the photo as the network sees it";
  }

  /**
   * @param {string} tab
   * @param {HeatMap | null} map
   * @param {Channel | null} channel
   * @param {Known | Channel | null} drawn
   * @param {string} doing
   */
  showHeading(tab, map, channel, drawn, doing) {
    const { page } = this,
      { grid, bars } = page.results.activations;
    let title = map?.title ?? "",
      text = map?.text ?? "";
    if (channel) {
      const { shape } = channel.rough && grid ? grid : channel;
      title = `channel ${channel.unit} of ${channel.layer}`;
      text = `mean ${digits(channel.mean)} · largest ${digits(channel.max)} · ${shape.join(" × ")}`;
    } else if (tab === "activations" && grid) {
      title = grid.layer;
      text = `${grouped(grid.count)} channels of ${grid.shape.join(" × ")}`;
    } else if (tab === "activations" && bars) {
      title = bars.layer;
      text = `${grouped(bars.count)} ${bars.probabilities ? "probabilities" : "units"}`;
    } else if (tab === "compare") {
      title = drawn && "question" in drawn ? drawn.question : page.question;
      if (title !== page.question) text = `press Compare to ask “${page.question}”`;
    }
    this.title.textContent = title;
    this.text.textContent = doing || text;
  }

  showOpacity() {
    this.tools.showOpacity();
    this.view.style.setProperty("--opacity", String(this.page.look.opacity));
  }

  /**
   * Whoever embeds the panel can follow the results: `nbfeatviz-map` bubbles from each view.
   * @param {Known | Channel} record
   */
  announce(record) {
    if (this.announced === record || !("id" in record)) return;
    this.announced = record;
    const { tab, id, kind } = /** @type {Known} */ (record),
      detail = { tab, id, kind, drawn: Date.now() };
    Object.assign(this.map.area.dataset, { tab, id });
    this.view.dispatchEvent(new CustomEvent("nbfeatviz-map", { bubbles: true, detail }));
  }

  closed() {
    this.show();
    if (this.page.tab === "activations") this.activations.cells.el.focus({ preventScroll: true });
  }

  /** What a saved picture has, the colour bar that goes with it, and its name. */
  saved() {
    const title = this.title.textContent ?? "",
      text = this.text.textContent ?? "";
    if (this.page.tab === "compare") return { groups: this.compare.groups, bar: this.compare.bar, name: "comparison" };
    return { groups: [[{ layers: this.map.layers, texts: [title, text] }]], bar: this.map.bar, name: title };
  }

  close() {
    this.attached.disconnect();
    this.activations.close();
    this.leave?.();
  }
}
