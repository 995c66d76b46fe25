"""The sanity check: a copy forgets from the top, the original nothing."""

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.attribution.methods import METHODS
from nbfeatviz.attribution.randomization import rank_correlation
from tests.attribution.conftest import make_pooled, network_of


def test_from_the_head_down_and_the_first_is_the_trained_network(pooled, image):
    stages = nv.randomization_check(pooled, image, 1)
    assert [stage.layer for stage in stages] == [None, "head", "conv2", "conv1"]
    np.testing.assert_array_equal(stages[0].map, nv.saliency(pooled, image, 1))
    assert stages[0].similarity == 1
    for one, two in zip(stages, stages[1:], strict=False):
        assert (one.map != two.map).any()
        assert two.similarity == pytest.approx(rank_correlation(np.abs(stages[0].map), np.abs(two.map)))
        assert two.similarity < 0.99


def test_the_network_itself_is_left_as_it_was(image):
    network = make_pooled()
    before = network.model.get_weights()
    first = nv.randomization_check(network, image, 1, seed=3)
    assert all(np.array_equal(old, new) for old, new in zip(before, network.model.get_weights(), strict=True))
    again, other = (nv.randomization_check(network, image, 1, seed=seed) for seed in (3, 4))
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.map, two.map)
    assert (first[-1].map != other[-1].map).any()


def test_nothing_is_traced_again_at_a_later_stage(image):
    traces = []

    @keras.saving.register_keras_serializable("nbfeatviz-tests")
    class Traced(keras.layers.Layer):
        def call(self, inputs):
            traces.append(1)
            return inputs * 1.0

    picture = keras.Input((12, 12, 3))
    x = picture
    for _ in range(12):
        x = Traced()(keras.layers.Conv2D(3, 3, padding="same")(x))
    network = network_of(picture, keras.layers.Flatten()(x))
    network.predict(image)
    traces.clear()
    assert len(nv.randomization_check(network, image, 1, stages=2)) == 2
    few = len(traces)
    traces.clear()
    network._compiled.clear()
    assert len(nv.randomization_check(network, image, 1, stages=8)) == 8
    assert len(traces) == few


def test_stages_are_spread_evenly(image):
    picture = keras.Input((12, 12, 3))
    x = picture
    for number in range(21):
        x = keras.layers.Conv2D(3, 1, name=f"conv{number}")(x)
    network = network_of(picture, keras.layers.Flatten()(x))
    stages = nv.randomization_check(network, image, 1, stages=6)
    assert [stage.layer for stage in stages] == [None, "conv20", "conv15", "conv10", "conv5", "conv0"]


def test_nested_models_forget_too(image):
    inner = keras.Input((12, 12, 3))
    base = keras.Model(inner, keras.layers.Conv2D(4, 3, activation="relu", name="deep")(inner), name="base")
    picture = keras.Input((12, 12, 3))
    network = network_of(picture, keras.layers.Dense(3, name="head")(keras.layers.Flatten()(base(picture))))
    before = base.get_weights()
    stages = nv.randomization_check(network, image, 1, method="grad-cam")
    assert [stage.layer for stage in stages] == [None, "head", "base/deep"]
    assert (stages[1].map != stages[2].map).any()
    assert all(np.array_equal(old, new) for old, new in zip(before, base.get_weights(), strict=True))


def test_options_go_to_the_method(pooled, image):
    stages = nv.randomization_check(pooled, image, 1, method="grad-cam", layer="conv1", resize=False, stages=2)
    np.testing.assert_array_equal(stages[0].map, nv.grad_cam(pooled, image, 1, layer="conv1", resize=False))


def test_rank_correlation_is_spearmans():
    one = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert rank_correlation(one, one**3) == pytest.approx(1)
    assert rank_correlation(one, -one) == pytest.approx(-1)
    # ranks with ties: [1, 2.5, 2.5, 4] and [1, 2, 3, 4]
    ties, plain = np.array([0.0, 7.0, 7.0, 9.0]), np.array([2.0, 3.0, 4.0, 5.0])
    assert rank_correlation(ties, plain) == pytest.approx(np.corrcoef([1, 2.5, 2.5, 4], [1, 2, 3, 4])[0, 1])
    assert rank_correlation(one, np.zeros(5)) == 0
    big = np.arange(200_000.0)
    assert rank_correlation(big, big) == pytest.approx(1)


def test_wrong_settings(pooled, image):
    with pytest.raises(ValueError, match="method 'grad' is unknown: it is one of 'gradient', 'guided'"):
        nv.randomization_check(pooled, image, 1, method="grad")
    with pytest.raises(ValueError, match="stages 1 would compare nothing"):
        nv.randomization_check(pooled, image, 1, stages=1)
    picture = keras.Input((12, 12, 3))
    with pytest.raises(ValueError, match="no weights that could be randomized"):
        nv.randomization_check(network_of(picture, keras.layers.Flatten()(picture)), image, 1)
    assert "grad-cam" in METHODS
