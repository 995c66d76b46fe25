// A clock that tests move: setTimeout, clearTimeout and performance.now of the code under test.

import { mock } from "node:test";

/** Sets time still for a test; what is returned lets that many ms go by. */
export function stillTime(test) {
  let now = 1000;
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => now);
  test.after(() => {
    mock.timers.reset();
    mock.restoreAll();
  });
  return (ms) => {
    for (let k = 0; k < ms; k++) {
      now++;
      mock.timers.tick(1);
    }
  };
}
