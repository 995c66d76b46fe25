"""Focus: the value stays the mean, the gradient follows the positions where a unit is high."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.networks.units import Channel
from nbfeatviz.synthesis.recipe_parts.focus import Focus
from tests.synthesis.conftest import make_network

POSITIONS = tf.constant(np.random.default_rng(1).normal(size=(3, 20)).astype(np.float32))
LUCID = recipes.get("lucid")


def focused(sharpness, positions=POSITIONS):
    with tf.GradientTape() as tape:
        tape.watch(positions)
        value = Focus(sharpness).mean(positions)
    return value.numpy(), tape.gradient(value, positions).numpy()


def test_the_value_is_the_mean_at_every_sharpness():
    for sharpness in (0.0, 1.5, 50.0):
        np.testing.assert_allclose(focused(sharpness)[0], POSITIONS.numpy().mean(axis=1), rtol=1e-5)


def test_without_sharpness_the_gradient_is_that_of_the_mean():
    np.testing.assert_allclose(focused(0.0)[1], 1 / 20, rtol=1e-6)


def test_the_best_position_is_left_at_great_sharpness():
    order = np.stack([np.random.default_rng(row).permutation(20) for row in range(3)])
    gradient = focused(50.0, tf.constant(order, tf.float32))[1]
    np.testing.assert_allclose(gradient, order == 19, atol=1e-3)  # the next is 50 / 5.8 lower in the exponent


def test_the_scale_of_a_unit_does_not_count():
    """Pruned units speak in 1e-8; a constant offset is no difference between positions either."""
    wanted = focused(1.5)[1]
    np.testing.assert_allclose(wanted.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(focused(1.5, POSITIONS * 1e-8)[1], wanted, rtol=1e-4)
    np.testing.assert_allclose(focused(1.5, POSITIONS + 3)[1], wanted, rtol=1e-4)


def test_where_all_positions_are_equal_they_count_alike():
    value, gradient = focused(1.5, tf.zeros([1, 20]))
    assert value == 0
    np.testing.assert_allclose(gradient, 1 / 20, rtol=1e-6)


def test_a_channels_positions_are_the_units_values():
    activation = tf.random.stateless_normal([2, 4, 5, 3], [1, 2])
    values = tf.constant([[2], [0]])
    positions = Channel.positions(activation, values)
    np.testing.assert_allclose(positions[0], tf.reshape(activation[0, ..., 2], [-1]), rtol=1e-6)
    np.testing.assert_allclose(positions[1], tf.reshape(activation[1, ..., 0], [-1]), rtol=1e-6)
    np.testing.assert_allclose(tf.reduce_mean(positions, axis=1), Channel.measure(activation, values), rtol=1e-5)


@pytest.mark.parametrize(
    "objective",
    [objectives.channel("conv2", 1), objectives.direction("conv2", [1.0, -1.0, 0.5, 0.0, 0.2])],
    ids=["channel", "direction"],
)
def test_a_recipe_with_focus_follows_another_gradient_and_reports_the_same_objective(objective):
    net = make_network()
    runs = [list(nv.ascend(net, objective, recipe=LUCID.replace(focus=one), steps=3)) for one in (None, Focus(3.0))]
    assert runs[0][0].loss == pytest.approx(runs[1][0].loss, rel=1e-4)
    assert not np.allclose(runs[0][-1].image, runs[1][-1].image, atol=1e-3)


def test_terms_without_positions_are_as_they_were():
    net = make_network()
    for objective in (objectives.class_logit(0), objectives.neuron("conv2", 1)):
        runs = [nv.maximize(net, objective, recipe=LUCID.replace(focus=one), steps=3) for one in (None, Focus(3.0))]
        np.testing.assert_allclose(runs[0].image, runs[1].image, atol=1e-6)


def test_the_sharpness_moves_without_another_trace():
    net = make_network()
    sharp = LUCID.replace(focus=Focus(recipes.Ramp(0.0, 2.0)))
    assert sharp.structure == LUCID.replace(focus=Focus(1.0)).structure != LUCID.structure
    assert len(list(nv.ascend(net, objectives.channel("conv2", 1), recipe=sharp, steps=3))) == 3


@pytest.mark.parametrize(
    ("focus", "kind", "says"),
    [
        (Focus(-1.0), ValueError, "sharpness -1.0 is out of range"),
        (2.0, TypeError, "focus takes Focus; not 2.0"),
    ],
)
def test_a_wrong_focus_is_refused(focus, kind, says):
    with pytest.raises(kind, match=says):
        LUCID.replace(focus=focus)
