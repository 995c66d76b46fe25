// From a file of the person to bytes that the kernel takes: checked, decoded and made small on the page.

const LARGEST_FILE = 100e6, LARGEST_PIXELS = 64e6, LONGEST_SIDE = 2048;
const LARGEST_PNG = 6e6, LARGEST_SENT = 7.5e6; // a message over 10 MiB would end the kernel's connection

/** What a person is told instead of their photo. */
class Refusal extends Error {}

const count = (number) => Math.round(number).toLocaleString("en-US");
const amount = (bytes) => (bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`);

/** Kind and size of a picture by the head of its file, and whether its end is there; null for no known kind. */
function examine(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const letters = (at, length) => String.fromCharCode(...bytes.subarray(at, at + length));
  try {
    if (letters(0, 8) === "\x89PNG\r\n\x1a\n")
      return { kind: "PNG", width: view.getUint32(16), height: view.getUint32(20), whole: wholePng(view) };
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return examineJpeg(bytes, view);
    if (/^GIF8[79]a$/.test(letters(0, 6))) return { kind: "GIF", width: view.getUint16(6, true), height: view.getUint16(8, true), whole: true };
    if (letters(0, 4) === "RIFF" && letters(8, 4) === "WEBP")
      return { kind: "WebP", ...webpSize(view, letters(12, 4)), whole: view.getUint32(4, true) + 8 <= bytes.length };
    if (letters(0, 2) === "BM") {
      const old = view.getUint32(14, true) === 12;
      const [width, height] = old ? [view.getUint16(18, true), view.getUint16(20, true)]
        : [view.getInt32(18, true), Math.abs(view.getInt32(22, true))]; // rows may run downwards
      return { kind: "BMP", width, height, whole: view.getUint32(2, true) <= bytes.length };
    }
  } catch (error) {
    if (error instanceof RangeError) return { kind: "picture", width: 0, height: 0, whole: false }; // the head itself is cut off
    throw error;
  }
  return null;
}

function wholePng(view) {
  for (let at = 8; at + 12 <= view.byteLength; at += 12 + view.getUint32(at))
    if (view.getUint32(at + 4) === 0x49454e44) return true; // IEND
  return false;
}

function webpSize(view, kind) {
  const threeBytes = (at) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  if (kind === "VP8X") return { width: threeBytes(24) + 1, height: threeBytes(27) + 1 };
  if (kind === "VP8L") {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
}

/** Walks the segments of a JPEG: the frame has its size, and after the scans comes the end mark. */
function examineJpeg(bytes, view) {
  const found = { kind: "JPEG", width: 0, height: 0, whole: false };
  for (let at = 2; at + 4 <= bytes.length;) {
    if (bytes[at] !== 0xff) return found;
    const mark = bytes[at + 1];
    if (mark === 0xff) { at++; continue; }
    if (mark === 0xda) {
      for (let end = at; (end = bytes.indexOf(0xff, end + 1)) >= 0;) if (bytes[end + 1] === 0xd9) return { ...found, whole: true };
      return found;
    }
    if (mark >= 0xc0 && mark <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(mark))
      Object.assign(found, { height: view.getUint16(at + 5), width: view.getUint16(at + 7) });
    at += 2 + view.getUint16(at + 2);
  }
  return found;
}

/** Raises a Refusal, in words, for a file that must not be decoded. Returns what the head says of the others. */
async function checked(file) {
  const name = `“${file.name}”`;
  if (file.size > LARGEST_FILE) throw new Refusal(`${name} is ${amount(file.size)}; the panel takes files of up to ${amount(LARGEST_FILE)}.`);
  if (!file.size) throw new Refusal(`${name} is empty.`);
  let bytes;
  try { bytes = new Uint8Array(await file.arrayBuffer()); }
  catch { throw new Refusal(`${name} cannot be read from the disk.`); }
  const head = examine(bytes);
  if (!head) throw new Refusal(`${name} is not a picture that the panel knows; it takes JPEG, PNG, WebP, GIF and BMP.`);
  const { width, height } = head;
  if (width * height > LARGEST_PIXELS)
    throw new Refusal(`${name} has ${count(width)} × ${count(height)} pixels, which is ${count(width * height)}; `
      + `the panel takes up to ${count(LARGEST_PIXELS)}: make it smaller first.`);
  if (!head.whole) throw new Refusal(`${name} is cut off: the end of the ${head.kind} is missing.`);
  if (!width || !height) throw new Refusal(`${name} has no pixels.`);
  return { ...head, bytes };
}

const encoded = (canvas, type, quality) => new Promise((done) => canvas.toBlob(done, type, quality));

/** As PNG where that is exact and small, else as JPEG over white, just as coarse as it must be. */
async function packed(canvas, lossless) {
  if (lossless) {
    const png = await encoded(canvas, "image/png");
    if (png && png.size <= LARGEST_PNG) return png;
  }
  const context = canvas.getContext("2d");
  context.globalCompositeOperation = "destination-over";
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  let jpeg;
  for (let quality = 0.95; quality > 0.2; quality -= 0.15) {
    jpeg = await encoded(canvas, "image/jpeg", quality);
    if (jpeg && jpeg.size < LARGEST_SENT) break;
  }
  return jpeg;
}

/** The bytes of a photo for the kernel: its longest side at most 2048, under 8 MB. Raises a Refusal. */
async function readPhoto(file) {
  const { kind, bytes } = await checked(file);
  let bitmap;
  try { bitmap = await createImageBitmap(new Blob([bytes])); } // turned as its EXIF says
  catch { throw new Refusal(`“${file.name}” is damaged: its ${kind} cannot be decoded.`); }
  try {
    const longest = Math.max(bitmap.width, bitmap.height), scale = Math.min(1, LONGEST_SIDE / longest);
    if (scale === 1 && bytes.length < LARGEST_SENT) return bytes.buffer; // as it is: the kernel then sees what a script sees
    const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
    const canvas = make("canvas", { width, height });
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, width, height);
    const blob = await packed(canvas, kind !== "JPEG");
    canvas.width = canvas.height = 0; // gives its memory back now
    if (!blob || blob.size >= LARGEST_SENT) throw new Refusal(`“${file.name}” stays too large, even as a small JPEG.`);
    return await blob.arrayBuffer();
  } finally {
    bitmap.close();
  }
}
