// How the page and the kernel speak: other widgets' models, the command comm, and buffers.

/**
 * @template {Record<string, any>} Traits
 * @typedef {import("@anywidget/types").AnyModel<Traits>} Model
 */

/** @typedef {(kind: string, content?: object, buffers?: ArrayBuffer[]) => Promise<void>} Send */

/**
 * The model that a trait refers to ("IPY_MODEL_<id>").
 * @template {Record<string, any>} [Traits=Record<string, any>]
 * @param {Model<any>} model
 * @param {string} trait
 * @returns {Promise<Model<Traits>>}
 */
export const peer = (model, trait) => model.widget_manager.get_model(model.get(trait).slice("IPY_MODEL_".length));

/**
 * Calls listeners of a model until the function that is returned is called.
 * @param {Model<any>} model
 * @param {Record<string, (...args: any[]) => void>} listeners
 */
export function listen(model, listeners) {
  for (const [event, listener] of Object.entries(listeners)) model.on(event, listener);
  return () => {
    for (const [event, listener] of Object.entries(listeners)) model.off(event, listener);
  };
}

/**
 * A copy of a buffer as it came from the kernel, which may begin anywhere in a larger one.
 * @param {DataView | ArrayBuffer} buffer
 */
export function bytesOf(buffer) {
  const view =
    buffer instanceof ArrayBuffer
      ? new Uint8Array(buffer)
      : new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  const bytes = new Uint8Array(view.length);
  bytes.set(view);
  return bytes;
}

/**
 * A file that the kernel hands to the person.
 * @param {{ mime: string }} content
 * @param {DataView[]} buffers
 */
export const fileOf = (content, buffers) => new Blob([bytesOf(buffers[0])], { type: content.mime });

/**
 * The address of a WebP picture that came from the kernel, to be revoked; "" for none.
 * @param {DataView | null | undefined} data
 */
export const webpUrl = (data) =>
  data?.byteLength ? URL.createObjectURL(new Blob([bytesOf(data)], { type: "image/webp" })) : "";
