"""The identities of attribution on the two networks that come with the project, and where they point in photographs."""

import keras
import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.attribution.fills import filled
from nbfeatviz.attribution.question import fitted_picture
from nbfeatviz.attribution.spatial import default_layer
from nbfeatviz.networks.graph.reader import read_graph


@pytest.fixture(params=["lite0", "digits"])
def asked_of(request):
    """(network, picture, class) of each network."""
    network = request.getfixturevalue(request.param)
    if request.param == "digits":
        return network, request.getfixturevalue("seven"), "7"
    return network, fitted_picture(network, request.getfixturevalue("coffee")), "espresso"


def _logits(network, pictures):
    return network.model(network.contract.apply(np.asarray(pictures, np.float32))).numpy()


def test_they_see_what_is_asked_about(asked_of):
    network, picture, target = asked_of
    assert network.predict(picture)[0][1] == target


def test_grad_cam_is_the_positive_part_of_cam_over_the_positions(lite0, coffee):
    assert default_layer(lite0) == "top_activation"
    for target in ("espresso", "tripod"):
        plain = nv.cam(lite0, coffee, target, resize=False)
        assert plain.shape == (7, 7)
        expected = np.maximum(plain, 0) / 49
        found = nv.grad_cam(lite0, coffee, target, resize=False)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5 * expected.max())


def test_the_head_of_the_digits_has_no_plain_cam(digits, seven):
    with pytest.raises(ValueError, match="global average pooling.*'mnist-cnn'.*use grad_cam"):
        nv.cam(digits, seven)
    assert nv.grad_cam(digits, seven).shape == (28, 28)


def test_integrated_gradients_add_up(asked_of):
    """From black, midpoints: 2.7 % off at 50 steps and 0.7 % at 300 for the coffee."""
    network, picture, target = asked_of
    for steps, most in ((50, 0.05), (300, 0.02)):
        found = nv.integrated_gradients(network, picture, target, steps=steps)
        assert nv.completeness(network, picture, found, target) <= most


def test_smooth_grad_without_noise_is_the_gradient(asked_of):
    network, picture, target = asked_of
    if network.name == "mnist-cnn":  # its even areas tie in a pooling, and roundings of batches choose otherwise there
        picture = np.clip(picture + np.random.default_rng(0).normal(0, 0.02, picture.shape), 0, 1)
    plain = nv.saliency(network, picture, target)
    smooth = nv.smooth_grad(network, picture, target, noise=0, samples=2)
    np.testing.assert_allclose(smooth, plain, rtol=0, atol=1e-4 * np.abs(plain).max())


def test_a_patch_as_large_as_the_picture_gives_the_logits_drop(asked_of):
    network, picture, target = asked_of
    index = network.class_index(target)
    for fill in ("grey", "black", "mean", "blur"):
        logits = _logits(network, [picture, filled(picture, fill)])[:, index]
        found = nv.occlusion(network, picture, target, patch=max(picture.shape), fill=fill)
        np.testing.assert_allclose(found, logits[0] - logits[1], rtol=1e-3)


def test_finite_differences_of_a_float64_copy_agree(asked_of):
    """At the pixels that matter most, and along the gradient."""
    network, picture, target = asked_of
    # plain black has no derivative: everywhere several pixels are the largest of their pool
    picture = 0.95 * picture + 0.05 * np.random.default_rng(1).random(picture.shape, dtype=np.float32)
    gradient = nv.saliency(network, picture, target).astype(np.float64)
    copy = keras.models.clone_model(
        network.model, clone_function=lambda layer: layer.from_config({**layer.get_config(), "dtype": "float64"})
    )
    copy.set_weights(network.model.get_weights())
    graph, index, step = read_graph(copy), network.class_index(target), 1e-7

    def value(some):
        given = keras.ops.convert_to_tensor(network.contract.apply(some)[None], "float64")
        return float(graph.evaluate(given, [graph.output.call])[graph.output.call][0, index])

    directions = [gradient / np.linalg.norm(gradient)]
    for place in np.argsort(-np.abs(gradient), axis=None)[:3]:
        directions.append((np.arange(gradient.size) == place).reshape(gradient.shape).astype(np.float64))
    for direction in directions:
        measured = (value(picture + step * direction) - value(picture - step * direction)) / (2 * step)
        assert (gradient * direction).sum() == pytest.approx(measured, rel=1e-3)


@pytest.mark.parametrize("kind", ["guided", "rectified"])
def test_the_model_is_left_as_it_was(asked_of, kind):
    network, picture, target = asked_of
    before, logits = network.model.get_weights(), _logits(network, [picture])
    plain, changed = (nv.saliency(network, picture, target, gradient=name) for name in ("vanilla", kind))
    assert np.abs(changed - plain).max() > 0.1 * np.abs(plain).max()
    assert all(np.array_equal(old, new) for old, new in zip(before, network.model.get_weights(), strict=True))
    np.testing.assert_array_equal(_logits(network, [picture]), logits)
    np.testing.assert_array_equal(nv.saliency(network, picture, target), plain)


# (top, left, bottom, right) in the 224 × 224 centre crop, drawn by hand: the cup; the tripod from the camera to
# its feet; the cat's face.
BOXES = {
    "coffee": ("espresso", (10, 41, 146, 173)),
    "camera": ("tripod", (95, 98, 224, 180)),
    "chelsea": ("tiger cat", (10, 10, 200, 195)),
}


@pytest.mark.parametrize("name", BOXES)
@pytest.mark.parametrize("method", [nv.grad_cam, nv.cam])
def test_it_points_at_the_object(lite0, name, method):
    target, (top, left, bottom, right) = BOXES[name]
    where = method(lite0, nv.samples.get(name).path, target)
    row, column = np.unravel_index(where.argmax(), where.shape)
    assert top <= row < bottom
    assert left <= column < right


def test_deleting_what_matters_hurts_more_than_deleting_the_rest(lite0, coffee):
    where = nv.grad_cam(lite0, coffee, "espresso")
    true, opposite = (nv.deletion_insertion(lite0, coffee, sign * where, "espresso", steps=12) for sign in (1, -1))
    assert true.deletion_auc < opposite.deletion_auc - 0.1
    assert true.insertion_auc > opposite.insertion_auc + 0.1
    assert true.deletion[0] == pytest.approx(true.insertion[-1], rel=1e-3)


def test_a_random_network_has_another_map(lite0, coffee):
    before = lite0.model.get_weights()
    stages = nv.randomization_check(lite0, coffee, "espresso", stages=3)
    assert [stage.layer for stage in stages] == [None, "predictions", "stem_conv"]
    assert stages[0].similarity == 1
    assert stages[2].similarity < 0.3
    assert all(np.array_equal(old, new) for old, new in zip(before, lite0.model.get_weights(), strict=True))


def test_activations_and_filters(asked_of):
    network, picture, target = asked_of
    np.testing.assert_allclose(
        nv.activations(network, picture, network.head_layer.path), _logits(network, [picture])[0], rtol=1e-3, atol=1e-3
    )
    shapes = {3: (32, 3, 3, 3), 1: nv.filters(network).shape}
    assert nv.filters(network).shape == shapes[network.contract.channels]
    first = network.convolutions[0].path
    applied = nv.apply_filter(network, picture, 0)
    assert applied.shape == nv.activations(network, picture, first).shape[:2]
    assert applied.min() < 0
