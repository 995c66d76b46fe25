// How a result is shown, whatever it is, and saving it.

import { download, fill, make } from "../../comm/dom.js";
import { button, buttonRow, row, select } from "../../comm/fields.js";
import { SIGNED } from "./colour.js";
import { fileName, savedSheet } from "./saved_sheet.js";

/** @typedef {{ groups: import("./saved_sheet.js").Item[][], bar: import("./colour.js").ColourBar, name: string }} Saved */

/**
 * What there is to be saved or coloured.
 * @typedef {object} Shown
 * @property {boolean} some whether there is a map
 * @property {boolean} signed whether it has signs
 * @property {boolean} sheet whether it is a sheet of channels
 * @property {boolean} filtered whether that sheet shows filters, which have colours of their own
 * @property {boolean} final whether it is complete
 */

export class PhotoTools {
  /**
   * @param {import("./photo_page.js").PhotoPage} page
   * @param {() => Saved} saved
   */
  constructor(page, saved) {
    this.page = page;
    this.saved = saved;
    this.colours = select((name) => {
      page.look.map = name;
      page.show();
    });
    this.opacity = make("input", { type: "range", min: 0, max: 1, step: 0.01, on: { input: () => this.setOpacity() } });
    this.savePng = button("Save PNG", () => this.save(), { title: "the map over the picture, with its colour bar" });
    this.saveNpy = button("Save .npy", () => page.send("npy"), { title: "the numbers as they are, for NumPy" });
    this.coloursRow = row("colour map", this.colours);
    this.opacityRow = row("opacity", this.opacity);
    const buttons = buttonRow(this.savePng, this.saveNpy);
    this.el = make("div", { class: "nbfeatviz-options nbfeatviz-tools" }, this.coloursRow, this.opacityRow, buttons);
  }

  setOpacity() {
    this.page.look.opacity = Number(this.opacity.value);
    for (const view of this.page.views) view.showOpacity();
  }

  showOpacity() {
    this.opacity.value = String(this.page.look.opacity);
  }

  /**
   * @param {string} tab
   * @param {Shown} shown
   */
  show(tab, { some, signed, sheet, filtered, final }) {
    const { page } = this,
      names = Object.keys(page.facts.maps ?? {}).filter((name) => name !== SIGNED);
    const bars = tab === "activations" && Boolean(page.results.activations.bars);
    this.el.hidden = !page.hasPhoto || bars || (tab === "compare" && !some);
    fill(this.colours, signed ? [[SIGNED, SIGNED]] : names.map((name) => [name, name]));
    if (!signed) this.colours.value = names.includes(page.look.map) ? page.look.map : names[0];
    this.colours.disabled = signed;
    this.colours.title = signed ? "what has a sign is shown around zero: red above, blue below" : "";
    this.opacityRow.hidden = this.savePng.hidden = sheet;
    this.coloursRow.hidden = sheet && filtered;
    this.savePng.disabled = !some;
    this.saveNpy.disabled = !(some || sheet) || page.lost || !final;
  }

  async save() {
    const { groups, bar, name } = this.saved(),
      blob = await savedSheet(groups, bar, this.page.look.opacity);
    if (blob) download(`${fileName(this.page.photo.name, name)}.png`, blob);
  }
}
