// The photo: bringing one, choosing a sample, and moving the box that is cut out of it.

class PhotoBox {
  /** `of` is said before the names of all fields, where there is more than one photo. */
  constructor(page, { of = "", lead = "Drop a photo here, and see what the network looks at" } = {}) {
    this.page = page;
    this.of = of;
    this.file = make("input", { type: "file", accept: "image/*", "aria-label": `${of}photo file`, hidden: true,
      on: { change: () => { this.take(this.file.files[0]); this.file.value = ""; } } });
    this.upload = pressable("Upload", () => this.file.click(), { title: "a photo of your own: JPEG, PNG, WebP, GIF or BMP" });
    this.remove = pressable("Remove", () => page.say("photo-remove"), { title: "forget the photo" });
    this.sample = chooser((name) => { if (name) page.say("photo-sample", { name }); }, { "aria-label": `${of}sample` });
    this.fit = chooser((fit) => page.wish(this.key("fit"), fit, "photo-fit", { fit }), { "aria-label": `${of}fit` },
      [["crop", "crop to fit"], ["squash", "squash to fit"]]);
    this.hint = make("div", { class: "nbfeatviz-hint" },
      make("div", { class: "nbfeatviz-frame", "aria-hidden": "true" }),
      make("div", { class: "nbfeatviz-lead", text: lead }));
    this.reading = make("div", { class: "nbfeatviz-reading", "aria-live": "polite" });
    this.makeCrop();
    this.credit = make("div", { class: "nbfeatviz-credit" });
    this.el = make("div", { class: "nbfeatviz-photobox", role: "group", "aria-label": `${of}photo` },
      this.hint, this.crop, this.credit, this.reading,
      make("div", { class: "nbfeatviz-buttons" }, this.upload, this.file, this.sample, this.fit, this.remove));
  }

  makeCrop() {
    this.canvas = make("canvas", { "aria-hidden": "true" });
    this.handle = make("div", { class: "nbfeatviz-handle", role: "slider", tabindex: "0", "aria-label": `${this.of}crop box`,
      "aria-valuemin": 0, "aria-valuemax": 100, on: { keydown: (event) => this.step(event) } });
    this.crop = make("div", { class: "nbfeatviz-crop", on: {
      pointerdown: (event) => this.grab(event), pointermove: (event) => this.drag(event),
      pointerup: () => (this.held = null), pointercancel: () => (this.held = null),
    } }, this.canvas, this.handle);
    this.send = eager(60, (y, x) => this.page.say("photo-crop", { y, x }));
  }

  // Bringing a photo

  async take(file) {
    const { page } = this;
    if (!file || page.lost || !page.facts.ready) return;
    const turn = (this.turn = (this.turn ?? 0) + 1); // the photo that was brought last is the one
    this.reading.textContent = "reading the photo …";
    try {
      const buffer = await readPhoto(file);
      if (turn === this.turn) await page.say("photo", { name: file.name }, [buffer]);
    } catch (error) {
      const text = error instanceof Refusal ? error.message : `“${file.name}” cannot be read: ${error.message}`;
      if (turn === this.turn) page.say("photo-error", { text });
    } finally {
      if (turn === this.turn) this.reading.textContent = "";
    }
  }

  /** The whole panel takes what is dropped on it. */
  accept(panel, dropped) {
    let timer;
    const over = (on) => {
      clearTimeout(timer);
      panel.classList.toggle("nbfeatviz-dropping", on);
      if (on) timer = setTimeout(over, 600, false); // no event tells that the file was taken elsewhere
    };
    const holds = (event) => event.dataTransfer?.types.includes("Files") && !this.page.lost;
    const dragover = (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      event.stopPropagation();
      event.dataTransfer.dropEffect = "copy";
      over(true);
    };
    const drop = (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      event.stopPropagation();
      over(false);
      dropped();
      this.take(event.dataTransfer.files[0]);
    };
    const leave = (event) => { if (!panel.contains(event.relatedTarget)) over(false); };
    const listeners = { dragenter: dragover, dragover, drop, dragleave: leave };
    for (const [name, listener] of Object.entries(listeners)) panel.addEventListener(name, listener);
    return () => {
      over(false);
      for (const [name, listener] of Object.entries(listeners)) panel.removeEventListener(name, listener);
    };
  }

  // The crop box

  /** What is wished is wished for this photo. */
  key(name) {
    const { number, fit } = this.page.photo;
    return `${name} ${number} ${name === "box" ? fit : ""}`;
  }

  get box() {
    return this.page.wishes.value(this.key("box"), this.page.photo.box) ?? [0, 0, 1, 1];
  }

  grab(event) {
    if (this.page.lost || this.handle.hidden || event.button > 0) return;
    const area = this.crop.getBoundingClientRect(), [top, left, bottom, right] = this.box;
    const [y, x] = [(event.clientY - area.top) / area.height, (event.clientX - area.left) / area.width];
    const inside = y >= top && y <= bottom && x >= left && x <= right;
    this.held = inside ? [y - (top + bottom) / 2, x - (left + right) / 2] : [0, 0]; // outside, the box comes to the pointer
    this.crop.setPointerCapture(event.pointerId);
    this.handle.focus({ preventScroll: true });
    event.preventDefault();
    this.drag(event);
  }

  drag(event) {
    if (!this.held) return;
    const area = this.crop.getBoundingClientRect();
    this.move((event.clientY - area.top) / area.height - this.held[0], (event.clientX - area.left) / area.width - this.held[1]);
  }

  step(event) {
    const moves = ARROWS[event.key];
    if (!moves || this.page.lost || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    const [top, left, bottom, right] = this.box, stride = event.shiftKey ? 0.1 : 0.02;
    this.move((top + bottom) / 2 + moves[0] * stride, (left + right) / 2 + moves[1] * stride);
  }

  move(y, x) {
    const [top, left, bottom, right] = this.box, [tall, wide] = [bottom - top, right - left];
    const centre = [clamp(y, tall / 2, 1 - tall / 2), clamp(x, wide / 2, 1 - wide / 2)];
    const box = [centre[0] - tall / 2, centre[1] - wide / 2, centre[0] + tall / 2, centre[1] + wide / 2];
    if (box.every((side, k) => Math.abs(side - this.box[k]) < 1e-9)) return;
    this.page.wishes.make(this.key("box"), box);
    this.send(...centre);
    this.place();
  }

  place() {
    const [top, left, bottom, right] = this.box, [down, across] = [1 - (bottom - top), 1 - (right - left)];
    placeBox(this.handle, top, left, bottom, right);
    const movable = Math.max(down, across) > 0.002, upright = down > across;
    this.handle.hidden = !movable;
    const place = Math.round((100 * (upright ? top : left)) / Math.max(down, across, 1e-9));
    this.handle.setAttribute("aria-orientation", upright ? "vertical" : "horizontal");
    this.handle.setAttribute("aria-valuenow", clamp(place, 0, 100));
    this.handle.setAttribute("aria-valuetext", `${clamp(place, 0, 100)} % from the ${upright ? "top" : "left"}; arrow keys move it`);
  }

  show() {
    const { page } = this, { photo, facts } = page, there = page.hasPhoto;
    const samples = facts.samples ?? [];
    fill(this.sample, [["", there ? "samples …" : "or choose a sample …"], ...samples.map(({ name, title }) => [name, title])]);
    put(this.sample, samples.find(({ credit }) => credit && credit === photo.credit)?.name ?? "");
    this.hint.hidden = there;
    this.crop.hidden = this.fit.hidden = this.remove.hidden = !there;
    this.upload.classList.toggle("nbfeatviz-primary", !there);
    const off = page.lost || !facts.ready;
    for (const input of [this.upload, this.sample, this.fit, this.remove]) input.disabled = off;
    if (!there) { this.credit.textContent = ""; return; }
    this.fit.value = page.wishes.value(this.key("fit"), photo.fit);
    const [height, width] = photo.size;
    this.credit.textContent = photo.credit || `${photo.name} · ${count(width)} × ${count(height)}`;
    this.crop.style.setProperty("--aspect", width / height);
    const picture = page.pictures.preview;
    if (picture && this.shown !== picture) {
      this.shown = picture;
      Object.assign(this.canvas, { width: picture.width, height: picture.height });
      this.canvas.getContext("2d").drawImage(picture, 0, 0);
      this.canvas.classList.toggle("nbfeatviz-coarse", coarse(picture.height, picture.width));
    }
    this.handle.setAttribute("aria-disabled", String(off));
    this.place();
  }
}

/** An encoded picture on a canvas; null for none. */
async function decoded(data) {
  if (!data?.byteLength) return null;
  try {
    const bitmap = await createImageBitmap(new Blob([data])), picture = make("canvas", { width: bitmap.width, height: bitmap.height });
    picture.getContext("2d").drawImage(bitmap, 0, 0);
    bitmap.close();
    return picture;
  } catch (error) {
    console.warn("nbfeatviz: a photo could not be drawn", error);
    return null;
  }
}
