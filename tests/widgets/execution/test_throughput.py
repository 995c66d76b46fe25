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
    assert measured.in_words(64, 256) == "step 64/256"
    measured.begin(64)
    clock.now += seconds
    assert measured.in_words(64, 256, "float32") == "step 64/256"
    measured.count(84)
    assert measured.in_words(84, 256) == f"step 84/256 · {words}"
    assert measured.in_words(84, 256, "float32") == f"step 84/256 · {words} · float32"


def test_the_speed_is_that_of_the_last_seconds(monkeypatch):
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(speed, "time", SimpleNamespace(monotonic=lambda: clock.now))
    measured = Throughput()
    measured.begin(0)
    for done in (*range(1, 11), *range(30, 101, 20)):  # one step a second, then twenty
        clock.now += 1
        measured.count(done)
    assert measured.per_second == pytest.approx(20)
