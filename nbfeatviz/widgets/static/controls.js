// The controls of the Optimize tab. What the person does goes to the kernel as commands; what is set comes back.

const OBJECTIVES = { channel: "channel", neuron: "neuron", class: "class" };
const ECHO_MS = 2000;
const NATURAL = "How much the picture is held to what photographs look like to the network (its natural statistics); "
  + "at 0 only the unit counts.";

function render({ model, el }) {
  const say = speaker(model), id = `nbfeatviz-${Math.random().toString(36).slice(2)}`;
  const local = new Map(); // what was changed here and has not come back yet: name → [value, when]
  let disconnected = false;

  const send = eager(40, () => {
    for (const [name, entry] of local) if (!entry.sent) { entry.sent = true; say("set", { name, value: entry.value }); }
  });
  function set(name, value) {
    if (current()[name] === value) return show();
    local.set(name, { value, when: performance.now(), sent: false });
    send();
    show();
  }

  // fields
  const network = make("select", { on: { change: () => say("set", { name: "network", value: network.value }) } });
  const objective = make("select", { on: { change: () => set("objective", objective.value) } }, ...options(Object.entries(OBJECTIVES)));
  const unit = make("input", { type: "range", min: 0, max: 0, step: 1, "aria-label": "unit",
    on: { input: () => set("unit", Number(unit.value)) } });
  const number = make("input", { type: "number", min: 0, step: 1, "aria-label": "unit number",
    on: committing(() => number.value !== "" ? set("unit", Number(number.value)) : show()) });
  const total = make("span", { class: "nbfeatviz-total" });
  const unitName = make("span", { class: "nbfeatviz-unit-name" });
  const named = make("input", { type: "text", list: `${id}-classes`, placeholder: "search by name…", autocomplete: "off",
    "aria-label": "class", on: committing(() => { if (named.value.trim()) set("unit", classOf(model.get("facts").classes ?? [], named.value.trim())); }) });
  const names = make("datalist", { id: `${id}-classes` });
  const recipe = make("select", { on: { change: () => set("recipe", recipe.value) } });
  const natural = make("input", { type: "range", min: 0, max: 1, step: 0.01, "aria-label": "natural", title: NATURAL,
    on: { input: () => set("natural", Number(natural.value)) } });
  const naturalText = make("span", { class: "nbfeatviz-total" });
  const display = make("select", { title: "Shows every picture as it is, or stretched so that its darkest value is black and its brightest white; nothing is computed again.",
    on: { change: () => set("display", display.value) } });
  const field = (name, kind, attributes) => make("input", { type: "number", ...attributes, on: committing((event) => {
    const text = event.target.value;
    set(name, text === "" ? kind : Number(text));
  }) });
  const steps = field("steps", null, { min: 1, step: 1 });
  const seed = field("seed", 0, { min: 0, step: 1 });
  const stepSize = field("step_size", null, { min: 0, step: "any" });
  const preActivation = make("input", { type: "checkbox", on: { change: () => set("pre_activation", preActivation.checked) } });
  const keep = make("input", { type: "checkbox", on: { change: () => set("keep", keep.checked) } });
  const start = make("select", { on: { change: () => set("start", start.value) } },
    ...options([["noise", "noise"], ["image", "the image shown"], ["photo", "my photo"]]));

  const precision = make("select", { on: { change: () => set("precision", precision.value) } },
    ...options([["auto", "auto", "what was measured to be the faster on this machine"],
      ["float32", "float32"], ["bfloat16", "bfloat16", "half the bits: faster on some processors, good enough to climb by"]]));
  const kept = make("p", { class: "nbfeatviz-credit" });

  const terms = new Terms(`${id}-classes`, set);
  const values = new RecipeValues((content) => say("recipe", content));

  const buttons = new RunButtons(say);

  const row = (name, ...inside) => {
    const label = make("label", { text: name });
    const first = inside[0];
    first.id ||= `${id}-${name.replace(/\W/g, "-")}`;
    if (!first.hasAttribute("aria-label")) label.setAttribute("for", first.id);
    return make("div", { class: "nbfeatviz-row" }, label, make("div", { class: "nbfeatviz-field" }, ...inside));
  };
  const check = (name, box, title) => make("label", { class: "nbfeatviz-check", title }, box, make("span", { text: name }));
  const classRow = row("class", named, names);
  const advanced = make("details", { class: "nbfeatviz-advanced" }, make("summary", { text: "advanced" }),
    row("step size", stepSize), row("start", start), row("precision", precision), kept,
    check("before activation", preActivation, "measure the unit before its ReLU, so that it cannot start dead"),
    check("keep image", keep, "moving the slider in mid-run keeps the image and retargets it; off: start over"),
    values.el);
  el.append(
    make("div", { class: "nbfeatviz-network" }, row("network", network), make("span", { class: "nbfeatviz-untrained", text: "untrained: random weights", hidden: true })),
    make("div", { class: "nbfeatviz-settings" },
      row("objective", objective), row("unit", unit, number, total), classRow, unitName, terms.el,
      make("div", { class: "nbfeatviz-beside" }, row("recipe", recipe), row("display", display)), row("natural", natural, naturalText),
      make("div", { class: "nbfeatviz-pair" }, row("steps", steps), row("seed", seed)), advanced,
      ...buttons.rows));
  const untrained = el.querySelector(".nbfeatviz-untrained");

  function current() {
    const settings = { ...model.get("settings") };
    for (const [name, entry] of local) {
      if (JSON.stringify(settings[name]) === JSON.stringify(entry.value) || performance.now() - entry.when > ECHO_MS) local.delete(name);
      else settings[name] = entry.value;
    }
    return settings;
  }

  /** A field that is being written in keeps what is in it. */
  let forced = false;
  const put = (input, value) => { if (forced || input !== document.activeElement || input.type === "range") input.value = value ?? ""; };

  function show(force = false) {
    forced = force === true;
    const facts = model.get("facts"), settings = current();
    fill(network, (facts.networks ?? []).map((name) => [name, name]));
    network.value = facts.network ?? "";
    untrained.hidden = !facts.untrained;
    const set = (facts.recipes ?? []).find((one) => one.name === settings.recipe);
    const inUse = facts.recipe?.name === settings.recipe ? facts.recipe : null; // another one is chosen, and not yet known
    fill(recipe, (facts.recipes ?? []).map((one) => [one.name, one === set && inUse?.changed ? `${one.name}, changed` : one.name, one.reference]));
    objective.value = settings.objective;
    objective.querySelector("[value=neuron]").disabled = !facts.positions && settings.objective !== "neuron";
    recipe.value = settings.recipe;
    recipe.title = set?.reference ?? "";
    fill(display, (facts.displays ?? []).map((name) => [name, name]));
    const own = local.has("recipe") && !local.has("display"); // choosing a recipe goes back to its own
    display.value = (own ? null : settings.display) ?? set?.display ?? "";
    const last = Math.max(0, (facts.units ?? 1) - 1);
    unit.max = number.max = last;
    if (typeof settings.unit === "number") { put(unit, settings.unit); put(number, settings.unit); }
    total.textContent = facts.units ? `/${facts.units}` : "";
    const byClass = settings.objective === "class", classes = facts.classes ?? [];
    classRow.hidden = !byClass || !classes.length;
    const unitNames = byClass ? classes : facts.unit_names ?? [];
    unitName.textContent = unitNames[settings.unit] ?? "";
    unitName.hidden = byClass || !unitNames.length;
    if (byClass) put(named, classes[settings.unit] ?? settings.unit);
    if (names.childElementCount !== classes.length) names.replaceChildren(...classes.map((name) => make("option", { value: name })));
    terms.show(settings, facts, put);
    put(steps, settings.steps);
    steps.placeholder = set ? set.steps : "";
    put(seed, settings.seed);
    put(natural, settings.natural);
    naturalText.textContent = (settings.natural ?? 0).toFixed(2);
    put(stepSize, settings.step_size);
    stepSize.placeholder = set ? set.step_size : "";
    preActivation.checked = settings.pre_activation;
    preActivation.disabled = byClass;
    keep.checked = settings.keep;
    values.show(facts.recipe, settings.step_size, force === true);
    start.value = settings.start;
    precision.value = settings.precision;
    enable();
  }

  function enable() {
    const ready = Boolean(model.get("facts").ready) && !disconnected;
    buttons.show(ready);
    network.disabled = disconnected;
    values.enable(ready);
    terms.enable(ready);
    for (const input of [objective, unit, number, named, recipe, display, natural, steps, seed, stepSize, preActivation, keep, start, precision])
      input.disabled = !ready || (input === preActivation && objective.value === "class");
  }

  function received(content) {
    if (content.kind === "refused") { local.clear(); show(true); }
    if (content.kind === "code") buttons.showCode(content.text);
  }

  model.on("change:settings", show);
  model.on("change:facts", show);
  model.on("msg:custom", received);
  const following = peer(model, "live").then((live) => {
    const follow = () => { 
      const status = live.get("status");
      buttons.state = status.state ?? "loading";
      kept.textContent = status.kept ?? "";
      show();
    };
    const lost = () => { disconnected = true; enable(); };
    live.on("change:status", follow);
    live.on("comm_live_update", lost);
    follow();
    return () => { live.off("change:status", follow); live.off("comm_live_update", lost); };
  });
  show();
  return () => following.then((unfollow) => unfollow());
}

export default { render };
