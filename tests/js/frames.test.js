// Frame flow: the numbers of a run as they arrive, and what the page acknowledges.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Acknowledgement } from "../../nbfeatviz/widgets/canvas/acknowledgement.js";
import { RunTable } from "../../nbfeatviz/widgets/canvas/run_table.js";
import { stillTime } from "./clock.js";

test("one acknowledgement stands for all frames that were drawn while it waited", (t) => {
  const pass = stillTime(t),
    sent = [];
  const acknowledgement = new Acknowledgement((content) => sent.push(content));
  acknowledgement.drawn({ sequence: 1, hold: 300 });
  pass(100);
  acknowledgement.drawn({ sequence: 2, hold: 300 });
  pass(150);
  acknowledgement.drawn({ sequence: 3, hold: 300 });
  pass(50);
  assert.deepEqual(sent, [{ sequence: 3, held: 50 }], "with how long ago the last one was drawn");
  pass(1000);
  assert.equal(sent.length, 1);
});

test("on a slow way each frame is acknowledged at once", (t) => {
  const pass = stillTime(t),
    sent = [];
  const acknowledgement = new Acknowledgement((content) => sent.push(content));
  for (const sequence of [1, 2]) {
    acknowledgement.drawn({ sequence, hold: 0 });
    pass(1);
  }
  assert.deepEqual(
    sent.map(({ sequence }) => sequence),
    [1, 2],
  );
});

test("nothing is acknowledged by a view that is closed", (t) => {
  const pass = stillTime(t),
    sent = [];
  const acknowledgement = new Acknowledgement((content) => sent.push(content));
  acknowledgement.drawn({ sequence: 1, hold: 300 });
  acknowledgement.close();
  pass(1000);
  assert.deepEqual(sent, []);
});

/** Rows as the kernel sends them: in a buffer that begins anywhere in a larger one. */
function buffer(...rows) {
  const bytes = new Uint8Array(3 + 4 * 7 * rows.length);
  bytes.set(new Uint8Array(Float32Array.from(rows.flat()).buffer), 3);
  return new DataView(bytes.buffer, 3);
}
const row = (index) => [index, index + 0.5, -1, 1, 0.25, index + 0.25, 0];

test("rows are read wherever their buffer begins", () => {
  const table = new RunTable();
  table.keep(0, buffer(row(0), row(1)));
  assert.deepEqual(table.at(1), {
    index: 1,
    loss: 1.5,
    gradientMin: -1,
    gradientMax: 1,
    stepSize: 0.25,
    score: 1.25,
    distance: 0,
  });
  assert.equal(table.done, 2);
  assert.equal(table.at(99), table.at(1), "after the last step its numbers stay");
});

test("a row that comes twice counts once, and a hole is seen", () => {
  const table = new RunTable();
  table.keep(0, buffer(row(0), row(1)));
  table.keep(1, buffer(row(1), row(2)));
  assert.deepEqual([table.received, table.length], [3, 3]);
  table.keep(5, buffer(row(5)));
  assert.deepEqual([table.received, table.length], [4, 6]);
  assert.equal(table.rows[4], undefined);
});

test("what is missing is known: a hole, or the end where more rows are said to be", () => {
  const table = new RunTable();
  assert.equal(table.firstMissing(), undefined);
  assert.equal(table.firstMissing(3), 0);
  table.keep(0, buffer(row(0), row(1)));
  assert.equal(table.firstMissing(2), undefined);
  assert.equal(table.firstMissing(5), 2);
  table.keep(4, buffer(row(4)));
  assert.equal(table.firstMissing(5), 2, "a hole");
  table.keep(2, buffer(row(2), row(3)));
  assert.equal(table.firstMissing(5), undefined);
});

test("a run without steps has done none", () => {
  assert.deepEqual([new RunTable().done, new RunTable().at(0)], [0, undefined]);
});
