import assert from "node:assert/strict";
import { test } from "node:test";
import { inView, nested, repeatedPrefix, shortKind } from "../../nbfeatviz/widgets/layer_tree.js";

const row = (path, depth, group = false, kind = "Conv2D") => ({ path, name: path, depth, group, kind });
const items = nested([
  row("base", 1, true),
  row("base/block1", 2, true),
  row("base/block1/conv", 3),
  row("base/block2", 2, true),
  row("base/block2/pool", 3, false, "MaxPooling2D"),
  row("head", 1, false, "Dense"),
]);
const paths = (seen) => items.filter((item) => seen.has(item)).map((item) => item.row.path);

test("each row knows what it lies in", () => {
  const above = (k) => items[k].parents.map((item) => item.row.path);
  assert.deepEqual(above(2), ["base", "base/block1"]);
  assert.deepEqual(above(4), ["base", "base/block2"]);
  assert.deepEqual(above(5), []);
});

test("without a filter, what lies in open groups is seen", () => {
  assert.deepEqual(paths(inView(items, "", new Set())), ["base", "head"]);
  assert.deepEqual(paths(inView(items, " ", new Set([items[0]]))), ["base", "base/block1", "base/block2", "head"]);
  assert.deepEqual(paths(inView(items, "", new Set([items[1]]))), ["base", "head"], "an open group in a closed one");
});

test("a filter finds layers by path and kind, with what they lie in, open or not", () => {
  assert.deepEqual(paths(inView(items, "POOL", new Set())), ["base", "base/block2", "base/block2/pool"]);
  assert.deepEqual(paths(inView(items, "dense", new Set())), ["head"]);
});

test("every word of a filter must be found, in whichever order; groups alone are no find", () => {
  assert.deepEqual(paths(inView(items, "conv block1", new Set())), ["base", "base/block1", "base/block1/conv"]);
  assert.deepEqual(paths(inView(items, "conv block2", new Set())), []);
  assert.deepEqual(paths(inView(items, "base", new Set(items))).length, 5);
});

test("kinds are short", () => {
  assert.deepEqual(
    ["Conv2D", "DepthwiseConv2D", "BatchNormalization", "GlobalAveragePooling2D", "MaxPooling2D"].map(shortKind),
    ["conv", "dw-conv", "norm", "global pool", "Maxpool"],
  );
});

test("what a layer's name repeats of its group is a prefix; a name is never all prefix", () => {
  const prefix = (name, ...groups) =>
    repeatedPrefix({ row: { name }, parents: groups.map((group) => ({ row: { name: group } })) });
  assert.equal(prefix("block5c_add", "block5c"), "block5c_");
  assert.equal(prefix("conv2_block1_1_conv", "conv2", "conv2_block1"), "conv2_block1_");
  assert.equal(prefix("stage.0.conv", "stage"), "stage.");
  assert.equal(prefix("block5c2_add", "block5c"), "", "another block");
  assert.equal(prefix("block5c_", "block5c"), "");
  assert.equal(prefix("block5c", "block5c"), "");
  assert.equal(prefix("add"), "");
});
