// The layer tree: an ARIA tree with a filter, all of it on the page.

function render({ model, el }) {
  const say = speaker(model);
  const open = new Set();
  const choose = eager(60, (path) => say("set", { name: "layer", value: path }));
  let items = [];
  let hurried = null; // the layer that the arrow keys have reached, ahead of what the kernel knows
  const filter = make("input", {
    type: "search", placeholder: "filter…", "aria-label": "filter layers", autocomplete: "off", spellcheck: "false",
    on: { input: arrange, keydown: fromFilter },
  });
  const list = make("div", { role: "tree", "aria-label": "layers", class: "nbfeatviz-rows", on: { keydown, click } });
  const empty = make("div", { class: "nbfeatviz-none", text: "no layer matches", hidden: true });
  el.append(make("div", { class: "nbfeatviz-tree-body" }, filter, list, empty));

  function build() {
    const stack = [];
    items = model.get("rows").map((row, index) => {
      const element = make("div", {
        role: "treeitem", tabindex: "-1", "aria-level": row.depth, "aria-selected": "false",
        "aria-expanded": row.group ? "false" : null, "aria-disabled": row.selectable || row.group ? null : "true",
        title: `${row.path}\n${row.kind}${row.shape ? " · " + row.shape : ""}`, "data-path": row.path,
      },
        make("span", { class: "nbfeatviz-twist", "aria-hidden": "true", text: row.group ? "▸" : "" }),
        make("span", { class: "nbfeatviz-name", text: row.name }),
        make("span", { class: "nbfeatviz-kind", text: row.group ? "" : `${short(row.kind)} ${row.units}` }));
      element.style.setProperty("--depth", row.depth - 1);
      stack.length = row.depth - 1;
      const item = { row, index, element, parents: [...stack], words: `${row.path} ${row.kind}`.toLowerCase() };
      stack.push(item);
      return item;
    });
    open.clear();
    list.replaceChildren(...items.map((item) => item.element));
    select();
  }

  const short = (kind) => kind.replace("Conv2D", "conv").replace("BatchNormalization", "norm").replace("Depthwise", "dw-")
    .replace("Activation", "act.").replace("Concatenate", "concat").replace(/^GlobalAveragePooling2D$/, "global pool").replace(/Pooling2D$/, "pool").replace("InputLayer", "input");

  function select() {
    if (hurried && (hurried.path === model.get("selected") || performance.now() - hurried.when > 2000)) hurried = null;
    const path = hurried?.path ?? model.get("selected");
    for (const item of items) {
      const chosen = item.row.path === path && !item.row.group;
      item.element.setAttribute("aria-selected", String(chosen));
      if (chosen) item.parents.forEach((parent) => open.add(parent));
    }
    arrange();
    const chosen = items.find((item) => item.element.ariaSelected === "true");
    if (chosen && !list.contains(document.activeElement)) reveal(chosen.element);
  }

  function reveal(element) {
    const top = element.offsetTop; // the list is the offset parent
    if (top < list.scrollTop || top > list.scrollTop + list.clientHeight - 24)
      list.scrollTop = top - list.clientHeight / 2;
  }

  function arrange() {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matched = new Set();
    if (words.length)
      for (const item of items)
        if (!item.row.group && words.every((word) => item.words.includes(word)))
          [item, ...item.parents].forEach((one) => matched.add(one));
    for (const item of items) {
      const shown = words.length ? matched.has(item) : item.parents.every((parent) => open.has(parent));
      item.element.hidden = !shown;
      if (item.row.group) {
        const wide = words.length ? matched.has(item) : open.has(item);
        item.element.setAttribute("aria-expanded", String(wide));
        item.element.firstChild.textContent = wide ? "▾" : "▸";
      }
    }
    empty.hidden = !words.length || matched.size > 0;
    const current = items.find((item) => item.element.tabIndex === 0 && !item.element.hidden);
    if (!current) {
      items.forEach((item) => (item.element.tabIndex = -1));
      const first = items.find((item) => item.element.ariaSelected === "true" && !item.element.hidden)
        ?? items.find((item) => !item.element.hidden);
      if (first) first.element.tabIndex = 0;
    }
  }

  function focus(item) {
    if (!item) return;
    items.forEach((one) => (one.element.tabIndex = one === item ? 0 : -1));
    item.element.focus();
  }

  /** An arrow key goes to an item; where the layers are looked through, that chooses it. */
  function go(item) {
    focus(item);
    if (!item || !model.get("follow") || !item.row.selectable || item.row.group) return;
    hurried = { path: item.row.path, when: performance.now() };
    items.forEach((one) => one.element.setAttribute("aria-selected", String(one === item)));
    choose(item.row.path);
    clearTimeout(go.timer);
    go.timer = setTimeout(select, 2100); // what the kernel refused is not chosen
  }

  function toggle(item, wide) {
    if (!item.row.group) return;
    (wide ?? !open.has(item)) ? open.add(item) : open.delete(item);
    arrange();
  }

  function activate(item) {
    if (item.row.group) return toggle(item);
    hurried = null;
    if (item.row.selectable) choose(item.row.path);
  }

  const at = (event) => items.find((item) => item.element === event.target.closest("[role=treeitem]"));

  function click(event) {
    const item = at(event);
    if (!item) return;
    focus(item);
    activate(item);
  }

  function fromFilter(event) {
    if (event.key === "ArrowDown") { event.preventDefault(); focus(items.find((item) => !item.element.hidden)); }
    if (event.key === "Escape" && filter.value) { event.stopPropagation(); filter.value = ""; arrange(); }
  }

  function keydown(event) {
    const item = at(event);
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const visible = items.filter((one) => !one.element.hidden);
    const place = visible.indexOf(item);
    const wide = item.row.group && open.has(item);
    const acts = {
      ArrowDown: () => go(visible[place + 1]),
      ArrowUp: () => go(visible[place - 1]),
      Home: () => go(visible[0]),
      End: () => go(visible.at(-1)),
      ArrowRight: () => (item.row.group && !wide ? toggle(item, true) : item.row.group && go(visible[place + 1])),
      ArrowLeft: () => (wide ? toggle(item, false) : go(item.parents.at(-1))),
      Enter: () => activate(item),
      " ": () => activate(item),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    acts[event.key]();
  }

  model.on("change:rows", build);
  model.on("change:selected", select);
  build();
}

export default { render };
