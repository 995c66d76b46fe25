// From a file of the person to bytes that the kernel takes: checked, decoded and made small on the page.

import { contextOf, make } from "../comm/dom.js";
import { grouped } from "../comm/numbers.js";

const LARGEST_FILE = 100e6,
  LARGEST_PIXELS = 64e6,
  LONGEST_SIDE = 2048;
const LARGEST_PNG = 6e6,
  LARGEST_SENT = 7.5e6; // a message over 10 MiB would end the kernel's connection

/** What a person is told instead of their photo. */
export class Refusal extends Error {}

/** @param {number} bytes */
export const amount = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`);

/**
 * What the head of a picture's file says, and whether its end is there.
 * @typedef {{ kind: string, width: number, height: number, whole: boolean }} Head
 */

/**
 * Kind and size of a picture by the head of its file; null for no known kind.
 * @param {Uint8Array} bytes
 * @returns {Head | null}
 */
export function examine(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const letters = (/** @type {number} */ at, /** @type {number} */ length) =>
    String.fromCharCode(...bytes.subarray(at, at + length));
  try {
    if (letters(0, 8) === "\x89PNG\r\n\x1a\n")
      return { kind: "PNG", width: view.getUint32(16), height: view.getUint32(20), whole: wholePng(view) };
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return examineJpeg(bytes, view);
    if (/^GIF8[79]a$/.test(letters(0, 6)))
      return { kind: "GIF", width: view.getUint16(6, true), height: view.getUint16(8, true), whole: true };
    if (letters(0, 4) === "RIFF" && letters(8, 4) === "WEBP")
      return { kind: "WebP", ...webpSize(view, letters(12, 4)), whole: view.getUint32(4, true) + 8 <= bytes.length };
    if (letters(0, 2) === "BM")
      return { kind: "BMP", ...bmpSize(view), whole: view.getUint32(2, true) <= bytes.length };
  } catch (error) {
    if (error instanceof RangeError) return { kind: "picture", width: 0, height: 0, whole: false }; // the head itself is cut off
    throw error;
  }
  return null;
}

/** @param {DataView} view */
function wholePng(view) {
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at))
    if (view.getUint32(at + 4) === 0x49454e44) return true; // IEND
  return false;
}

/** @param {DataView} view */
function bmpSize(view) {
  if (view.getUint32(14, true) === 12) return { width: view.getUint16(18, true), height: view.getUint16(20, true) }; // OS/2
  return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) }; // rows may run downwards
}

/**
 * @param {DataView} view
 * @param {string} kind of the first chunk
 */
function webpSize(view, kind) {
  const threeBytes = (/** @type {number} */ at) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  if (kind === "VP8X") return { width: threeBytes(24) + 1, height: threeBytes(27) + 1 };
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

/**
 * Walks the segments of a JPEG: the frame has its size, and after the scans comes the end mark.
 * @param {Uint8Array} bytes
 * @param {DataView} view
 * @returns {Head}
 */
function examineJpeg(bytes, view) {
  const found = { kind: "JPEG", width: 0, height: 0, whole: false };
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at] === 0xff) {
    const mark = bytes[at + 1];
    if (mark === 0xff) {
      at++;
      continue;
    }
    if (mark === 0xda) return { ...found, whole: hasEndMark(bytes, at) };
    if (mark >= 0xc0 && mark <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(mark))
      Object.assign(found, { height: view.getUint16(at + 5), width: view.getUint16(at + 7) });
    at += 2 + view.getUint16(at + 2);
  }
  return found;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} from
 */
function hasEndMark(bytes, from) {
  for (let at = bytes.indexOf(0xff, from + 1); at >= 0; at = bytes.indexOf(0xff, at + 1))
    if (bytes[at + 1] === 0xd9) return true;
  return false;
}

/**
 * What the head of a file says. Raises a Refusal, in words, for one that must not be decoded.
 * @param {{ name: string, size: number, arrayBuffer(): Promise<ArrayBuffer> }} file
 */
export async function checked(file) {
  const name = `“${file.name}”`;
  if (file.size > LARGEST_FILE)
    throw new Refusal(`${name} is ${amount(file.size)}; the panel takes files of up to ${amount(LARGEST_FILE)}.`);
  if (!file.size) throw new Refusal(`${name} is empty.`);
  const bytes = await file.arrayBuffer().then(
    (buffer) => new Uint8Array(buffer),
    () => {
      throw new Refusal(`${name} cannot be read from the disk.`);
    },
  );
  const head = examine(bytes);
  if (!head) throw new Refusal(`${name} is not a picture that the panel knows; it takes JPEG, PNG, WebP, GIF and BMP.`);
  const { width, height } = head,
    size = `${grouped(width)} × ${grouped(height)} pixels, which is ${grouped(width * height)}`;
  if (width * height > LARGEST_PIXELS)
    throw new Refusal(`${name} has ${size}; the panel takes up to ${grouped(LARGEST_PIXELS)}: make it smaller first.`);
  if (!head.whole) throw new Refusal(`${name} is cut off: the end of the ${head.kind} is missing.`);
  if (!width || !height) throw new Refusal(`${name} has no pixels.`);
  return { ...head, bytes };
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} type
 * @param {number} [quality]
 * @returns {Promise<Blob | null>}
 */
const encoded = (canvas, type, quality) => new Promise((done) => canvas.toBlob(done, type, quality));

/**
 * As PNG where that is exact and small, else as JPEG over white, just as coarse as it must be.
 * @param {HTMLCanvasElement} canvas
 * @param {boolean} lossless
 */
async function packed(canvas, lossless) {
  if (lossless) {
    const png = await encoded(canvas, "image/png");
    if (png && png.size <= LARGEST_PNG) return png;
  }
  const context = contextOf(canvas);
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (let quality = 0.95; quality > 0.2; quality -= 0.15) {
    const jpeg = await encoded(canvas, "image/jpeg", quality);
    if (jpeg && jpeg.size < LARGEST_SENT) return jpeg;
  }
  return null;
}

/**
 * The bytes of a photo for the kernel: its longest side at most 2048, under 8 MB. Raises a Refusal.
 * @param {File} file
 * @returns {Promise<ArrayBuffer>}
 */
export async function readPhoto(file) {
  const { kind, bytes } = await checked(file);
  const bitmap = await createImageBitmap(new Blob([bytes])).catch(() => {
    throw new Refusal(`“${file.name}” is damaged: its ${kind} cannot be decoded.`);
  }); // turned as its EXIF says
  try {
    const scale = Math.min(1, LONGEST_SIDE / Math.max(bitmap.width, bitmap.height));
    if (scale === 1 && bytes.length < LARGEST_SENT) return bytes.buffer; // as it is: the kernel then sees what a script sees
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = make("canvas", { width, height }),
      context = contextOf(canvas);
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    const blob = await packed(canvas, kind !== "JPEG");
    canvas.width = canvas.height = 0; // gives its memory back now
    if (!blob) throw new Refusal(`“${file.name}” stays too large, even as a small JPEG.`);
    return await blob.arrayBuffer();
  } finally {
    bitmap.close();
  }
}
