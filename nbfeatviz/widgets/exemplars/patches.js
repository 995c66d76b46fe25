// The photographs that excite a unit most: patches that it sees, and the photograph they are of under the pointer.

import { make, placeBox } from "../comm/dom.js";
import { digits } from "../comm/numbers.js";

/** @typedef {{ photo: string, value: number, box: [number, number, number, number], aspect: number }} Patch */

export class Patches {
  /** @type {string[]} */
  urls = [];
  box = make("div", { class: "nbfeatviz-box" });
  image = make("img", { alt: "" });
  words = make("div", { class: "nbfeatviz-patchwords" });
  whole = make(
    "div",
    { class: "nbfeatviz-wholephoto", hidden: true },
    make("div", { class: "nbfeatviz-wholepicture" }, this.image, this.box),
    this.words,
  );
  list = make("div", { class: "nbfeatviz-patches", role: "group" });

  /** @param {(place: number) => void} open a photograph in the photo tabs */
  constructor(open) {
    this.open = open;
    this.el = make("div", { class: "nbfeatviz-exemplarbox" }, this.list, this.whole);
    this.list.addEventListener("pointerleave", () => this.leave());
    this.list.addEventListener("focusout", () => this.leave());
  }

  /**
   * @param {Patch[]} patches
   * @param {string[]} urls of what the network saw of each photograph
   * @param {string} of what they excite, in words
   */
  show(patches, urls, of) {
    this.leave();
    this.urls = urls;
    this.list.setAttribute("aria-label", `photographs that excite ${of} most`);
    this.list.replaceChildren(...patches.map((patch, place) => this.#cell(patch, place)));
    this.el.hidden = !patches.length;
  }

  /**
   * @param {Patch} patch
   * @param {number} place
   */
  #cell(patch, place) {
    const [top, left, bottom, right] = patch.box,
      image = make("img", { alt: "", src: this.urls[place], draggable: "false" });
    // The part that the unit sees fills the button, by its longer side.
    const high = (bottom - top) / patch.aspect,
      wide = right - left,
      side = Math.max(high, wide);
    Object.assign(image.style, {
      width: `${100 / side}%`,
      left: `${(-100 * (left - (side - wide) / 2)) / side}%`,
      top: `${(-100 * (top / patch.aspect - (side - high) / 2)) / side}%`,
    });
    const words = `${patch.photo}, activation ${digits(patch.value)}`;
    const attributes = {
      type: "button",
      class: "nbfeatviz-patch",
      "aria-label": `${words}: show this photograph in the photo tabs, at this unit`,
      on: {
        click: () => this.open(place),
        pointerenter: () => this.point(patch, place),
        focus: () => this.point(patch, place),
      },
    };
    return make("button", attributes, image);
  }

  /**
   * @param {Patch} patch
   * @param {number} place
   */
  point(patch, place) {
    this.image.src = this.urls[place];
    this.image.alt = patch.photo;
    placeBox(this.box, patch.box);
    this.words.textContent = `${patch.photo} · ${digits(patch.value)}`;
    this.whole.hidden = false;
  }

  leave() {
    this.whole.hidden = true;
  }
}
