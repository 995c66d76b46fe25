// A sheet: pictures that came as one, each a button that goes on with it.

const SMALL = 64; // a picture this small is enlarged with its pixels kept square

class Sheet {
  constructor(open) {
    this.open = open;
    this.cells = [];
    this.el = make("div", { class: "nbfeatviz-sheetcells", role: "group", "aria-label": "sheet; arrow keys move, Enter goes on with a picture",
      on: { keydown: (event) => this.move(event) } });
  }

  /** One cell a title; what was drawn in a cell stays until something else is. */
  title(titles) {
    const text = JSON.stringify(titles);
    if (this.titles === text) return;
    this.titles = text;
    this.cells = titles.map(({ title, name }, place) => {
      const canvas = make("canvas", { width: 1, height: 1 }), figure = make("span", { class: "nbfeatviz-figure" });
      const caption = make("span", { class: "nbfeatviz-caption" }, make("strong", { text: title }), figure);
      if (name) caption.append(make("span", { class: "nbfeatviz-name", text: name }));
      const el = make("button", { type: "button", class: "nbfeatviz-cell", tabindex: place ? "-1" : "0", title: "go on with this picture, large",
        on: { click: () => this.open(place), focus: () => this.rove(place) } }, canvas, caption);
      return { el, canvas, figure, title: name ? `${title}, ${name}` : title };
    });
    this.el.replaceChildren(...this.cells.map(({ el }) => el));
    this.label([]);
  }

  label(losses) {
    this.cells.forEach(({ el, figure, title }, place) => {
      const loss = losses[place];
      figure.textContent = loss == null ? "" : digits(loss);
      el.setAttribute("aria-label", loss == null ? title : `${title}, loss ${digits(loss)}`);
    });
  }

  clear() {
    for (const { canvas } of this.cells) canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height);
    this.label([]);
    this.el.dataset.step = -1;
  }

  /** Cuts the pictures out of a sheet. */
  draw(bitmap, { columns, cell: [height, width], stride: [high, wide] }) {
    this.el.classList.toggle("nbfeatviz-coarse", width <= SMALL);
    this.el.style.setProperty("--aspect", width / height);
    this.cells.forEach(({ canvas }, place) => {
      if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
      const context = canvas.getContext("2d"), left = (place % columns) * wide, top = Math.floor(place / columns) * high;
      context.clearRect(0, 0, width, height);
      context.drawImage(bitmap, left, top, width, height, 0, 0, width, height);
    });
  }

  rove(place) {
    this.cells.forEach(({ el }, k) => { el.tabIndex = k === place ? 0 : -1; });
  }

  /** Arrow keys move over the rows and columns that there happen to be. */
  move(event) {
    const place = this.cells.findIndex(({ el }) => el === document.activeElement), arrow = ARROWS[event.key];
    const ends = { Home: 0, End: this.cells.length - 1 };
    if (place < 0 || event.ctrlKey || event.metaKey || event.altKey || (!arrow && !(event.key in ends))) return;
    event.preventDefault();
    event.stopPropagation();
    const top = this.cells[0].el.offsetTop, below = this.cells.findIndex(({ el }) => el.offsetTop > top);
    const columns = below < 0 ? this.cells.length : below;
    const next = arrow ? place + arrow[0] * columns + arrow[1] : ends[event.key];
    this.cells[next]?.el.focus();
  }
}
