"""rises(): by hand on networks small enough for that, and on the embedded photographs."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.networks import backbone
from nbfeatviz.synthesis import quality
from nbfeatviz.synthesis.unit_responses import FEWEST_PHOTOGRAPHS, PHOTOGRAPHS, Rises, UnitResponses
from tests.synthesis.conftest import make_network

PHOTOS = tuple(sample.path for sample in nv.samples.ALL)
UNIT = objectives.channel("conv2", 1)


@pytest.fixture(scope="module")
def net():
    return make_network()


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, 16, 16, 3)).astype(np.float32)


def test_it_is_what_quality_says(net):
    (image, start), photos = pictures(2), pictures(6, 1)
    found = nv.rises(net, UNIT, image, start=start, photos=list(photos))
    natural = quality.channel_means(net, "conv2", photos)
    after, before = quality.channel_means(net, "conv2", np.stack([image, start]))
    assert (found.layer, found.unit) == ("conv2", 1)
    np.testing.assert_allclose(found.rises, (after - before) / natural.std(axis=0), rtol=1e-4)
    assert found.selectivity == pytest.approx(quality.selectivity(after, natural, 1), rel=1e-4)
    assert found.percentile == quality.percentile_among(after[1], natural[:, 1])
    alone = nv.rises(net, UNIT, image, photos=list(photos))
    np.testing.assert_allclose(alone.rises, quality.z_scores(after, natural), rtol=1e-4)


def test_which_others_rose_more():
    natural = np.array([[0.0, 0, 0, 5], [2, 2, 4, 5]])  # deviations 1, 1, 2, 0
    found = Rises("conv", 1, np.array([3.0, 2, 8, 9]), np.zeros(4), natural)
    np.testing.assert_allclose(found.rises, [3, 2, 4, 0])
    assert found.higher == 2
    assert found.most(2) == [(2, 4.0), (0, 3.0)]
    assert found.selectivity == 1 - 3
    assert "unit 1 of 'conv' rose by 2.0" in str(found) and "2 of 3 others more" in str(found)


def test_a_run_raises_its_unit_and_holding_the_others_down_helps(net):
    settings = {"recipe": "tutorial13", "steps": 20}
    plain = nv.maximize(net, UNIT, **settings)
    found = nv.rises(net, UNIT, plain)
    assert found.natural.shape == (PHOTOGRAPHS, 5)
    assert found.rises[1] > 1
    start = nv.rises(net, UNIT, plain.image, start=plain.frames[0])
    assert np.array_equal(start.rises, found.rises), "a result began with its first frame"


def test_the_others_of_a_layer_can_be_held_down(net):
    def others(unit: int, weight: float) -> float:
        target = objectives.channel("conv1", unit)
        made = nv.maximize(net, target - weight * objectives.others("conv1", unit), recipe="tutorial13", steps=20)
        return float(np.delete(nv.rises(net, target, made).values, unit).sum())

    assert sum(others(unit, 1.0) for unit in range(4)) < 0.8 * sum(others(unit, 0.0) for unit in range(4))


def test_a_neuron_is_measured_where_it_is(net):
    (image,), photos = pictures(1), pictures(3, 1)
    at = nv.rises(net, objectives.neuron("conv2", 2, 1, 3), image, photos=list(photos))
    assert at.values[2] == pytest.approx(quality.values_of(net, objectives.neuron("conv2", 2, 1, 3), image[None])[0])
    centre = nv.rises(net, objectives.neuron("conv2", 2), image, photos=list(photos))
    assert centre.values[2] == pytest.approx(quality.values_of(net, objectives.neuron("conv2", 2), image[None])[0])


def test_a_class_is_a_unit_of_the_head(net):
    found = nv.rises(net, objectives.class_logit("bee"), pictures(1)[0], photos=list(pictures(3, 1)))
    assert (found.layer, found.unit, len(found.rises)) == ("head", 1, 3)


def test_a_layer_of_one_unit_has_no_others():
    model = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 3, name="conv")])
    found = nv.rises(nv.load(model, input_range=(0, 1)), objectives.channel("conv", 0), np.zeros((8, 8, 1), np.float32))
    assert np.isnan(found.selectivity) and (found.higher, found.most()) == (0, [])


def test_responses_follow_within_its_layer(net):
    responses = UnitResponses(net, UNIT, PHOTOS, pictures(1)[0])
    assert responses.rises is None
    responses.look(pictures(1, 2)[0])
    while responses.gather():
        pass
    first = responses.rises
    assert responses.follows(net, objectives.channel("conv2", 3))
    assert (responses.rises.unit, list(responses.rises.rises)) == (3, list(first.rises))
    for other in (objectives.channel("conv1", 1), objectives.neuron("conv2", 1), objectives.channel("relu2", 1)):
        assert not responses.follows(net, other)
    assert UnitResponses(net, UNIT, PHOTOS).complete, "photographs are measured once a layer"
    assert not UnitResponses(make_network(), UNIT, PHOTOS).complete


def test_a_first_comparison_is_of_fewer_parts_of_the_same_photographs():
    net = make_network()
    parts = quality.crops_of(PHOTOS, PHOTOGRAPHS, (16, 16))
    natural = quality.channel_means(net, "conv2", (np.clip(parts, 0, 1) * 255 + 0.5).astype(np.uint8) / np.float32(255))
    responses = UnitResponses(net, UNIT, PHOTOS)
    responses.look(pictures(1)[0])
    for count in range(1, FEWEST_PHOTOGRAPHS):
        assert responses.gather() and responses.rises is None, count
    assert responses.gather()
    np.testing.assert_allclose(responses.rises.natural, natural[:FEWEST_PHOTOGRAPHS], rtol=1e-4, atol=1e-6)
    other = UnitResponses(net, UNIT, PHOTOS)  # goes on where the first one is
    left = 1
    while other.gather():
        left += 1
    assert left == PHOTOGRAPHS - FEWEST_PHOTOGRAPHS
    assert responses.complete
    np.testing.assert_allclose(responses.rises.natural, natural, rtol=1e-4, atol=1e-6)


def test_what_photographs_gave_is_not_kept_where_it_depends_on_something_else(net, monkeypatch):
    version, key = [1], UnitResponses._key
    monkeypatch.setattr(UnitResponses, "_key", property(lambda self: (key.fget(self), version[0])))
    responses = UnitResponses(net, UNIT, PHOTOS)
    while responses.gather():
        pass
    assert responses.follows(net, UNIT)
    version[0] = 2
    assert not responses.follows(net, UNIT)
    assert not UnitResponses(net, UNIT, PHOTOS).complete


def test_changed_weights_count():
    """Also those of a norm, which the quick way has folded into the layer before it."""
    inputs = keras.Input((16, 16, 3))
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.Conv2D(4, 3, use_bias=False)(inputs))
    net = nv.load(keras.Model(inputs, x), input_range=(0, 1))
    unit, (image,), photos = objectives.channel("norm", 1), pictures(1), list(pictures(4, 1))

    def change() -> np.ndarray:
        net.model.set_weights([weights * 1.5 + 0.5 for weights in net.model.get_weights()])
        return quality.channel_means(net, "norm", image[None])[0]

    nv.rises(net, unit, image, photos=photos)
    wanted = change()
    np.testing.assert_allclose(nv.rises(net, unit, image, photos=photos).values, wanted, rtol=1e-4)
    wanted, follower = change(), UnitResponses(net, unit, PHOTOS)
    follower.look(image)
    np.testing.assert_allclose(follower._values, wanted, rtol=1e-4)


def test_where_the_quick_way_fails_the_plain_one_is_taken(monkeypatch):
    def broken(*given: object) -> None:
        raise RuntimeError("no quick way")

    net, (image,), photos = make_network(), pictures(1), list(pictures(3, 1))
    monkeypatch.setattr(backbone, "FastPath", broken)
    found = nv.rises(net, UNIT, image, photos=photos)
    np.testing.assert_allclose(found.values, quality.channel_means(net, "conv2", image[None])[0], rtol=1e-4)
    assert not net.fast
    with pytest.raises(ValueError, match="unit 9"):
        nv.rises(net, objectives.channel("conv2", 9), image)


def test_one_compiled_function_serves_all_units_and_pictures(net):
    entry = net.model.get_layer("entry")
    nv.rises(net, UNIT, pictures(1)[0])
    before = entry.seen
    for unit in range(5):
        nv.rises(net, objectives.channel("conv2", unit), np.zeros((24, 20, 3), np.float32), photos=list(pictures(2)))
    assert entry.seen == before


def test_what_cannot_be_said_is_refused(net):
    image = pictures(1)[0]
    with pytest.raises(ValueError, match="deep_dream is about no single unit"):
        nv.rises(net, objectives.deep_dream("conv2"), image)
    with pytest.raises(TypeError, match="'tiny' is not a Network"):
        nv.rises("tiny", UNIT, image)
    with pytest.raises(TypeError, match="'conv2' is not an objective"):
        nv.rises(net, "conv2", image)
    with pytest.raises(TypeError, match="photos are several pictures in a list, not 3"):
        nv.rises(net, UNIT, image, photos=3)
    with pytest.raises(ValueError, match="no photographs to compare with"):
        nv.rises(net, UNIT, image, photos=[])
    with pytest.raises(ValueError, match="unit 9 is out of range"):
        nv.rises(net, objectives.channel("conv2", 9), image)
