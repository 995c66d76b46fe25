"""Turns: who begins ends the others, and who was ended says nothing more."""

from __future__ import annotations

from nbfeatviz.widgets.execution.exclusive import Turns


class Job:
    def __init__(self, turns: Turns) -> None:
        self.busy = False
        turns.join(self)

    def stop(self) -> None:
        self.busy = False


def test_one_is_computed_at_a_time_and_only_that_one_is_told_of():
    said: list[tuple[str, str]] = []
    turns = Turns(lambda state, text: said.append((state, text)))
    run, sheet = Job(turns), Job(turns)
    run.busy = True
    turns.begin(sheet)
    assert not run.busy
    sheet.busy = True
    turns.say(sheet, "sheet", "step 1")
    turns.say(run, "idle", "stopped")
    assert said == [("sheet", "step 1")]
    turns.stop()
    turns.say(sheet, "idle", "stopped")
    assert (sheet.busy, said[1:]) == (False, [("idle", "stopped")])
