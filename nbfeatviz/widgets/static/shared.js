// What all widgets of the panel share.

/** Makes an element. Text and attributes are set as such, never parsed as HTML. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (name === "text") element.textContent = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  if (element.matches("input, select, button, textarea, summary, [tabindex]"))
    element.dataset.lmSuppressShortcuts = "true"; // Notebook 7 would take the keys
  return element;
}

/** The model that a trait refers to ("IPY_MODEL_<id>"). */
const peer = (model, trait) => model.widget_manager.get_model(model.get(trait).slice("IPY_MODEL_".length));

/** Sends to the kernel on the comm that the kernel hears at all times. */
const speaker = (model) => {
  const commands = peer(model, "commands");
  return async (kind, content = {}, buffers = []) => (await commands).send({ kind, ...content }, {}, buffers);
};

/** Calls at most once every `wait` ms, always with the last arguments. */
function paced(wait, call) {
  let timer = null, last = null;
  return (...args) => {
    last = args;
    timer ??= setTimeout(() => { timer = null; call(...last); }, wait);
  };
}

/** Calls the first time at once, then at most once every `wait` ms, and in any case with the last arguments. */
function eager(wait, call) {
  let timer = null, next = null;
  const again = () => {
    timer = null;
    if (next) run(...next);
  };
  function run(...args) {
    next = null;
    timer = setTimeout(again, wait);
    call(...args);
  }
  return (...args) => (timer ? (next = args) : run(...args));
}

/** Enter and leaving the field both mean what is written in it. */
const committing = (act) => ({ change: act, keydown: (event) => { if (event.key === "Enter") { event.stopPropagation(); act(event); } } });

/** The entries of a select: [value, text, title]. */
const options = (entries) => entries.map(([value, text, title]) => make("option", { value, text, title }));

/** Sets the entries of a select, unless they are there already. */
function fill(select, entries) {
  const text = JSON.stringify(entries);
  if (select.dataset.entries === text) return;
  select.dataset.entries = text;
  select.replaceChildren(...options(entries));
}

/** The index of a class name or number, or the words themselves, which the kernel answers with the nearest names. */
function classOf(classes, text) {
  const found = classes.findIndex((name) => name.toLowerCase() === text.toLowerCase());
  return found >= 0 ? found : /^\d+$/.test(text) ? Number(text) : text;
}

const digits = (value) => (!Number.isFinite(value) ? "–"
  : value !== 0 && (Math.abs(value) < 0.001 || Math.abs(value) >= 100000) ? value.toExponential(2)
  : Number(value.toPrecision(4)).toString());

/** The bytes of a buffer as it came from the kernel. */
const bytesOf = (buffer) => new Uint8Array(buffer.buffer ?? buffer, buffer.byteOffset ?? 0, buffer.byteLength);

/** Hands the person a file. */
function download(name, blob) {
  const url = URL.createObjectURL(blob);
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
