import assert from "node:assert/strict";
import { test } from "node:test";
import { ECHO_MS, Echo, EchoedSettings } from "../../nbfeatviz/widgets/comm/echo.js";
import { stillTime } from "./clock.js";

test("what was chosen counts until the kernel confirms it", (t) => {
  stillTime(t);
  const echo = new Echo(() => {});
  echo.set("unit", 7);
  assert.equal(echo.value("unit", 3), 7, "the kernel has still to answer");
  assert.equal(echo.value("unit", 7), 7);
  assert.equal(echo.value("unit", 9), 9, "confirmed once: what the kernel says next counts");
});

test("what the kernel never confirms counts no longer than the echo lasts, and is told of", (t) => {
  const pass = stillTime(t);
  let expired = 0;
  const echo = new Echo(() => expired++);
  echo.set("unit", 7);
  pass(ECHO_MS - 1);
  assert.equal(echo.value("unit", 3), 7);
  assert.equal(expired, 0);
  pass(22);
  assert.equal(echo.value("unit", 3), 3);
  assert.equal(expired, 1);
});

test("lists and records are compared by what is in them", (t) => {
  stillTime(t);
  const echo = new Echo(() => {});
  echo.set("box", [0, 0.5]);
  assert.equal(echo.isPending("box", [0, 0.25]), true);
  assert.equal(echo.isPending("box", [0, 0.5]), false);
});

/** Settings of a kernel that answers when it is told to. */
function kernel(wait) {
  const known = { unit: 0, steps: null },
    sent = [],
    shown = [];
  const settings = new EchoedSettings({
    known: () => known,
    send: (name, value) => sent.push([name, value]),
    changed: () => shown.push(settings.get("unit")),
    wait,
  });
  const answer = () => Object.assign(known, Object.fromEntries(sent));
  return { settings, sent, shown, answer, known };
}

test("a slider is shown at once and sent as often as it may be, the last value in any case", (t) => {
  const pass = stillTime(t),
    { settings, sent, shown, answer } = kernel(40);
  for (const value of [1, 2, 3]) settings.set("unit", value);
  assert.deepEqual(shown, [1, 2, 3]);
  assert.deepEqual(sent, [["unit", 1]]);
  pass(40);
  assert.deepEqual(sent, [
    ["unit", 1],
    ["unit", 3],
  ]);
  answer();
  assert.equal(settings.get("unit"), 3);
  assert.equal(settings.isPending("unit"), false);
});

test("two settings that change within the wait are both sent", (t) => {
  const pass = stillTime(t),
    { settings, sent } = kernel(40);
  settings.set("unit", 1);
  settings.set("unit", 2);
  settings.set("steps", 64);
  pass(40);
  assert.deepEqual(sent, [
    ["unit", 1],
    ["unit", 2],
    ["steps", 64],
  ]);
});

test("what waits goes before what else is asked, once", (t) => {
  const pass = stillTime(t),
    { settings, sent } = kernel(40);
  settings.set("unit", 1);
  settings.set("unit", 2);
  settings.flush();
  sent.push("run");
  pass(100);
  assert.deepEqual(sent, [["unit", 1], ["unit", 2], "run"]);
});

test("a value that is the kernel's already is not sent; null and nothing are the same", (t) => {
  const pass = stillTime(t),
    { settings, sent } = kernel(40);
  settings.set("unit", 0);
  settings.set("steps", null);
  settings.set("size", null);
  pass(100);
  assert.deepEqual(sent, []);
});

test("what the kernel refuses is shown as the kernel has it, and is not sent again", (t) => {
  const pass = stillTime(t),
    { settings, sent } = kernel(40);
  settings.set("unit", 1);
  settings.set("unit", 99);
  settings.clear();
  pass(100);
  assert.equal(settings.get("unit"), 0);
  assert.deepEqual(settings.all(), { unit: 0, steps: null });
  assert.deepEqual(sent, [["unit", 1]]);
});
