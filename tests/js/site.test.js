import assert from "node:assert/strict";
import test from "node:test";
import { layerAddress, placeOf, searchAddress, unitAddress } from "../../nbfeatviz/catalogue/site_page/address.js";
import { count, each, statusOf } from "../../nbfeatviz/catalogue/site_page/catalogue.js";
import { figure } from "../../nbfeatviz/catalogue/site_page/elements.js";
import { search } from "../../nbfeatviz/catalogue/site_page/search.js";

const layer = (path, units, more = {}) => ({
  path,
  units,
  names: null,
  shown: [[0, units - 1]],
  finished: [[0, units - 1]],
  marks: {},
  ...more,
});
const LAYERS = [
  layer("block5c_add", 112),
  layer("base/conv1", 8),
  layer("base/conv1/3", 8),
  layer("odd #?% näme", 8),
  layer("?", 2),
  layer("classes", 3, { names: ["espresso", "espresso maker", "Block5c"] }),
];

test("every unit and layer is found again at its address, nested and oddly named ones too", () => {
  for (const [place, one] of LAYERS.entries()) {
    assert.deepEqual(placeOf(layerAddress(one), LAYERS), { kind: "layer", place });
    const unit = one.units - 1;
    assert.deepEqual(placeOf(unitAddress(one, unit), LAYERS), { kind: "unit", place, unit });
    assert.match(unitAddress(one, unit), /^#[\w%./~-]+\/\d+$/, "safe in any text");
  }
  assert.equal(unitAddress(LAYERS[0], 3), "#block5c_add/3");
  assert.deepEqual(placeOf("#base/conv1/3", LAYERS), { kind: "unit", place: 1, unit: 3 });
});

test("an address that leads nowhere says so", () => {
  for (const hash of ["#block5c_add/112", "#block5c_add/-1", "#block5c_add/3x", "#nothing/3", "#%E0%A4%A", "#/"])
    assert.equal(placeOf(hash, LAYERS).kind, "unknown", hash);
  assert.deepEqual(placeOf("", LAYERS), { kind: "map" });
  assert.deepEqual(placeOf(searchAddress("a/b ?#%"), LAYERS), { kind: "search", text: "a/b ?#%" });
});

test("a search finds classes first, then layers and units", () => {
  const units = (text) => search(LAYERS, text).units.map(([place, unit]) => `${place}/${unit}`);
  assert.deepEqual(units("espresso"), ["5/0", "5/1"], "the exact name first");
  assert.deepEqual(units("MAKER esp"), ["5/1"]);
  assert.deepEqual(units("block5c 3"), ["0/3"]);
  assert.deepEqual(units("block5c_add/3"), ["0/3"]);
  assert.deepEqual(search(LAYERS, "base").layers, [1, 2]);
  assert.deepEqual(units("7"), ["0/7", "1/7", "2/7", "3/7"]);
  assert.deepEqual(search(LAYERS, "  "), { layers: [], units: [], more: 0 });
  const { units: some, more } = search(LAYERS, "7", 3);
  assert.deepEqual([some.length, more], [3, 1]);
});

test("what is finished, dead and not yet", () => {
  const one = layer("a", 9, {
    finished: [
      [0, 2],
      [5, 5],
    ],
    marks: { 1: "dead" },
  }); // prettier-ignore
  assert.deepEqual(
    [0, 1, 3, 5].map((unit) => statusOf(one, unit)),
    ["ok", "dead", "not yet", "ok"],
  ); // prettier-ignore
  assert.equal(count(one.finished), 4);
  assert.deepEqual([...each(one.finished, 3)], [0, 1, 2]);
});

test("figures have four digits", () => {
  assert.deepEqual([1234567, 0.00001234, -2.05123, 0, 12.34567, null].map(figure), [
    "1.23e+6",
    "1.23e−5",
    "−2.051",
    "0",
    "12.35",
    "none",
  ]); // prettier-ignore
});
