"""Cells: running a cell again closes what it had made; another cell, or none, closes nothing."""

from __future__ import annotations

import gc
from types import SimpleNamespace
from typing import Any

import pytest

from nbfeatviz.widgets import cell_lifecycle as cells


class Panel:
    closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.fixture
def kernel(monkeypatch) -> dict[str, Any]:
    """The message that the kernel is answering: change it to run a cell."""
    parent: dict[str, Any] = {}
    shell = SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: parent))
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: shell)
    monkeypatch.setattr(cells, "_made", {})
    return parent


def made(parent: dict[str, Any], cell: str, run: str) -> Panel:
    parent.update(metadata={"cellId": cell}, header={"msg_id": run})
    explorer = Panel()
    cells.register(explorer)
    return explorer


def test_running_a_cell_again_closes_its_panels(kernel: dict[str, Any]):
    first, second = made(kernel, "a", "1"), made(kernel, "a", "1")
    assert (first.closed, second.closed) == (0, 0)  # two panels of one run live side by side
    third = made(kernel, "a", "2")
    assert (first.closed, second.closed, third.closed) == (1, 1, 0)
    made(kernel, "a", "3")
    assert (first.closed, third.closed) == (1, 1)


def test_other_cells_are_left_alone(kernel: dict[str, Any]):
    first = made(kernel, "a", "1")
    made(kernel, "b", "2")
    assert first.closed == 0


def test_a_panel_that_is_gone_is_not_closed_and_not_kept_alive(kernel: dict[str, Any]):
    made(kernel, "a", "1")
    gc.collect()
    assert [reference() for _, reference in cells._made["a"]] == [None]
    assert made(kernel, "a", "2").closed == 0


@pytest.mark.parametrize(
    "parent", [{}, {"metadata": {}, "header": {}}, {"metadata": None}, {"metadata": {"cellId": "a"}}]
)
def test_a_frontend_that_names_no_cells(kernel: dict[str, Any], parent: dict[str, Any]):
    kernel.update(parent)
    first = Panel()
    cells.register(first)
    cells.register(Panel())
    assert first.closed == 0
    assert cells._made == {}


def test_outside_a_notebook(monkeypatch):
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: None)
    monkeypatch.setattr(cells, "_made", {})
    cells.register(Panel())
    assert cells._made == {}
