"""When the next frame may go to a page: a few are in flight, all are acknowledged, a silent page gets some blindly."""

from __future__ import annotations

import time

FEWEST_IN_FLIGHT, MOST_IN_FLIGHT = 2, 20  # frames sent ahead on a slow and on a fast way to the page
HOLD_MS = 300  # how long the page may wait with an acknowledgement on a fast way: 20 frames are 50 a second then
FAST_SECONDS = 0.1  # from sent to drawn and acknowledged
FRAME_SECONDS = 1 / 60
BLIND_AFTER_SECONDS = 0.75
BLIND_EVERY_SECONDS = 0.5


class FlowControl:
    """Counts what was sent and acknowledged; the caller sees to it that one thread at a time does so."""

    def __init__(self) -> None:
        self._sequence = 0
        self.restart()

    def restart(self) -> None:
        """Another run: what is still to be acknowledged of the one before is not taken for new."""
        self._acknowledged = self._sequence  # counts on
        self._took = float("inf"), float("inf")
        self._sent_times: dict[int, float] = {}
        self._sent_at = 0.0
        self.heard()

    def heard(self) -> None:
        """A page is there; it has everything that was sent."""
        self._acknowledged = self._sequence
        self._heard_at = time.monotonic()

    @property
    def _fast(self) -> bool:
        """Whether either of the last two answers came soon: one that was late alone says nothing of the way."""
        return min(self._took) < FAST_SECONDS

    @property
    def may_send(self) -> bool:
        """Whether the page keeps up, or has been silent for so long that it gets a frame blindly."""
        now = time.monotonic()
        ahead = MOST_IN_FLIGHT if self._fast else FEWEST_IN_FLIGHT
        keeps_up = self._sequence - self._acknowledged < ahead and now - self._sent_at >= FRAME_SECONDS
        silent = now - self._heard_at > BLIND_AFTER_SECONDS and now - self._sent_at > BLIND_EVERY_SECONDS
        return keeps_up or silent

    def sent(self) -> dict[str, int]:
        """Counts a frame; returns what is to go along with it: its number, and how long its answer may wait (ms)."""
        self._sequence += 1
        self._sent_at = self._sent_times[self._sequence] = time.monotonic()
        return {"sequence": self._sequence, "hold": HOLD_MS if self._fast else 0}

    def acknowledge(self, sequence: int, held: float = 0.0) -> None:
        """The page has drawn (or given up on) a frame, and those before it, `held` ms ago."""
        self._acknowledged = max(self._acknowledged, min(sequence, self._sequence))
        self._heard_at = time.monotonic()
        sent = self._sent_times.get(self._acknowledged)
        if sent is not None:
            self._took = self._took[1], self._heard_at - sent - held / 1000
        self._sent_times = {number: at for number, at in self._sent_times.items() if number > self._acknowledged}
