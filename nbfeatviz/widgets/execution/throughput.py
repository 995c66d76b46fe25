"""How fast a run goes, in words."""

from __future__ import annotations

import time


class Throughput:
    """Steps a second since a run began or went on.

    Args:
        precision: in which it is computed, "" where that is not known yet.
    """

    def __init__(self, precision: str = "") -> None:
        self._precision = f" · {precision}" if precision else ""
        self._since: float | None = None
        self._first = 0

    def begin(self, done: int) -> None:
        """The run goes on now, with that many steps done."""
        self._since, self._first = time.monotonic(), done

    def step(self, done: int, total: int) -> str:
        """The step that is done, as in "step 84/256 · 21 steps/s · float32"; without a speed before there is one."""
        text = f"step {done}/{total}"
        if self._since is None or done <= self._first:
            return text
        speed = (done - self._first) / max(time.monotonic() - self._since, 1e-9)
        return f"{text} · {speed:.{1 if speed < 10 else 0}f} steps/s{self._precision}"
