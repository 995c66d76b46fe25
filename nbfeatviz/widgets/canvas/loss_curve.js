// The loss of a run, step by step.

import { drawingOn } from "../comm/dom.js";

/**
 * @param {HTMLCanvasElement} canvas
 * @param {import("./run_table.js").Row[]} rows
 * @param {number} place that is marked
 */
export function drawLossCurve(canvas, rows, place) {
  const drawing = drawingOn(canvas),
    count = rows.length;
  if (!drawing || !count) return;
  const { context, width, height, colours } = drawing;
  let low = Infinity,
    high = -Infinity;
  for (const { loss } of rows) {
    low = Math.min(low, loss);
    high = Math.max(high, loss);
  }
  if (high === low) {
    high += 1;
    low -= 1;
  }
  const x = (/** @type {number} */ k) => 4 + ((width - 8) * k) / Math.max(1, count - 1);
  const y = (/** @type {number} */ value) => height - 4 - ((height - 8) * (value - low)) / (high - low);
  if (low < 0 && high > 0) {
    context.strokeStyle = colours.borderTopColor;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(4, y(0));
    context.lineTo(width - 4, y(0));
    context.stroke();
  }
  context.strokeStyle = colours.color;
  context.lineWidth = 1.5;
  context.beginPath();
  const stride = Math.max(1, Math.floor(count / (2 * width)));
  for (let k = 0; k < count; k += k + stride < count ? stride : Math.max(1, count - 1 - k)) {
    const fresh = k === 0 || rows[k].index < rows[Math.max(0, k - stride)].index; // retargeted: it counts from 0 again
    if (fresh) context.moveTo(x(k), y(rows[k].loss));
    else context.lineTo(x(k), y(rows[k].loss));
  }
  context.stroke();
  const marked = Math.min(place, count - 1);
  context.fillStyle = colours.color;
  context.beginPath();
  context.arc(x(marked), y(rows[marked].loss), 3, 0, 2 * Math.PI);
  context.fill();
}
