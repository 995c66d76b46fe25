import assert from "node:assert/strict";
import { test } from "node:test";
import { throttle } from "../../nbfeatviz/widgets/comm/throttle.js";
import { stillTime } from "./clock.js";

test("the first call is answered at once, the last of many after the wait, none twice", (t) => {
  const pass = stillTime(t),
    calls = [];
  const call = throttle(60, (value) => calls.push(value));
  for (const value of [1, 2, 3]) call(value);
  assert.deepEqual(calls, [1]);
  pass(59);
  assert.deepEqual(calls, [1]);
  pass(1);
  assert.deepEqual(calls, [1, 3]);
  pass(500);
  assert.deepEqual(calls, [1, 3]);
  call(4);
  assert.deepEqual(calls, [1, 3, 4], "after a rest the next one is answered at once");
});

test("it is called at most once every wait, however many calls there are", (t) => {
  const pass = stillTime(t),
    calls = [];
  const call = throttle(50, (value) => calls.push(value));
  for (let k = 0; k < 1000; k++) {
    call(k);
    pass(1);
  }
  pass(50);
  assert.equal(calls.length, 21); // at 0, 50, … 950 ms, and the last
  assert.equal(calls.at(-1), 999);
});

test("without the leading call, the first one waits too", (t) => {
  const pass = stillTime(t),
    calls = [];
  const call = throttle(100, (value) => calls.push(value), { leading: false });
  call("a");
  pass(99);
  call("b");
  assert.deepEqual(calls, []);
  pass(1);
  assert.deepEqual(calls, ["b"]);
  pass(500);
  assert.deepEqual(calls, ["b"]);
});
