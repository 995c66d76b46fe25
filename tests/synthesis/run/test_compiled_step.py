"""CompiledStep: compiled once for all numbers, and by the plain way where the quick one fails."""

from __future__ import annotations

import logging

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.networks.compute.fast_path import FastPath
from nbfeatviz.synthesis.ascent import Ascent
from tests.synthesis.conftest import make_network


def traces(net):
    return sum(
        function.experimental_get_tracing_count() for key, function in net._compiled.items() if key[0] == "ascend"
    )


def test_numbers_compile_nothing():
    """Unit, weight, step size, seed, step count: all are tensors."""
    net = make_network()
    layer = net.convolutions[-1].path
    for unit, weight, size, seed, steps in ((0, 1.0, 0.1, 0, 3), (1, 2.0, 0.2, 1, 4), (2, -1.0, 0.05, 2, 2)):
        target = weight * objectives.channel(layer, unit) + objectives.channel(layer, 3)
        list(nv.ascend(net, target, step_size=size, seed=seed, steps=steps))
    assert traces(net) == 1
    ascent = nv.ascend(net, target)
    next(ascent)
    ascent.retarget(5 * objectives.channel(layer, 2) + objectives.channel(layer, 0), step_size=0.3)
    next(ascent)
    assert traces(net) == 1
    next(nv.ascend(net, target, precision="bfloat16"))
    assert traces(net) == 2


def test_compiling_ahead_is_what_the_run_then_uses():
    net = make_network()
    ascent = Ascent(net, objectives.channel(net.convolutions[-1].path, 1), steps=2)
    assert not ascent.compiled
    (step,) = ascent.upcoming()
    step.compile()
    assert ascent.compiled
    before = step.compute()[3].numpy()
    assert ascent.done == 0
    np.testing.assert_array_equal(next(ascent).image, before[0])
    assert traces(net) == 1
    next(ascent)
    assert ascent.upcoming() == ()


def test_where_the_quick_way_fails_the_plain_one_is_taken(monkeypatch, caplog):
    net, wanted = make_network(), make_network()
    target = objectives.channel(net.convolutions[-1].path, 1)
    monkeypatch.setattr(FastPath, "given", lambda self, inputs: 1 / 0)
    with caplog.at_level(logging.WARNING, "nbfeatviz"):
        found = nv.maximize(net, target, steps=3, precision="bfloat16")
    assert "computed the plain way" in caplog.text
    assert "division by zero" in caplog.text
    assert found.settings.precision == "float32"
    caplog.clear()
    nv.maximize(net, target, steps=3)
    assert caplog.text == ""  # it is not tried again
    monkeypatch.undo()
    exact = nv.maximize(wanted, target, steps=3, precision="float32")
    np.testing.assert_allclose(found.image, exact.image, atol=1e-4)


def test_an_error_of_the_request_leaves_the_quick_way_open():
    inputs = keras.Input((12, 12, 3))
    x = keras.layers.Flatten()(keras.layers.Conv2D(4, 3)(inputs))
    net = nv.load(keras.Model(inputs, keras.layers.Dense(2)(x)), input_range=(0, 1))
    with pytest.raises(ValueError, match="16×16 pixels"):
        nv.maximize(net, objectives.class_logit(1), size=(16, 16), steps=2)
    assert net.fast


def test_an_error_of_the_users_own_function_is_raised_once():
    net, calls = make_network(), []

    def penalty(picture):
        calls.append(1)
        raise RuntimeError("mine")

    recipe = nv.recipes.get("tutorial13").replace(regularizers=(penalty,))
    with pytest.raises(ValueError, match="penalty"):
        nv.maximize(net, objectives.channel(net.convolutions[-1].path, 1), recipe=recipe, steps=2)
    assert net.fast
    assert len(calls) == 2  # and once as it is written, for its traceback


class Penalty:
    """An object that can be called."""

    def __call__(self, picture):
        if tf.reduce_mean(picture) > 0.5:
            return tf.reduce_sum(picture)
        return -tf.reduce_sum(picture)

    def method(self, picture):
        return self(picture)


def _function(picture):
    if tf.reduce_mean(picture) > 0.5:
        return tf.reduce_sum(picture)
    return -tf.reduce_sum(picture)


@pytest.mark.parametrize("penalty", [_function, Penalty(), Penalty().method], ids=["function", "object", "method"])
def test_a_function_of_your_own_may_branch_on_a_tensor(penalty):
    net = make_network()
    recipe = nv.recipes.get("tutorial13").replace(regularizers=(penalty,))
    found = nv.maximize(net, objectives.channel(net.convolutions[-1].path, 1), recipe=recipe, steps=2)
    assert np.isfinite(found.image).all()
