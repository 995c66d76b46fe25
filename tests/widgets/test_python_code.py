"""Python that the panel hands out: in lines that can be read, and that mean what they meant."""

from __future__ import annotations

import ast

import IPython
import pytest

from nbfeatviz.widgets import python_code
from nbfeatviz.widgets.python_code import WIDTH, name_in_notebook, wrapped

CHANNEL = "objectives.channel('block5c_add', 3)"
LONG = {
    "a call": f"result = nv.maximize(net, {CHANNEL}, recipe='default', steps=64, seed=0, precision='float32')",
    "a call in a call": f"result = nv.maximize(net, {CHANNEL}, "
    "recipe=nv.recipes.get('default').replace(regularizers=(nv.recipes.NaturalPrior(weight=0.25, onset=32), "
    "nv.recipes.TotalVariation(weight=0.001, power=1.5), nv.recipes.Decay(weight=0.125))), steps=64, start=picture)",
    "a list": f"result = nv.compare(net, [{', '.join([CHANNEL] * 12)}], steps=9)",
    "a sum": f"result = nv.maximize(net, objectives.class_logit(985) + 0.5 * {CHANNEL} - "
    "objectives.channel('block3b_add', 17) + 0.25 * objectives.neuron('block2b_add', 3, 10, 12), steps=64)",
    "no name": f"nv.maximize(net, {CHANNEL}, recipe='default', steps=64, seed=0, size=(512, 512), start=x)",
}


@pytest.mark.parametrize("what", LONG)
def test_long_lines_are_broken_and_mean_the_same(what: str):
    text = wrapped(LONG[what])
    assert max(map(len, text.splitlines())) <= WIDTH < len(LONG[what])
    assert ast.dump(ast.parse(text)) == ast.dump(ast.parse(LONG[what]))


def test_a_line_that_fits_stays_one():
    line = "result = nv.maximize(net, objectives.channel('conv1', 3), steps=64)"
    assert wrapped(line) == line


def test_what_cannot_be_broken_stays_whole():
    line = "photo = " + repr("x" * 120)
    assert wrapped(line) == line


class Shell:
    def __init__(self, **names: object) -> None:
        self.user_ns = names


def test_a_variable_of_the_notebook_is_found_by_what_it_holds(monkeypatch):
    value = object()
    monkeypatch.setattr(IPython, "get_ipython", lambda: Shell(_=value, _3=value, b=value, mine=value, other=1))
    assert name_in_notebook(value) == "b"
    assert name_in_notebook(object()) is None
    monkeypatch.setattr(IPython, "get_ipython", lambda: None)
    assert name_in_notebook(value) is None
    assert python_code.WIDTH == 100
