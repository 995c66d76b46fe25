import assert from "node:assert/strict";
import { test } from "node:test";
import {
  colourTable,
  isBeyond,
  mostOf,
  placing,
  rangeOf,
  ticks,
  valueAt,
} from "../../nbfeatviz/widgets/tabs/photo/colour.js";

test("what has signs is shown around zero, whichever end is farther", () => {
  assert.deepEqual(rangeOf({ low: -3, high: 1, signed: true }), [-3, 3]);
  assert.deepEqual(rangeOf({ low: -1, high: 3, signed: true }), [-3, 3]);
});

test("what has none begins at its lowest value, and ends at the limit where few values lie above", () => {
  assert.deepEqual(rangeOf({ low: 0, high: 8, limit: 2, signed: false }), [0, 2]);
  assert.deepEqual(rangeOf({ low: 0, high: 8, signed: false }), [0, 8]);
  assert.deepEqual(rangeOf({ low: -2, high: 1, signed: false }), [-2, 1]);
});

test("a map of zeros has a range that can be divided by", () => {
  assert.equal(mostOf({ low: 0, high: 0 }), 1);
  assert.deepEqual(rangeOf({ low: 0, high: 0, signed: true }), [-1, 1]);
});

test("only values beyond the ends of the colours are said to be, not rounding", () => {
  assert.equal(isBeyond({ low: 0, high: 8, limit: 2 }), true);
  assert.equal(isBeyond({ low: -8, high: 1, limit: 2 }), true);
  assert.equal(isBeyond({ low: 0, high: 2.0000001, limit: 2 }), false);
});

test("the lowest and highest quantum lie where their values do in the colour map", () => {
  for (const [low, high, from, to] of [
    [0, 1, 0, 1],
    [-2, 2, -4, 4],
    [0.25, 0.5, 0, 1],
  ]) {
    const [start, step] = placing(low, high, [from, to], 65535);
    assert.ok(Math.abs(start - (255 * (low - from)) / (to - from)) < 1e-9);
    assert.ok(Math.abs(start + 65535 * step - (255 * (high - from)) / (to - from)) < 1e-9);
  }
});

test("a range without a width paints all in the first colour", () => {
  assert.deepEqual(placing(1, 1, [1, 1], 255), [0, 0]);
});

test("the value at a position comes back from its quantum", () => {
  const map = { values: Uint16Array.from([0, 65535, 32768, 1]), shape: [2, 2], low: -1, high: 3, signed: true };
  assert.equal(valueAt(map, 0, 0), -1);
  assert.equal(valueAt(map, 0, 1), 3);
  assert.ok(Math.abs(valueAt(map, 1, 0) - 1) < 4 / 65535);
});

test("ticks say both ends, the middle, and what lies beyond", () => {
  assert.deepEqual(ticks([-1, 1], true, true), ["≤ -1", "0", "≥ 1"]);
  assert.deepEqual(ticks([0, 0.5]), ["0", "0.25", "0.5"]);
});

test("a table has opaque colours in the order red, green, blue", () => {
  const bytes = Uint8Array.from({ length: 768 }, (_, k) => (k < 3 ? [10, 20, 30][k] : 0));
  const table = colourTable(Buffer.from(bytes).toString("base64"));
  assert.deepEqual([...new Uint8Array(table.buffer, 0, 4)], [10, 20, 30, 255]);
  assert.equal(table.length, 256);
  assert.equal(colourTable(Buffer.from(bytes).toString("base64")), table, "made once");
});
