"""How fast a run goes: steps a second over the last few seconds since it began or went on."""

from __future__ import annotations

import time
from collections import deque

WINDOW_SECONDS = 3.0


class Throughput:
    """Counts steps; one thread at a time does so."""

    def __init__(self) -> None:
        self._counts: deque[tuple[float, int]] = deque()  # when how many steps were done

    def begin(self, done: int) -> None:
        """The run goes on now, with that many steps done."""
        self._counts = deque([(time.monotonic(), done)])

    def count(self, done: int) -> None:
        """That many steps are done now."""
        counts = self._counts
        counts.append((time.monotonic(), done))
        while len(counts) > 2 and counts[-1][0] - counts[0][0] > WINDOW_SECONDS:
            counts.popleft()

    @property
    def per_second(self) -> float:
        """Steps a second; 0 before there is a speed."""
        if len(self._counts) < 2:
            return 0.0
        (begun, before), (now, done) = self._counts[0], self._counts[-1]
        return max(done - before, 0) / max(now - begun, 1e-9)

    def in_words(self, done: int, total: int, precision: str = "") -> str:
        """The step that is done, as in "step 84/256 · 21 steps/s · float32"; without a speed before there is one."""
        text, speed = f"step {done}/{total}", self.per_second
        if not speed:
            return text
        return f"{text} · {speed:.{1 if speed < 10 else 0}f} steps/s" + (f" · {precision}" if precision else "")
