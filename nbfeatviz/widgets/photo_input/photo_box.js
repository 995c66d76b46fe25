// The photo: bringing one, choosing a sample, and moving the box that is cut out of it.

import { arrowOf, contextOf, fill, isCoarse, make, placeBox, positionIn, resize, take } from "../comm/dom.js";
import { button, buttonRow, disable, put, select } from "../comm/fields.js";
import { clamp, grouped } from "../comm/numbers.js";
import { throttle } from "../comm/throttle.js";
import { Refusal, readPhoto } from "./intake.js";

/**
 * What a photo box needs of its tab.
 * @typedef {object} PhotoHost
 * @property {import("../comm/traits.js").PhotoTrait} photo
 * @property {boolean} hasPhoto
 * @property {import("../comm/traits.js").PhotoFacts} facts
 * @property {boolean} lost whether the kernel is gone
 * @property {import("../comm/echo.js").Echo} echo
 * @property {{ preview: HTMLCanvasElement | null }} pictures
 * @property {import("../comm/kernel.js").Send} send
 * @property {(key: string, value: any, kind: string, content: object) => void} wish
 */

const CROP_MS = 60;
const OVER_MS = 600; // no event tells that a file was taken elsewhere

export class PhotoBox {
  /** @type {HTMLCanvasElement | null} the picture that is drawn */
  shown = null;
  /** @type {[y: number, x: number] | null} where in the box it is held, from its middle */
  held = null;
  turn = 0;
  canvas = make("canvas", { "aria-hidden": "true" });
  reading = make("div", { class: "nbfeatviz-reading", "aria-live": "polite" });
  credit = make("div", { class: "nbfeatviz-credit" });

  /**
   * @param {PhotoHost} page
   * @param {object} [words]
   * @param {string} [words.of] said before the names of all fields, where there is more than one photo
   * @param {string} [words.lead] said where there is no photo
   */
  constructor(page, { of = "", lead = "Drop a photo here, and see what the network looks at" } = {}) {
    this.page = page;
    this.file = make("input", {
      type: "file",
      accept: "image/*",
      "aria-label": `${of}photo file`,
      hidden: true,
      on: {
        change: () => {
          this.take(this.file.files?.[0]);
          this.file.value = "";
        },
      },
    });
    this.upload = button("Upload", () => this.file.click(), {
      title: "a photo of your own: JPEG, PNG, WebP, GIF or BMP",
    });
    this.remove = button("Remove", () => page.send("photo-remove"), { title: "forget the photo" });
    const choose = (/** @type {string} */ name) => {
      if (name) page.send("photo-sample", { name });
    };
    this.sample = select(choose, { "aria-label": `${of}sample` });
    this.fit = select((fit) => page.wish(this.key("fit"), fit, "photo-fit", { fit }), { "aria-label": `${of}fit` }, [
      ["crop", "crop to fit"],
      ["squash", "squash to fit"],
    ]);
    this.hint = make(
      "div",
      { class: "nbfeatviz-hint" },
      make("div", { class: "nbfeatviz-frame", "aria-hidden": "true" }),
      make("div", { class: "nbfeatviz-lead", text: lead }),
    );
    this.handle = make("div", {
      class: "nbfeatviz-handle",
      role: "slider",
      tabindex: "0",
      "aria-label": `${of}crop box`,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      on: { keydown: (event) => this.step(event) },
    });
    const release = () => (this.held = null);
    this.crop = make(
      "div",
      {
        class: "nbfeatviz-crop",
        on: {
          pointerdown: (event) => this.grab(event),
          pointermove: (event) => this.drag(event),
          pointerup: release,
          pointercancel: release,
        },
      },
      this.canvas,
      this.handle,
    );
    this.sendCrop = throttle(CROP_MS, (/** @type {number} */ y, /** @type {number} */ x) =>
      page.send("photo-crop", { y, x }),
    );
    this.el = make(
      "div",
      { class: "nbfeatviz-photobox", role: "group", "aria-label": `${of}photo` },
      this.hint,
      this.crop,
      this.credit,
      this.reading,
      buttonRow(this.upload, this.file, this.sample, this.fit, this.remove),
    );
  }

  // Bringing a photo

  /** @param {File | undefined} file */
  async take(file) {
    const { page } = this;
    if (!file || page.lost || !page.facts.ready) return;
    const turn = ++this.turn; // the photo that was brought last is the one
    this.reading.textContent = "reading the photo …";
    try {
      const buffer = await readPhoto(file);
      if (turn === this.turn) await page.send("photo", { name: file.name }, [buffer]);
    } catch (error) {
      const reason = /** @type {Error} */ (error).message;
      const text = error instanceof Refusal ? reason : `“${file.name}” cannot be read: ${reason}`;
      if (turn === this.turn) page.send("photo-error", { text });
    } finally {
      if (turn === this.turn) this.reading.textContent = "";
    }
  }

  /**
   * The whole panel takes what is dropped on it.
   * @param {HTMLElement} panel
   * @param {() => void} dropped
   */
  accept(panel, dropped) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    const over = (/** @type {boolean} */ on) => {
      clearTimeout(timer);
      panel.classList.toggle("nbfeatviz-dropping", on);
      if (on) timer = setTimeout(over, OVER_MS, false);
    };
    /** @param {(files: DataTransfer) => void} act */
    const withFiles = (act) => (/** @type {any} */ event) => {
      const files = /** @type {DragEvent} */ (event).dataTransfer;
      if (!files?.types.includes("Files") || this.page.lost) return;
      take(event);
      act(files);
    };
    const dragover = withFiles((files) => {
      files.dropEffect = "copy";
      over(true);
    });
    const drop = withFiles((files) => {
      over(false);
      dropped();
      this.take(files.files[0]);
    });
    const dragleave = (/** @type {any} */ event) => {
      if (!panel.contains(event.relatedTarget)) over(false);
    };
    const listeners = { dragenter: dragover, dragover, drop, dragleave };
    for (const [name, listener] of Object.entries(listeners)) panel.addEventListener(name, listener);
    return () => {
      over(false);
      for (const [name, listener] of Object.entries(listeners)) panel.removeEventListener(name, listener);
    };
  }

  // The crop box

  /**
   * What is wished is wished for this photo.
   * @param {"box" | "fit"} name
   */
  key(name) {
    const { number, fit } = this.page.photo;
    return `${name} ${number} ${name === "box" ? fit : ""}`;
  }

  /** @returns {[top: number, left: number, bottom: number, right: number]} */
  get box() {
    return this.page.echo.value(this.key("box"), this.page.photo.box) ?? [0, 0, 1, 1];
  }

  /** @param {PointerEvent} event */
  grab(event) {
    if (this.page.lost || this.handle.hidden || event.button > 0) return;
    const [y, x] = positionIn(event, this.crop),
      [top, left, bottom, right] = this.box;
    const inside = y >= top && y <= bottom && x >= left && x <= right;
    this.held = inside ? [y - (top + bottom) / 2, x - (left + right) / 2] : [0, 0]; // outside, the box comes to the pointer
    this.crop.setPointerCapture(event.pointerId);
    this.handle.focus({ preventScroll: true });
    event.preventDefault();
    this.drag(event);
  }

  /** @param {PointerEvent} event */
  drag(event) {
    if (!this.held) return;
    const [y, x] = positionIn(event, this.crop);
    this.move(y - this.held[0], x - this.held[1]);
  }

  /** @param {KeyboardEvent} event */
  step(event) {
    const moves = arrowOf(event);
    if (!moves || this.page.lost) return;
    take(event);
    const [top, left, bottom, right] = this.box,
      stride = event.shiftKey ? 0.1 : 0.02;
    this.move((top + bottom) / 2 + moves[0] * stride, (left + right) / 2 + moves[1] * stride);
  }

  /**
   * Moves the middle of the box, as far as the photo goes.
   * @param {number} y
   * @param {number} x
   */
  move(y, x) {
    const [top, left, bottom, right] = this.box,
      [tall, wide] = [bottom - top, right - left];
    const [down, across] = [clamp(y, tall / 2, 1 - tall / 2), clamp(x, wide / 2, 1 - wide / 2)];
    const box = [down - tall / 2, across - wide / 2, down + tall / 2, across + wide / 2];
    if (box.every((side, k) => Math.abs(side - this.box[k]) < 1e-9)) return;
    this.page.echo.set(this.key("box"), box);
    this.sendCrop(down, across);
    this.place();
  }

  place() {
    const [top, left, bottom, right] = this.box,
      [down, across] = [1 - (bottom - top), 1 - (right - left)];
    placeBox(this.handle, this.box);
    const upright = down > across,
      room = Math.max(down, across);
    this.handle.hidden = room <= 0.002;
    const place = clamp(Math.round((100 * (upright ? top : left)) / Math.max(room, 1e-9)), 0, 100);
    this.handle.setAttribute("aria-orientation", upright ? "vertical" : "horizontal");
    this.handle.setAttribute("aria-valuenow", String(place));
    this.handle.setAttribute("aria-valuetext", `${place} % from the ${upright ? "top" : "left"}; arrow keys move it`);
  }

  show() {
    const { page } = this,
      { photo, facts, hasPhoto } = page,
      samples = facts.samples ?? [];
    const lead = hasPhoto ? "samples …" : "or choose a sample …";
    fill(this.sample, [
      ["", lead],
      ...samples.map(({ name, title }) => /** @type {[string, string]} */ ([name, title])),
    ]);
    put(this.sample, samples.find(({ credit }) => credit && credit === photo.credit)?.name);
    this.hint.hidden = hasPhoto;
    this.crop.hidden = this.fit.hidden = this.remove.hidden = !hasPhoto;
    this.upload.classList.toggle("nbfeatviz-primary", !hasPhoto);
    const off = page.lost || !facts.ready;
    disable([this.upload, this.sample, this.fit, this.remove], off);
    this.handle.setAttribute("aria-disabled", String(off));
    if (hasPhoto && photo.size) this.showPhoto(photo, photo.size);
    else this.credit.textContent = "";
  }

  /**
   * @param {import("../comm/traits.js").PhotoTrait} photo
   * @param {[height: number, width: number]} size
   */
  showPhoto(photo, [height, width]) {
    const picture = this.page.pictures.preview;
    this.fit.value = this.page.echo.value(this.key("fit"), photo.fit);
    this.credit.textContent = photo.credit || `${photo.name} · ${grouped(width)} × ${grouped(height)}`;
    this.crop.style.setProperty("--aspect", String(width / height));
    if (picture && this.shown !== picture) {
      this.shown = picture;
      resize(this.canvas, picture.height, picture.width);
      contextOf(this.canvas).clearRect(0, 0, picture.width, picture.height);
      contextOf(this.canvas).drawImage(picture, 0, 0);
      this.canvas.classList.toggle("nbfeatviz-coarse", isCoarse([picture.height, picture.width]));
    }
    this.place();
  }
}
