"""Integrated gradients add up, exactly where nothing bends."""

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.attribution.integrated import integrated_gradients_steps
from nbfeatviz.attribution.question import asked
from tests.attribution.conftest import make_linear

WAYS = [(rule, spacing) for rule in ("midpoint", "trapezoid") for spacing in ("quadratic", "even")]


@pytest.fixture
def small():
    return np.random.default_rng(8).random((4, 4, 3), dtype=np.float32)


@pytest.mark.parametrize(("rule", "spacing"), WAYS)
@pytest.mark.parametrize("baseline", [None, "mean", 0.25, "array"])
def test_exact_on_a_linear_model(linear, small, baseline, rule, spacing):
    given = np.random.default_rng(9).random((4, 4, 3), dtype=np.float32) if isinstance(baseline, str) else baseline
    given = "mean" if baseline == "mean" else given
    start = {None: 0.0, "mean": small.mean(axis=(0, 1)), 0.25: 0.25}.get(baseline, given)
    weights = np.asarray(linear.model.get_layer("head").kernel)[:, 1].reshape(4, 4, 3)
    found = nv.integrated_gradients(linear, small, 1, steps=3, baseline=given, rule=rule, spacing=spacing)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, weights * (small - start), rtol=1e-4, atol=1e-6)
    assert nv.completeness(linear, small, found, 1, baseline=given) < 1e-4


@pytest.mark.parametrize(("rule", "spacing"), WAYS)
def test_nearly_complete_with_many_steps(pooled, image, rule, spacing):
    target = objectives.class_logit(1) - objectives.class_logit(0)
    off = [
        nv.completeness(
            pooled,
            image,
            nv.integrated_gradients(pooled, image, target, steps=steps, rule=rule, spacing=spacing),
            target,
        )
        for steps in (1, 400)
    ]
    assert off[1] < 0.002
    assert off[1] < off[0]


def test_the_residual_is_relative(linear, small):
    found = nv.integrated_gradients(linear, small, 2)
    assert nv.completeness(linear, small, found * 1.25, 2) == pytest.approx(0.25, abs=1e-4)
    assert nv.completeness(linear, small, found * 0, 2) == pytest.approx(1)


def test_nothing_between_equal_pictures(linear, small):
    found = nv.integrated_gradients(linear, small, 1, baseline=small)
    assert not found.any()
    assert nv.completeness(linear, small, found, 1, baseline=small) == 0
    assert nv.completeness(linear, small, found + 1, 1, baseline=small) == float("inf")


def test_progress(small):
    network = make_linear()
    partials = list(integrated_gradients_steps(asked(network, small, 0), steps=100, rule="trapezoid"))
    assert [(partial.done, partial.total) for partial in partials] == [(64, 101), (101, 101)]
    np.testing.assert_allclose(partials[0].map, partials[1].map, rtol=1e-4, atol=1e-6)  # linear: the same all along


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rule": "simpson"}, "'simpson' is unknown: it is 'midpoint' or 'trapezoid'"),
        ({"spacing": "log"}, "'log' is unknown: it is 'quadratic' or 'even'"),
        ({"steps": 0}, "steps 0 is out of range"),
        ({"baseline": "pink"}, "'pink' is unknown: give 'black', 'grey'"),
        ({"baseline": 2}, "fill 2 is out of range"),
        ({"baseline": np.full((4, 4, 3), np.nan)}, "NaN"),
    ],
)
def test_wrong_settings(linear, small, settings, says):
    with pytest.raises(ValueError, match=says):
        nv.integrated_gradients(linear, small, 0, **settings)
