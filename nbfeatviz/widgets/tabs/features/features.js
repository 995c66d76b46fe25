// The Features tab: what a sheet is to show, and the sheet.

import { Acknowledgement } from "../../canvas/acknowledgement.js";
import { connectionOf, sender } from "../../comm/connection.js";
import { fill, make, uniqueId } from "../../comm/dom.js";
import { EchoedSettings } from "../../comm/echo.js";
import { button, buttonRow, disable, numberField, pair, put, row, select, textField } from "../../comm/fields.js";
import { listen, peer } from "../../comm/kernel.js";
import { percent } from "../../comm/numbers.js";
import { sayAsked } from "../../comm/panel_events.js";
import { CodeBox } from "../../execution/code_box.js";
import { Sheet } from "./sheet.js";

/** @typedef {import("../../comm/traits.js").FeaturesTraits} Traits */
/** @typedef {import("../../comm/traits.js").SheetLayout} Layout */
/** @typedef {import("../../comm/traits.js").OptimizeTraits} OptimizeTraits */

const OBJECTIVES = ["channel", "neuron", "class"];
const MOST_KNOWN = 9; // how many pictures there are before the kernel has said

/** @param {any} list of numbers, or the words that were written */
const listed = (list) => (Array.isArray(list) ? list.join(", ") : (list ?? ""));

/** One view of the tab. */
class FeaturesView {
  drawn = false;
  /** @type {Promise<void>} */
  drawing = Promise.resolve();
  /** @type {(() => void)[]} */
  leaving = [];
  /** @type {import("../../comm/kernel.js").Model<OptimizeTraits> | null} */
  controls = null;
  title = make("strong");
  text = make("span");
  bar = make("div");
  total = make("span", { class: "nbfeatviz-total" });
  empty = make("div", { class: "nbfeatviz-invitation", text: "press Run and watch many features emerge at once" });
  meter = make(
    "div",
    { class: "nbfeatviz-meter", role: "progressbar", "aria-label": "progress of the sheet", "aria-valuemin": 0 },
    this.bar,
  );

  /**
   * @param {import("../../comm/kernel.js").Model<Traits>} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    this.connection = connectionOf(model);
    const send = sender(model),
      changed = () => this.show();
    /** @type {import("../../comm/kernel.js").Send} */
    this.send = async (...message) => {
      this.settings.flush();
      this.panelSettings.flush();
      await send(...message);
    };
    this.settings = new EchoedSettings({
      known: () => model.get("settings"),
      send: (name, value) => send("sheet-set", { name, value }),
      changed,
    });
    this.panelSettings = new EchoedSettings({
      known: () => this.controls?.get("settings"),
      send: (name, value) => send("set", { name, value }),
      changed,
    }); // those that the Optimize tab has too
    this.acknowledgement = new Acknowledgement((content) => this.send("sheet-ack", content));
    this.sheet = new Sheet((place) => this.send("sheet-open", { place }));

    const set = (/** @type {string} */ name) => (/** @type {any} */ value) => this.settings.set(name, value);
    const written = (/** @type {HTMLInputElement} */ { value, dataset }, /** @type {(text: string) => void} */ act) => {
      if (value.trim() !== dataset.shown) act(value.trim());
    };
    // the Optimize tab has fields of these names too, and both are on the page
    const panel = (/** @type {string} */ name, /** @type {number | null} */ none) =>
      numberField((value) => this.panelSettings.set(name, value ?? none), {
        min: 0,
        "aria-label": `${name} of the sheet`,
      });
    this.what = select(set("what"));
    this.first = numberField((value) => (value === null ? this.show() : this.settings.set("first", value)), {
      min: 0,
      "aria-label": "first unit",
    });
    this.count = select((value) => this.settings.set("count", Number(value)), { "aria-label": "count" });
    this.units = textField((input) => written(input, (text) => this.settings.set("units", text || null)), {
      placeholder: "such as 3, 8, 12-15",
    });
    this.unit = panel("unit", 0);
    this.objective = select((value) => this.panelSettings.set("objective", value), {
      "aria-label": "objective of the sheet",
    });
    this.place = { row: panel("row", null), col: panel("col", null) };
    this.look = select(set("look"));
    this.recipe = select((value) => this.panelSettings.set("recipe", value), { "aria-label": "recipe of the sheet" });
    this.steps = panel("steps", null);
    this.seed = panel("seed", 0);
    this.boxes = this.#boxes("recipes");
    this.others = this.#boxes("objectives");
    this.counts = textField((input) => written(input, set("step_counts")), {
      placeholder: "such as 16, 64, 256",
      "aria-label": "step counts",
    });
    this.size = numberField(set("show_size"), {
      min: 1,
      placeholder: "all",
      "aria-label": "show size",
      title: "only so many rows and columns of each picture, from the upper left corner",
    });
    this.run = button("Run", () => this.send("sheet-run"), {
      class: "nbfeatviz-primary",
      title: "all pictures at once, from noise",
    });
    const end = () => {
      sayAsked(this.side, "stopping …");
      this.send("sheet-stop");
    };
    this.stop = button("Stop", end, { title: "end the sheet; its pictures stay" });
    this.save = button("Save", () => this.send("sheet-save"), { title: "save the sheet as it is shown, as PNG" });
    this.code = new CodeBox(() => this.send("sheet-code"));
    this.stepsRow = row("steps", this.steps);
    this.rows = {
      first: row("from", this.first, this.total),
      count: row("count", this.count),
      units: row("or these", this.units),
      unit: row("unit", this.unit),
      objective: row("objective", this.objective),
      place: pair(row("row", this.place.row), row("column", this.place.col)),
      recipe: row("recipe", this.recipe),
      recipes: this.boxes,
      objectives: this.others,
      counts: row("steps", this.counts),
      pair: pair(this.stepsRow, row("seed", this.seed)),
      look: row("contrast", this.look),
      size: row("show", this.size, make("span", { class: "nbfeatviz-total", text: "pixels" })),
    };
    this.side = make(
      "section",
      { class: "nbfeatviz-roomside" },
      buttonRow(this.run, this.stop),
      row("sheet of", this.what),
      ...Object.values(this.rows),
      buttonRow(this.save, this.code.copy),
      this.code.code,
    );
    const heading = make("div", { class: "nbfeatviz-sheetheading" }, this.title, this.text);
    const view = make("section", { class: "nbfeatviz-roomview" }, heading, this.meter, this.empty, this.sheet.el);
    const attributes = { role: "tabpanel", id: uniqueId(), "aria-label": "Features" };
    el.append(make("div", attributes, view, this.side));
    this.listen();
  }

  /**
   * Boxes to be ticked; the name of the setting is their legend too.
   * @param {string} name
   */
  #boxes(name) {
    return make("fieldset", { class: "nbfeatviz-methods", "data-name": name }, make("legend", { text: name }));
  }

  // What comes

  listen() {
    const { model } = this,
      show = () => this.show(),
      refused = () => this.refused();
    const receive = (/** @type {any} */ content, /** @type {DataView[]} */ buffers) =>
      this.receive(content, buffers ?? []);
    const follow = async (
      /** @type {string} */ trait,
      /** @type {Record<string, (content: any) => void>} */ listeners,
    ) => {
      const other = await peer(model, trait);
      this.leaving.push(listen(other, listeners));
      return other;
    };
    this.leaving.push(
      listen(model, {
        "change:settings": show,
        "change:facts": show,
        "change:progress": show,
        "change:cells": show,
        "change:heading": show,
        "change:sheet": () => this.still(),
        "msg:custom": receive,
      }),
    );
    follow("controls", {
      "change:settings": show,
      "change:facts": show,
      "msg:custom": ({ kind }) => kind === "refused" && refused(),
    }).then((controls) => {
      this.controls = /** @type {import("../../comm/kernel.js").Model<OptimizeTraits>} */ (controls);
      this.show();
    });
    this.leaving.push(this.connection.onChange(() => this.connectionChanged()));
    this.show();
    this.still();
    this.send("sheet-hello");
  }

  /** After a cut the kernel is asked for the sheet in progress. */
  connectionChanged() {
    if (this.connection.isLive) {
      this.still();
      this.send("sheet-hello");
    }
    this.show();
  }

  get lost() {
    return !this.connection.isLive;
  }

  /**
   * @param {any} content
   * @param {DataView[]} buffers
   */
  receive(content, buffers) {
    /** @type {Record<string, () => void>} */
    const acts = {
      begin: () => this.begin(),
      settle: () => this.still(),
      code: () => this.code.show(content.text),
      refused: () => this.refused(),
      sheet: () => {
        const { layout, losses, step } = content,
          drawing = this.draw(buffers[0], "image/jpeg", layout, losses, String(step));
        drawing.finally(() => this.acknowledgement.drawn(content));
      },
    };
    acts[content.kind]?.();
  }

  begin() {
    this.drawn = false;
    this.sheet.clear();
    this.show();
  }

  refused() {
    this.settings.clear();
    this.panelSettings.clear();
    this.show(true);
  }

  /** Draws the last lossless sheet. */
  still() {
    const { model } = this,
      data = model.get("sheet");
    if (data?.byteLength) this.draw(data, "image/png", model.get("places"), model.get("losses"), "last");
  }

  /**
   * Draws one after the other, so that what came last stays.
   * @param {DataView} data
   * @param {string} type
   * @param {Layout} layout
   * @param {(number | null)[]} losses
   * @param {string} step
   */
  draw(data, type, layout, losses, step) {
    const job = async () => {
      try {
        const bitmap = await createImageBitmap(new Blob([/** @type {DataView<ArrayBuffer>} */ (data)], { type }));
        this.sheet.title(this.model.get("cells") ?? []);
        this.sheet.draw(bitmap, layout);
        this.sheet.label(losses ?? []);
        this.sheet.el.dataset.step = step;
        this.drawn = true;
        bitmap.close();
        this.show();
      } catch (error) {
        console.warn("nbfeatviz: a sheet could not be drawn", error);
      }
    };
    this.drawing = this.drawing.then(job);
    return this.drawing;
  }

  // Showing

  show(force = false) {
    const facts = this.model.get("facts") ?? {},
      known = this.controls?.get("facts") ?? {},
      what = this.settings.get("what") ?? "units";
    const own = (/** @type {string} */ name) => this.settings.get(name),
      count = own("count") ?? MOST_KNOWN;
    fill(this.what, facts.what ?? []);
    fill(this.look, facts.looks ?? []);
    this.what.value = own("what") ?? "";
    this.look.value = own("look") ?? "";
    const counts = [...new Set([...(facts.counts ?? []), count])].sort((a, b) => a - b);
    fill(
      this.count,
      counts.map((one) => [one, one]),
    );
    this.count.value = count;
    put(this.first, own("first"), force);
    this.first.max = String(Math.max(0, (facts.units ?? 1) - 1));
    this.total.textContent = facts.units ? `/${facts.units}` : "";
    for (const [input, list] of /** @type {[HTMLInputElement, any][]} */ ([
      [this.units, own("units")],
      [this.counts, own("step_counts")],
    ]))
      if (force || input !== document.activeElement) input.value = input.dataset.shown = listed(list);
    put(this.size, own("show_size"), force);
    this.showPanelSettings(known, what, force);
    this.showBoxes(
      this.boxes,
      (facts.recipes ?? []).map((name) => [name, name]),
    );
    this.showBoxes(this.others, facts.objectives ?? []);
    this.showRows(what, Boolean(own("units")?.length));
    this.showProgress(facts);
  }

  /**
   * @param {import("../../comm/traits.js").OptimizeFacts} known
   * @param {string} what
   * @param {boolean} force
   */
  showPanelSettings({ recipes = [], recipe, positions }, what, force) {
    const get = (/** @type {string} */ name) => this.panelSettings.get(name),
      objective = get("objective");
    fill(
      this.objective,
      OBJECTIVES.map((name) => [name, name]),
    );
    this.objective.value = objective ?? "";
    for (const one of this.objective.options)
      one.disabled = one.value === "neuron" && !positions && objective !== one.value;
    this.rows.place.hidden = objective !== "neuron";
    for (const [name, field] of Object.entries(this.place)) {
      put(field, get(name), force);
      field.placeholder = "middle";
    }
    fill(
      this.recipe,
      recipes.map(({ name }) => [name, recipe?.changed && name === recipe.name ? `${name}, changed` : name]),
    );
    this.recipe.value = get("recipe") ?? "";
    put(this.unit, get("unit"), force);
    put(this.steps, get("steps"), force);
    put(this.seed, get("seed"), force);
    this.steps.placeholder = what === "recipes" ? "own" : String(recipe?.steps ?? "");
  }

  /**
   * Only what says something of this kind of sheet is there.
   * @param {string} what
   * @param {boolean} chosen whether units are listed one by one
   */
  showRows(what, chosen) {
    const { rows } = this,
      units = what === "units";
    rows.units.hidden = !units;
    rows.first.hidden = !units || chosen;
    rows.unit.hidden = units;
    rows.count.hidden = !["units", "seeds"].includes(what) || (units && chosen);
    rows.objective.hidden = what === "objectives";
    rows.recipe.hidden = what === "recipes";
    rows.recipes.hidden = what !== "recipes";
    rows.objectives.hidden = what !== "objectives";
    rows.counts.hidden = what !== "steps";
    this.stepsRow.hidden = what === "steps";
  }

  /**
   * @param {HTMLFieldSetElement} boxes
   * @param {[value: string, text: string][]} entries
   */
  showBoxes(boxes, entries) {
    const name = boxes.dataset.name ?? "",
      chosen = this.settings.get(name) ?? [];
    const box = (/** @type {string} */ value) =>
      make("input", { type: "checkbox", value, on: { change: () => this.choose(boxes) } });
    if (boxes.childElementCount !== entries.length + 1)
      boxes.replaceChildren(
        make("legend", { text: name }),
        ...entries.map(([value, text]) => make("label", {}, box(value), make("span", { text }))),
      );
    for (const input of boxes.querySelectorAll("input")) input.checked = chosen.includes(input.value);
  }

  /** @param {HTMLFieldSetElement} boxes */
  choose(boxes) {
    const chosen = [...boxes.querySelectorAll("input")].filter((input) => input.checked);
    this.settings.set(
      boxes.dataset.name ?? "",
      chosen.map((input) => input.value),
    );
  }

  /** @param {Traits["facts"]} facts */
  showProgress(facts) {
    const { state = "idle", text = "", done = 0, total = 0 } = this.model.get("progress") ?? {};
    const cells = this.model.get("cells") ?? [],
      busy = state !== "idle" && !this.lost,
      off = !facts.ready || this.lost;
    if (!this.drawn && cells.length) this.sheet.title(cells);
    this.sheet.el.hidden = !cells.length;
    this.empty.hidden = cells.length > 0 || busy;
    this.title.textContent = (cells.length && this.model.get("heading")) || (facts.layer ?? "");
    this.text.textContent = text;
    this.meter.style.visibility = busy ? "visible" : "hidden";
    this.meter.classList.toggle("nbfeatviz-endless", busy && !done);
    this.bar.style.width = done && total ? percent(done / total) : "";
    this.meter.setAttribute("aria-valuemax", String(total || 1));
    if (done) this.meter.setAttribute("aria-valuenow", String(done));
    else this.meter.removeAttribute("aria-valuenow");
    this.run.disabled = off || busy;
    this.stop.disabled = off || !busy;
    disable([this.save, this.code.copy], off || !this.drawn);
    disable(this.side.querySelectorAll("input"), off);
    disable(this.side.querySelectorAll("select"), off);
    disable(
      this.sheet.cells.map(({ el }) => el),
      off || !this.drawn,
    );
  }

  close() {
    this.acknowledgement.close();
    for (const leave of this.leaving) leave();
  }
}

/** @type {import("@anywidget/types").Render<Traits>} */
function render({ model, el }) {
  const view = new FeaturesView(model, el);
  return () => view.close();
}

export default { render };
