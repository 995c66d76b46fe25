// Photographs that excite the unit that is set, under its picture; where none are known, a way to look for them.

import { connectionOf, sender } from "../comm/connection.js";
import { make, say } from "../comm/dom.js";
import { button, textField } from "../comm/fields.js";
import { listen, webpUrl } from "../comm/kernel.js";
import { percent } from "../comm/numbers.js";
import { Histogram } from "./histogram.js";
import { Patches } from "./patches.js";

/** @typedef {import("../comm/traits.js").ExemplarsTraits} Traits */

class ExemplarsView {
  /** @type {string[]} */
  urls = [];
  histogram = new Histogram();
  title = make("span");
  bar = make("div");
  /** @type {(() => void)[]} */
  leaving = [];

  /**
   * @param {import("../comm/kernel.js").Model<Traits>} model
   * @param {HTMLElement} el
   */
  constructor(model, el) {
    this.model = model;
    this.connection = connectionOf(model);
    const send = sender(model);
    this.patches = new Patches((place) => send("exemplars-photo", { place }));
    this.folder = textField(() => {}, { placeholder: "a folder; else the bundled ones", "aria-label": "photographs" });
    this.look = button("Find photographs", () => send("exemplars-look", { folder: this.folder.value.trim() }), {
      title: "that excite this unit most, and every other unit of its layer",
    });
    this.cancel = button("Cancel", () => send("exemplars-cancel"));
    this.meter = make("div", { class: "nbfeatviz-meter", role: "progressbar", "aria-label": "photographs" }, this.bar);
    this.asking = make("div", { class: "nbfeatviz-looking" }, this.look, this.folder);
    this.working = make("div", { class: "nbfeatviz-looking" }, this.meter, this.cancel);
    el.append(
      make(
        "section",
        { class: "nbfeatviz-exemplarpart", "aria-label": "photographs of the unit" },
        this.title,
        this.patches.el,
        this.histogram.el,
        this.asking,
        this.working,
      ),
    );
    const show = () => this.show();
    this.leaving.push(
      listen(model, {
        "change:facts": show,
        "change:progress": show,
        "msg:custom": (content, buffers) => this.receive(content, buffers ?? []),
      }),
      this.connection.onChange(show),
    );
    this.show();
    send("exemplars-hello");
  }

  /**
   * @param {any} content
   * @param {DataView[]} buffers
   */
  receive(content, buffers) {
    if (content.kind !== "exemplars") return;
    for (const url of this.urls) URL.revokeObjectURL(url);
    this.urls = buffers.map(webpUrl);
    this.patches.show(content.patches, this.urls, this.model.get("facts").of ?? "");
    this.histogram.show(content.histogram);
    this.show();
  }

  show() {
    const { of = "", known = false, possible = false, words = "" } = this.model.get("facts") ?? {},
      { state = "idle", done = 0, total = 0 } = this.model.get("progress") ?? {},
      lost = !this.connection.isLive,
      busy = state === "busy" && !lost;
    say(this.title, known ? `photographs that excite it most, ${words}` : "");
    this.title.hidden = !known;
    this.patches.el.hidden = !known;
    this.histogram.el.hidden = !known || !this.histogram.found;
    this.asking.hidden = known || busy || !possible || !of;
    this.working.hidden = !busy;
    this.look.disabled = this.folder.disabled = lost;
    this.bar.style.width = total ? percent(done / total) : "";
    this.meter.setAttribute("aria-valuemax", String(total || 1));
    this.meter.setAttribute("aria-valuenow", String(done));
    this.meter.classList.toggle("nbfeatviz-endless", busy && !total);
  }

  close() {
    for (const leave of this.leaving) leave();
    this.histogram.close();
    for (const url of this.urls) URL.revokeObjectURL(url);
  }
}

/** @type {import("@anywidget/types").Render<Traits>} */
function render({ model, el }) {
  const view = new ExemplarsView(model, el);
  return () => view.close();
}

export default { render };
