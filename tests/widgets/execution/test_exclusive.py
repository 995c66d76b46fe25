"""Turns: who begins ends the others, and who was ended says nothing more."""

from __future__ import annotations

from nbfeatviz.widgets.execution.exclusive import Exclusive


class Job:
    def __init__(self, exclusive: Exclusive, tab: str) -> None:
        self.busy = False
        exclusive.join(self, tab)

    def stop(self) -> None:
        self.busy = False


def test_one_is_computed_at_a_time_and_only_that_one_is_told_of():
    said: list[tuple[str, str, str]] = []
    exclusive = Exclusive(lambda state, text, tab: said.append((state, text, tab)))
    run, sheet = Job(exclusive, "optimize"), Job(exclusive, "features")
    run.busy = True
    exclusive.begin(sheet)
    assert not run.busy
    sheet.busy = True
    exclusive.set_status(sheet, "sheet", "step 1")
    exclusive.set_status(run, "idle", "stopped")
    assert said == [("sheet", "step 1", "features")]
    exclusive.stop()
    exclusive.set_status(sheet, "idle", "stopped")
    assert (sheet.busy, said[1:]) == (False, [("idle", "stopped", "features")])
