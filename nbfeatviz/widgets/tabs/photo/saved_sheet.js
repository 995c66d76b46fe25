// A drawing of maps with their titles and the colour bar, on white, to be saved.

import { contextOf, make } from "../../comm/dom.js";

const GAP = 24,
  LINE = 20,
  MOST_COLUMNS = 4;

/** @typedef {{ layers: import("./map_view.js").Overlaid, texts: string[] }} Item */

/**
 * @param {Item[][]} groups each begins a line
 * @param {import("./colour.js").ColourBar} bar
 * @param {number} opacity of the maps
 * @returns {Promise<Blob | null>} a PNG
 */
export function savedSheet(groups, bar, opacity) {
  const columns = Math.min(MOST_COLUMNS, Math.max(...groups.map((group) => group.length)));
  const rows = groups.flatMap((group) => chunks(group, columns)),
    items = rows.flat();
  const { picture } = items[0].layers,
    lines = Math.max(...items.map(({ texts }) => texts.length));
  const scale = Math.max(1, (items.length > 1 ? 256 : 512) / Math.max(picture.height, picture.width));
  const [h, w] = [Math.round(picture.height * scale), Math.round(picture.width * scale)],
    [high, wide] = [h + lines * LINE + GAP, w + GAP];
  const canvas = make("canvas", { width: columns * wide + GAP, height: rows.length * high + GAP + 48 }),
    context = contextOf(canvas);
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.font = "14px system-ui, sans-serif";
  context.fillStyle = "#222";
  rows.forEach((row, r) => {
    row.forEach(({ layers, texts }, c) => {
      const x = GAP + c * wide,
        y = GAP + r * high;
      layers.copyTo(context, opacity, [x, y, w, h]);
      for (const [n, text] of texts.entries()) context.fillText(text, x, y + h + LINE * (n + 0.8), w);
    });
  });
  const top = canvas.height - GAP - 20,
    length = Math.min(columns * wide - GAP, 512);
  context.imageSmoothingEnabled = true;
  context.drawImage(bar.canvas, GAP, top, length, 12);
  /** @type {CanvasTextAlign[]} */ (["left", "center", "right"]).forEach((align, k) => {
    context.textAlign = align;
    context.fillText(bar.texts[k], GAP + (length * k) / 2, top + 30);
  });
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/**
 * @template T
 * @param {T[]} list
 * @param {number} length
 */
function chunks(list, length) {
  return Array.from({ length: Math.ceil(list.length / length) }, (_, k) => list.slice(k * length, (k + 1) * length));
}

/**
 * A file name of words.
 * @param {(string | undefined)[]} words
 */
export const fileName = (...words) =>
  words
    .filter(Boolean)
    .join("-")
    .replace(/\.\w{2,5}(?=-|$)/, "")
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 100) || "map";
