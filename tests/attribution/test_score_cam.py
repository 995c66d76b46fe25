"""Score-CAM weighs each channel by what its mask does to the score, with one softmax."""

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives
from nbfeatviz.attribution.partial import resized
from nbfeatviz.attribution.question import asked
from nbfeatviz.attribution.score_cam import score_cam_steps
from tests.attribution.conftest import logits_of, make_pooled


def _by_hand(network, image, layer, score):
    outputs = nv.activations(network, image, layer)
    grid = np.zeros(outputs.shape[:2])
    for unit in range(outputs.shape[-1]):
        mask = resized(outputs[..., unit], image.shape[:2])
        if mask.max() > mask.min():
            mask = (mask - mask.min()) / (mask.max() - mask.min())
            grid += outputs[..., unit] * (score(image * mask[..., None]) - score(image * 0))
    return np.maximum(grid, 0)


@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
@pytest.mark.parametrize("layer", ["conv1", "act2"])
def test_the_score_of_a_class_is_its_probability(image, head, layer):
    network = make_pooled(head=head)
    network.model.get_layer("head").kernel.assign(network.model.get_layer("head").kernel * 8)

    highest = []
    for target in range(3):

        def probability(picture, target=target):
            return {index: share for index, _, share in network.predict(picture, top=3)}[target]

        expected = _by_hand(network, image, layer, probability)
        found = nv.score_cam(network, image, target, layer=layer, resize=False)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
        np.testing.assert_array_equal(nv.score_cam(network, image, target, layer=layer), resized(found, (12, 12)))
        highest.append(found.max())
    assert max(highest) > 0


def test_the_score_of_another_target_is_its_value(pooled, image):
    target = objectives.class_logit(1) - objectives.class_logit(2)

    def difference(picture):
        logits = logits_of(pooled.model, pooled.contract.apply(picture[None])).numpy()[0]
        return logits[1] - logits[2]

    expected = _by_hand(pooled, image, "act2", difference)
    np.testing.assert_allclose(nv.score_cam(pooled, image, target, resize=False), expected, rtol=1e-3, atol=1e-6)


def test_batches_change_nothing_and_channels_are_counted(pooled, image):
    whole = nv.score_cam(pooled, image, 1, layer="conv1")
    np.testing.assert_allclose(nv.score_cam(pooled, image, 1, layer="conv1", batch=1), whole, rtol=1e-4, atol=1e-7)
    partials = list(score_cam_steps(asked(pooled, image, 1), layer="conv1", batch=1, channels=3))
    assert [(partial.done, partial.total) for partial in partials] == [(1, 3), (2, 3), (3, 3)]


def test_a_layer_that_is_the_same_everywhere_shows_nothing(image):
    network = make_pooled()
    network.model.get_layer("conv2").kernel.assign(np.zeros((3, 3, 4, 6)))
    assert not nv.score_cam(network, image, 1).any()


def test_wrong_settings(pooled, image):
    for settings in ({"batch": 0}, {"channels": 0}):
        with pytest.raises(ValueError, match="0 is out of range"):
            nv.score_cam(pooled, image, 1, **settings)
