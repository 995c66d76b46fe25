// What the head of a picture's file says, and which files are refused, in words.

import assert from "node:assert/strict";
import { test } from "node:test";
import { amount, checked, examine, Refusal } from "../../nbfeatviz/widgets/photo_input/intake.js";

const letters = (text) => [...text].map((letter) => letter.charCodeAt(0));
const big = (value, bytes = 4) => Array.from({ length: bytes }, (_, k) => (value >>> (8 * (bytes - 1 - k))) & 255);
const little = (value, bytes = 4) => big(value, bytes).reverse();

const png = (width, height, ended = true) => [
  ...letters("\x89PNG\r\n\x1a\n"),
  ...big(13),
  ...letters("IHDR"),
  ...big(width),
  ...big(height),
  8,
  2,
  0,
  0,
  0,
  ...big(0),
  ...(ended ? [...big(0), ...letters("IEND"), ...big(0)] : []),
];
const jpeg = (width, height, ended = true) => [
  0xff,
  0xd8,
  0xff,
  0xe0,
  ...big(4, 2),
  1,
  2,
  0xff,
  0xc0,
  ...big(8, 2),
  8,
  ...big(height, 2),
  ...big(width, 2),
  3,
  0xff,
  0xda,
  ...big(2, 2),
  1,
  2,
  0xff,
  0x00,
  3,
  ...(ended ? [0xff, 0xd9] : []),
];
const gif = (width, height) => [...letters("GIF89a"), ...little(width, 2), ...little(height, 2)];
const riff = (kind, body) => [
  ...letters("RIFF"),
  ...little(4 + 8 + body.length),
  ...letters("WEBP"),
  ...letters(kind),
  ...little(body.length),
  ...body,
];
const webp = {
  extended: (width, height) => riff("VP8X", [0, 0, 0, 0, ...little(width - 1, 3), ...little(height - 1, 3)]),
  lossless: (width, height) => riff("VP8L", [0x2f, ...little((width - 1) | ((height - 1) << 14))]),
  lossy: (width, height) => riff("VP8 ", [0, 0, 0, 0x9d, 1, 0x2a, ...little(width, 2), ...little(height, 2)]),
};
const bmp = (width, height) =>
  [
    ...letters("BM"),
    ...little(26),
    ...little(0),
    ...little(26),
    ...little(40),
    ...little(width),
    ...little(height),
  ].slice(0, 26);
const known = {
  PNG: png(640, 480),
  JPEG: jpeg(640, 480),
  GIF: gif(640, 480),
  BMP: bmp(640, 480),
  "WebP, extended": webp.extended(640, 480),
  "WebP, lossless": webp.lossless(640, 480),
  "WebP, lossy": webp.lossy(640, 480),
};

for (const [name, bytes] of Object.entries(known))
  test(`${name}: kind and size are read, wherever the bytes begin`, () => {
    const all = Uint8Array.from([1, 2, 3, ...bytes]);
    assert.deepEqual(examine(all.subarray(3)), { kind: name.split(",")[0], width: 640, height: 480, whole: true });
  });

test("a picture upside down in its file has a size", () => {
  assert.equal(examine(Uint8Array.from(bmp(4, -8))).height, 8);
});

test("what is cut off is seen", () => {
  for (const bytes of [png(4, 4, false), jpeg(4, 4, false), webp.lossy(4, 4).slice(0, -1)])
    assert.equal(examine(Uint8Array.from(bytes)).whole, false);
});

test("every beginning of every file is examined without an error", () => {
  for (const bytes of Object.values(known))
    for (let end = 0; end < bytes.length; end++)
      assert.ok([null, false, true].includes(examine(Uint8Array.from(bytes.slice(0, end)))?.whole ?? null));
});

test("a file of no known kind has none", () => {
  assert.equal(examine(Uint8Array.from(letters("<svg onload=alert(1)>"))), null);
});

const file = (bytes, name = "photo.png", size = bytes.length) => ({
  name,
  size,
  arrayBuffer: async () => Uint8Array.from(bytes).buffer,
});
const refused = {
  "is 101 MB; the panel takes files of up to 100 MB": file([], "huge.png", 100e6 + 1),
  "is empty": file([]),
  "is not a picture that the panel knows": file(letters("hello, world, this is text")),
  "has 100,000 × 1,000 pixels, which is 100,000,000; the panel takes up to 64,000,000": file(png(100000, 1000)),
  "is cut off: the end of the JPEG is missing": file(jpeg(4, 4, false)),
  "has no pixels": file(png(0, 4)),
  "cannot be read from the disk": {
    name: "gone.png",
    size: 4,
    arrayBuffer: () => Promise.reject(new Error("NotReadableError")),
  },
};
for (const [words, one] of Object.entries(refused))
  test(`refused: ${words}`, async () => {
    await assert.rejects(
      checked(one),
      (error) => error instanceof Refusal && error.message.startsWith(`“${one.name}” ${words}`),
    );
  });

test("a good file is taken with its bytes", async () => {
  const head = await checked(file(png(4, 2)));
  assert.deepEqual([head.kind, head.width, head.height, head.bytes.length], ["PNG", 4, 2, png(4, 2).length]);
});

test("an amount of bytes in words", () => {
  assert.deepEqual([1, 5.2e6, 3.25e9].map(amount), ["1 MB", "6 MB", "3.3 GB"]);
});
