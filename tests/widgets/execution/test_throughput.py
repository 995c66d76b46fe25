"""Speed: steps a second since the run went on, in words."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from nbfeatviz.widgets.execution import throughput as speed
from nbfeatviz.widgets.execution.throughput import Throughput


@pytest.mark.parametrize(("seconds", "words"), [(1, "20 steps/s"), (4, "5.0 steps/s")])
def test_what_was_done_before_a_pause_does_not_count(monkeypatch, seconds: float, words: str):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(speed, "time", SimpleNamespace(monotonic=lambda: clock.now))
    measured = Throughput()
    assert measured.step(64, 256) == "step 64/256"
    measured.begin(64)
    clock.now += seconds
    assert measured.step(64, 256) == "step 64/256"
    assert measured.step(84, 256) == f"step 84/256 · {words}"
