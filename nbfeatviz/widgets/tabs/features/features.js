// The Features tab: what a sheet is to show, and the sheet.

import { Acknowledgement } from "../../canvas/acknowledgement.js";
import { connectionOf, sender } from "../../comm/connection.js";
import { make, uniqueId } from "../../comm/dom.js";
import { EchoedSettings } from "../../comm/echo.js";
import { button, buttonRow, disable } from "../../comm/fields.js";
import { listen, peer } from "../../comm/kernel.js";
import { percent } from "../../comm/numbers.js";
import { sayAsked } from "../../comm/panel_events.js";
import { CodeBox } from "../../execution/code_box.js";
import { Sheet } from "./sheet.js";
import { SheetFields } from "./sheet_fields.js";

/** @typedef {import("../../comm/traits.js").FeaturesTraits} Traits */
/** @typedef {import("../../comm/traits.js").SheetLayout} Layout */
/** @typedef {import("../../comm/traits.js").OptimizeTraits} OptimizeTraits */

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

    this.fields = new SheetFields(this.settings, this.panelSettings);
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
    this.side = make(
      "section",
      { class: "nbfeatviz-roomside" },
      buttonRow(this.run, this.stop),
      ...this.fields.el,
      buttonRow(this.save, this.code.copy),
      this.code.code,
    );
    const heading = make("div", { class: "nbfeatviz-sheetheading" }, this.title, this.text);
    const view = make("section", { class: "nbfeatviz-roomview" }, heading, this.meter, this.empty, this.sheet.el);
    const attributes = { role: "tabpanel", id: uniqueId(), "aria-label": "Features" };
    el.append(make("div", attributes, view, this.side));
    this.listen();
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
    const facts = this.model.get("facts") ?? {};
    this.fields.show(facts, this.controls?.get("facts") ?? {}, force);
    this.showProgress(facts);
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
