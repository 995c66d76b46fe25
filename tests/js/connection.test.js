// Whether the kernel is there, by what the host says and by what is heard.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Connection, connectionOf } from "../../nbfeatviz/widgets/comm/connection.js";
import { stillTime } from "./clock.js";

/** A model in a host whose kernel's signals a test sends. */
function rig({ comm_live = true, host = true } = {}) {
  const slots = {},
    listeners = {},
    sent = [];
  const signal = (name) => ({
    connect: (slot) => {
      slots[name] = slot;
    },
    disconnect: (slot) => {
      if (slots[name] === slot) delete slots[name];
    },
  });
  const kernel = {
    status: "idle",
    statusChanged: signal("status"),
    connectionStatusChanged: signal("connection"),
    disposed: signal("disposed"),
  };
  const commands = { comm_live, send: (content) => sent.push(content), on: (event, act) => (listeners[event] = act) };
  const manager = { kernel: host ? kernel : undefined, get_model: async () => commands };
  const connection = new Connection({ widget_manager: manager, get: () => "IPY_MODEL_1" }),
    states = [];
  connection.onChange(() => states.push(connection.state));
  return { connection, slots, listeners, sent, states, kernel, commands };
}

test("what the host says of the connection is said at once, and taken back", async () => {
  const { connection, slots, states } = rig();
  await connection.ready;
  assert.equal(connection.state, "live");
  slots.connection(null, "connecting");
  slots.connection(null, "connected");
  assert.deepEqual(states, ["lost", "live"]);
});

test("a kernel that has ended stays so, whatever comes", async () => {
  for (const end of [({ slots }) => slots.status(null, "dead"), ({ slots }) => slots.disposed(null)]) {
    const one = rig();
    await one.connection.ready;
    end(one);
    one.connection.heard();
    one.slots.connection(null, "connecting");
    assert.deepEqual(one.states, ["ended"]);
    one.connection.send({ kind: "run" }, []);
    assert.deepEqual(one.sent, [], "and nothing is sent to it");
  }
});

test("a comm that is closed, or never was open, has no kernel", async () => {
  const saved = rig({ comm_live: false, host: false });
  await saved.connection.ready;
  assert.equal(saved.connection.state, "ended");
  const closed = rig({ host: false });
  await closed.connection.ready;
  closed.commands.comm_live = false;
  closed.listeners.comm_live_update();
  assert.equal(closed.connection.state, "ended");
});

test("a run that is not heard of is asked about, and lost where nothing answers", async (t) => {
  const { connection, states } = rig({ host: false });
  await connection.ready;
  const pass = stillTime(t);
  let pings = 0;
  connection.expect(() => pings++);
  pass(1499);
  assert.equal(pings, 0);
  pass(1);
  assert.equal(pings, 1);
  pass(1500);
  assert.deepEqual(states, ["lost"]);
  connection.heard();
  assert.deepEqual(states, ["lost", "live"]);
});

test("a kernel that is heard of is not asked, and one that is busy is not called lost", async (t) => {
  const { connection, states, kernel } = rig();
  await connection.ready;
  const pass = stillTime(t);
  let pings = 0;
  for (let k = 0; k < 20; k++) {
    connection.expect(() => pings++);
    pass(1000);
    connection.heard();
  }
  assert.equal(pings, 0);
  kernel.status = "busy";
  connection.expect(() => pings++);
  pass(60000);
  assert.deepEqual([pings, states], [1, []]);
});

test("what cannot be sent tells that the kernel is gone, and raises nothing", async (t) => {
  const { connection, commands, states } = rig();
  await connection.ready;
  t.mock.method(console, "warn", () => {});
  commands.send = () => {
    throw new Error("Cannot send");
  };
  connection.send({ kind: "run" }, []);
  assert.deepEqual(states, ["ended"]);
});

test("a page keeps nothing of a panel that has left it", async () => {
  const slots = new Set(),
    manager = {
      kernel: { statusChanged: { connect: (slot) => slots.add(slot), disconnect: (slot) => slots.delete(slot) } },
      get_model: async () => ({ comm_live: true, on: () => {}, send: () => {} }),
    };
  const model = { widget_manager: manager, get: () => "IPY_MODEL_2" },
    one = connectionOf(model);
  await one.ready;
  assert.equal(connectionOf(model), one, "shared by all widgets of the panel");
  const leave = [one.onChange(() => {}), one.onChange(() => {})];
  leave[0]();
  assert.equal(slots.size, 1);
  leave[1]();
  assert.equal(slots.size, 0);
  assert.notEqual(connectionOf(model), one);
});
