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
  return async (kind, content = {}) => (await commands).send({ kind, ...content }, {}, []);
};

/** Calls at most once every `wait` ms, always with the last arguments. */
function paced(wait, call) {
  let timer = null, last = null;
  return (...args) => {
    last = args;
    timer ??= setTimeout(() => { timer = null; call(...last); }, wait);
  };
}
