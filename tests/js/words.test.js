// What the panel says of numbers.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  pictureInWords,
  predictionInWords,
  unitInASentence,
  unitInWords,
} from "../../nbfeatviz/widgets/canvas/figures.js";
import { riseInWords } from "../../nbfeatviz/widgets/canvas/unit_chart.js";
import { classOf, digits } from "../../nbfeatviz/widgets/comm/numbers.js";
import { formula } from "../../nbfeatviz/widgets/tabs/optimize/terms.js";
import { sorted } from "../../nbfeatviz/widgets/tabs/photo/activations.js";
import { arranged } from "../../nbfeatviz/widgets/tabs/photo/channel_grid.js";
import { scoresOf } from "../../nbfeatviz/widgets/tabs/photo/compare.js";
import { fileName } from "../../nbfeatviz/widgets/tabs/photo/saved_sheet.js";

test("numbers have four digits, and powers of ten where they are far from one", () => {
  const said = [0, 1.23456, -0.5, 0.00012345, 1234567, NaN, Infinity, null, undefined].map(digits);
  assert.deepEqual(said, ["0", "1.235", "-0.5", "1.23e-4", "1.23e+6", "–", "–", "–", "–"]);
});

test("a class is found by name in any case, by number, or handed on as it was written", () => {
  const classes = ["tench", "Goldfish"];
  assert.deepEqual(
    ["goldfish", "TENCH", "7", "cat"].map((text) => classOf(classes, text)),
    [1, 0, 7, "cat"],
  );
});

test("a prediction is a probability where the network gives one, else a value", () => {
  assert.equal(predictionInWords([3, "cat", 0.875]), "cat (#3) 87.5 %");
  assert.equal(predictionInWords([3, "cat", -2.5, false]), "cat (#3) -2.5");
  assert.equal(predictionInWords(null), "–");
});

test("a picture is measured against photographs where these are known", () => {
  assert.equal(
    pictureInWords({ saturation: 0.012, high_frequency: 0.3 }, 0.2),
    "1.2 % saturated · 30 % fine detail (1.5 × photographs)",
  );
  assert.equal(pictureInWords({ saturation: 0.5, high_frequency: 0.04 }), "50 % saturated · 4.0 % fine detail");
  assert.equal(pictureInWords({}), "–");
});

test("a unit's percentile and selectivity", () => {
  assert.equal(unitInWords({ percentile: 99.6, selectivity: -1.25 }), "percentile 100 · selectivity −1.3");
  assert.equal(unitInWords({ percentile: 50, selectivity: null }), "percentile 50");
  assert.equal(unitInWords({}), "–");
});

test("how far the units rose", () => {
  const found = { unit: 1, rises: [-0.5, 2, 1], most: [[2, 1]], higher: 0 };
  assert.equal(riseInWords(found), "unit 1: +2.0 σ · none of 2 others rose more · highest others: 2 (+1.0)");
  assert.equal(
    riseInWords({ ...found, unit: 0, most: [], higher: 2, parts: [3, 9] }),
    "unit 0: −0.5 σ · 2 of 2 others rose more · so far by 3 of 9 parts of photographs",
  );
  assert.equal(riseInWords({ unit: 0, rises: [1], most: [], higher: 0 }), "unit 0: +1.0 σ");
});

test("an objective of several terms, with signs and factors", () => {
  const terms = [
    { kind: "channel", layer: null, unit: 3, weight: 1 },
    { kind: "class", layer: null, unit: 1, weight: -0.5 },
    { kind: "others", layer: null, unit: null, weight: -1 },
    { kind: "neuron", layer: "block1", unit: null, weight: 2 },
  ];
  assert.equal(
    formula(terms, 3, ["tench", "goldfish"]),
    "channel 3 − 0.5 · goldfish − other units + 2 · neuron 3 of block1",
  );
});

test("channels in order of their number, their mean or their largest value", () => {
  const grid = { count: 3, figures: Float32Array.from([0, 5, 0, 0, 2, 1, 0, 0, 1, 9, 0, 0]) };
  assert.deepEqual(
    ["index", "mean", "max"].map((sort) => sorted(grid, sort)),
    [
      [0, 1, 2],
      [1, 2, 0],
      [2, 0, 1],
    ],
  );
});

test("cells fill the width, large where all are in view", () => {
  for (const [total, width] of [
    [1, 300],
    [12, 500],
    [112, 500],
    [2048, 900],
    [5, 20],
  ]) {
    const { columns, cell, pitch, rows } = arranged(total, width);
    assert.ok(columns * pitch - 4 <= Math.max(width, pitch), "no wider than there is room");
    assert.ok(columns * rows >= total && columns * (rows - 1) < total, "a place for each");
    assert.ok(cell <= 96);
  }
  assert.ok(arranged(12, 500).cell > arranged(2048, 500).cell);
});

test("the best score of several is marked, whatever is missing", () => {
  const record = (deletion, insertion) => ({ title: "CAM", deletion, insertion });
  const all = [record(0.1, 0.9), record(0.2, undefined), { title: "silent", note: "all zero" }];
  const strong = (one) =>
    scoresOf(one, all)
      .filter((line) => line.strong)
      .map((line) => line.text);
  assert.deepEqual(all.map(strong), [["deletion 0.100", "insertion 0.900"], [], []]);
  assert.equal(scoresOf(all[2], all)[1].text, "says nothing");
});

test("a file's name is made of words, without its ending", () => {
  assert.equal(fileName("My Photo (1).JPG", "Grad-CAM of “cat”"), "my-photo-1-grad-cam-of-cat");
  assert.equal(fileName("…"), "map");
});

test("one sentence says what the picture does to the unit", () => {
  const said = (percentile, higher, others = 3) =>
    unitInASentence({ unit: 7, percentile, higher, rises: new Array(others + 1).fill(0) });
  assert.equal(
    said(100, 0),
    "It excites unit 7 more than any part of the photographs does; none of the 3 others rose as much.",
  );
  assert.equal(
    said(87.4, 2),
    "It excites unit 7 more than 87 % of all parts of photographs do; 2 of 3 others rose more.",
  );
  assert.equal(said(0, 0, 0), "It excites unit 7 less than any part of the photographs does.");
  assert.equal(unitInASentence({}), "", "nothing is known");
});
