"""Answers: messages that hold what the headless functions give, computed once, in pieces that can be dropped."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

import nbfeatviz as nv
from nbfeatviz.attribution.passes import layers_pass
from nbfeatviz.attribution.question import asked
from nbfeatviz.widgets.execution.chunked_task import Result, ResultCache
from nbfeatviz.widgets.tabs.photo import results as results
from tests.synthesis.conftest import Applied, make_network, make_one_layer

PICTURE = np.random.default_rng(3).random((16, 16, 3), dtype=np.float32)


@pytest.fixture(scope="module")
def pooled():
    return make_network(flatten=False)


def view_of(
    network: Any, target: Any = 0, kept: ResultCache | None = None, picture: np.ndarray = PICTURE
) -> results.View:
    return results.View(asked(network, picture, target), 1, kept or ResultCache())


def decoded(dispatch: Result) -> np.ndarray:
    """As the page does it."""
    content = dispatch.content or {}
    steps = np.frombuffer(dispatch.buffers[0], "<u2").reshape(content["shape"]).astype(np.float64)
    return content["low"] + steps / 65535 * (content["high"] - content["low"])


def is_as_good_as(dispatch: Result, values: np.ndarray) -> bool:
    content = dispatch.content or {}
    step = (content["high"] - content["low"]) / 65535
    return bool(np.abs(decoded(dispatch) - values).max() <= step * 0.5001 + 1e-12)


@pytest.mark.parametrize("display", ["max", "mean", "signed"])
@pytest.mark.parametrize("target", [0, "bee", None])
def test_a_saliency_map_is_the_headless_one(net, display: str, target: Any):
    *_, last = results.saliency(view_of(net, target), "gradient", display)
    raw = nv.saliency(net, PICTURE, target)
    np.testing.assert_allclose(last.raw, raw, rtol=1e-4, atol=1e-6)
    assert is_as_good_as(last, results.displayed(last.raw, display))
    assert (last.content["final"], last.content["signed"]) == (True, display == "signed")
    assert last.content["limit"] <= np.abs(decoded(last)).max() + 1e-9


CAMS = [("grad-cam", nv.grad_cam), ("grad-cam++", nv.grad_cam_plus_plus), ("layer-cam", nv.layer_cam)]
CAMS += [("score-cam", nv.score_cam), ("guided-grad-cam", nv.guided_grad_cam)]


@pytest.mark.parametrize(("method", "function"), CAMS)
@pytest.mark.parametrize("layer", [None, "conv1"])
def test_a_class_activation_map_is_the_headless_one(net, method: str, function: Any, layer: str | None):
    *_, last = results.class_activation(view_of(net, 1), method, layer)
    np.testing.assert_allclose(last.raw, function(net, PICTURE, 1, layer=layer), rtol=1e-3, atol=1e-6)
    assert is_as_good_as(last, last.raw.sum(axis=-1) if last.raw.ndim == 3 else last.raw)
    assert (layer or "behind") in last.content["title"]


def test_plain_cam_and_where_the_head_does_not_allow_it(net, pooled):
    *_, last = results.class_activation(view_of(pooled, 1), "cam", None)
    np.testing.assert_allclose(last.raw, nv.cam(pooled, PICTURE, 1), rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="use grad_cam"):
        list(results.class_activation(view_of(net, 1), "cam", None))


def test_a_map_at_a_dense_layer_names_one_that_would_do(net):
    with pytest.raises(ValueError, match="'head' \\(Dense\\) has no spatial extent: .*, as 'behind' has"):
        list(results.class_activation(view_of(net, 1), "grad-cam", "head"))


def test_a_map_above_the_unit_that_is_asked_about_is_a_sentence(net):
    view = view_of(net, nv.objectives.channel("conv1", 0))
    with pytest.raises(ValueError, match="does not feed 'conv1'"):
        list(results.class_activation(view, "grad-cam", "conv2"))


def test_occlusion_fills_in_and_ends_as_the_headless_one(net):
    pieces = list(results.occluded(view_of(net, 2), 2, 1, "black"))
    assert len(pieces) > 1
    assert [piece.content["final"] for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert [piece.raw is None for piece in pieces[:-1]] == [True] * (len(pieces) - 1)
    done = [piece.done for piece in pieces]
    assert done == sorted(set(done))
    assert done[-1] == pieces[-1].total
    expected = nv.occlusion(net, PICTURE, 2, patch=2, stride=1, fill="black")
    np.testing.assert_allclose(pieces[-1].raw, expected, rtol=1e-3, atol=1e-5)
    assert is_as_good_as(pieces[-1], pieces[-1].raw)


def test_a_stride_that_leaves_gaps_is_a_sentence(net):
    with pytest.raises(ValueError, match="stride 4 would leave gaps between patches of 2"):
        list(results.occluded(view_of(net), 2, 4, "grey"))


def test_another_display_and_coming_back_compute_nothing(net, counted):
    kept = ResultCache()
    for display in ("max", "mean", "signed", "max"):
        list(results.saliency(view_of(net, 0, kept), "gradient", display))
    assert len(counted) == 1
    list(results.saliency(view_of(net, 1, kept), "gradient", "max"))
    list(results.saliency(view_of(net, 0, kept), "guided", "max"))
    assert len(counted) == 3
    list(results.saliency(view_of(net, 0, kept), "gradient", "max"))
    assert len(counted) == 3


def test_another_display_of_integrated_gradients_computes_no_residual_either(net, monkeypatch):
    kept = ResultCache()
    *_, first = results.saliency(view_of(net, 0, kept), "integrated-gradients", "max")
    assert first.content["text"].startswith("completeness: ")
    monkeypatch.setattr(results, "residual", lambda *_: pytest.fail("computed again"))
    *_, again = results.saliency(view_of(net, 0, kept), "integrated-gradients", "signed")
    assert again.content["text"] == first.content["text"]


def test_a_difference_of_classes_and_a_class_are_kept_apart(net):
    kept, maps = ResultCache(), []
    logit = nv.objectives.class_logit
    for target in (0, logit(0) - logit(1), logit(1) - logit(0), nv.objectives.channel("conv2", 0)):
        *_, last = results.saliency(view_of(net, target, kept), "gradient", "signed")
        maps.append(last.raw)
    np.testing.assert_allclose(maps[1], -maps[2], atol=1e-6)
    assert not any(np.array_equal(maps[0], other) for other in maps[1:])


def test_the_grid_of_a_layer(net):
    grid, *more = results.activation_grid(view_of(net), "conv2")
    values = nv.activations(net, PICTURE, "conv2")
    np.testing.assert_allclose(grid.raw, values, atol=1e-5)
    assert (grid.content["count"], grid.content["cell"], grid.content["shape"]) == (5, (8, 8), (8, 8))
    pixels = np.frombuffer(grid.buffers[0], np.uint8).reshape(5, 8, 8)
    mean, most, low, high = np.frombuffer(grid.buffers[1], np.float32).reshape(5, 4).T
    np.testing.assert_allclose(mean, values.mean(axis=(0, 1)), atol=1e-5)
    np.testing.assert_allclose(most, values.max(axis=(0, 1)), atol=1e-5)
    shown = low[:, None, None] + pixels / 255 * (high - low)[:, None, None]
    assert (np.abs(shown - np.moveaxis(grid.raw, -1, 0)) <= (high - low)[:, None, None] / 255 * 0.51 + 1e-6).all()
    assert more == []  # only a convolution on the picture has filters to be shown


@pytest.mark.parametrize("channels", [1, 3])
def test_the_filters_of_a_convolution_on_the_picture(channels: int):
    network = make_network(channels=channels)
    _, filters = results.activation_grid(view_of(network, picture=PICTURE[:, :, :channels]), "conv1")
    pixels = np.frombuffer(filters.buffers[0], np.uint8).reshape(filters.content["count"], 3, 3, 3)
    expected = np.broadcast_to(nv.filters(network, "conv1"), pixels.shape)
    assert np.abs(pixels / 255 - expected).max() <= 0.51 / 255


@pytest.mark.parametrize(("side", "cell"), [(48, 48), (49, 25), (96, 48), (100, 34)])
def test_cells_are_small_and_keep_the_mean(side: int, cell: int):
    channels = np.random.default_rng(0).random((2, side, side), dtype=np.float32)
    reduced = results._reduced(channels)
    assert reduced.shape == (2, cell, cell)
    if side % cell == 0:
        np.testing.assert_allclose(reduced.mean(axis=(1, 2)), channels.mean(axis=(1, 2)), rtol=1e-5)


def test_a_constant_channel_is_no_division_by_nothing():
    layer = keras.layers.Conv2D(2, 1, kernel_initializer="zeros", name="c")
    network = make_one_layer(layer)
    grid, *_ = results.activation_grid(view_of(network, nv.objectives.channel("c", 0), picture=PICTURE[:8, :8]), "c")
    assert not np.frombuffer(grid.buffers[0], np.uint8).any()
    content, buffer = results.quantized(np.zeros((2, 2), np.float32), signed=True)
    assert (content["low"], content["high"], bytes(buffer)) == (0, 0, b"\0" * 8)


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_the_head_is_bars_of_probabilities_with_names(activation: str):
    network = make_network(activation=activation)
    (bars,) = results.activation_grid(view_of(network), "head")
    shown = np.frombuffer(bars.buffers[0], np.float32)
    expected = {index: share for index, _, share in network.predict(PICTURE)}
    np.testing.assert_allclose(shown, [expected[k] for k in range(3)], atol=1e-6)
    assert (bars.content["names"], bars.content["probabilities"]) == (["ant", "bee", "cow"], True)
    np.testing.assert_allclose(bars.raw, nv.activations(network, PICTURE, "head"), atol=1e-5)


def test_another_layer_without_positions_is_bars_as_they_are(net):
    (bars,) = results.activation_grid(view_of(net), "flat")
    assert (bars.content["names"], bars.content["probabilities"], bars.content["count"]) == (None, False, 320)


def test_a_layer_that_is_no_picture_and_the_input_are_sentences():
    picture = keras.Input((4, 4, 3), name="picture")
    x = keras.layers.Reshape((16, 3), name="rows")(picture)
    network = nv.load(keras.Model(picture, keras.layers.Dense(2)(keras.layers.Flatten()(x))), input_range=(0, 1))
    view = view_of(network, picture=PICTURE[:4, :4])
    with pytest.raises(ValueError, match="'rows' gives 16 × 3 values"):
        list(results.activation_grid(view, "rows"))
    with pytest.raises(ValueError, match="computes nothing from the picture"):
        list(results.activation_grid(view, "picture"))


def test_a_layer_is_computed_once_for_grid_channel_and_field(net, monkeypatch):
    kept = ResultCache()
    list(results.activation_grid(view_of(net, 0, kept), "conv2"))
    monkeypatch.setattr(results, "outputs_of", lambda *_, **__: pytest.fail("computed again"))
    assert results.layer_output(view_of(net, 2, kept), "conv2").shape == (8, 8, 5)  # whatever the target


def test_a_layer_that_gets_no_gradient_is_shown_all_the_same():
    picture = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, name="cut")(picture)
    y = keras.layers.Conv2D(2, 3, name="way")(picture)
    x = keras.layers.Add()([Applied(tf.stop_gradient, name="stop")(x), y])
    x = keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(x))
    network = nv.load(keras.Model(picture, x), input_range=(0, 1))
    view = view_of(network, picture=PICTURE[:8, :8])
    layers_pass(view.question, "cut").prepare()
    expected = nv.activations(network, PICTURE[:8, :8], "cut")
    np.testing.assert_allclose(results.layer_output(view, "cut"), expected, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_a_sentence_and_no_garbage(value: float):
    with pytest.raises(ValueError, match="NaN or infinity, so it cannot be shown"):
        results.quantized(np.array([[0, value]], np.float32), signed=False)
    network = make_network()
    network.model.get_layer("conv1").bias.assign([value] * 4)
    view = results.View(asked(network, PICTURE, 0), 1, ResultCache())
    with pytest.raises(
        ValueError, match="the output of 'conv2' is not finite.*the weights of 'conv1' are not .bias: 4 of 4"
    ):
        list(results.activation_grid(view, "conv2"))


@pytest.mark.parametrize("scale", [1e-40, 1e-6, 1.0, 1e6, 3e38])
@pytest.mark.parametrize("signed", [True, False])
def test_quantized_maps_decode_to_the_values_within_half_a_step(scale: float, signed: bool):
    values = (np.random.default_rng(0).uniform(-0.7, 1, (9, 7)) * scale).astype(np.float32)
    content, buffer = results.quantized(values, signed)
    dispatch = Result(content, (buffer,))
    assert is_as_good_as(dispatch, values.astype(np.float64))
    assert signed is (content["low"] == -content["high"])


def test_the_colours_of_a_crowded_map_end_before_its_few_largest_values():
    values = np.ones((40, 40), np.float32)
    values[0, 0] = 1000
    assert results.quantized(values, signed=False, crowded=True)[0]["limit"] == pytest.approx(1)
    assert results.quantized(values, signed=False)[0]["limit"] == 1000
    spike = np.zeros((40, 40), np.float32)
    spike[0, 0] = 5
    assert results.quantized(spike, signed=False, crowded=True)[0]["limit"] == 5


def test_a_map_that_says_nothing_says_why_below_it_and_keeps_saying_it():
    network = make_network()
    head = network.model.get_layer("head")
    head.set_weights([np.zeros_like(head.kernel), np.ones(3, np.float32)])
    kept = ResultCache()
    for _ in range(2):  # the second time it is kept
        *_, last = results.class_activation(view_of(network, 1, kept), "grad-cam", None)
        assert (
            "Grad-CAM of 'bee' at 'behind' is 0 everywhere: there the gradient of the value (1) is 0"
            in last.content["note"]
        )
    *_, last = results.saliency(view_of(network, 1, kept), "gradient", "max")
    assert last.content["note"].startswith(
        "the gradient of 'bee' (whose value is 1) is 0 at every pixel: it gets no further"
    )
    *first, last = results.occluded(view_of(network, 1, kept), 2, 1, "black")
    assert "none of the 225 patches changes the value" in last.content["note"]
    assert not any(piece.content["note"] for piece in first)
    *_, last = results.saliency(view_of(make_network(), 1), "gradient", "max")
    assert last.content["note"] == ""


def test_a_layer_that_is_silent_says_so_as_sheet_as_bars_and_as_one_channel():
    network = make_network()
    conv = network.model.get_layer("conv2")
    conv.set_weights([np.zeros_like(conv.kernel), np.full(5, -0.5, np.float32)])
    view = view_of(network)
    grid, *_ = results.activation_grid(view, "relu2")
    assert grid.content["note"] == "'relu2' is silent on this photo: all its 8×8×5 outputs are 0."
    (bars,) = results.activation_grid(view, "flat")
    assert bars.content["note"] == "'flat' is silent on this photo: all its 320 outputs are 0."
    grid, *_ = results.activation_grid(view, "conv2")
    assert grid.content["note"] == "'conv2' gives -0.5 at all its 8×8×5 outputs for this photo: it tells nothing apart."
    channel = results.one_channel("relu2", 3, results.layer_output(view, "relu2")[:, :, 3])
    assert channel.content["note"].startswith("channel 3 of 'relu2' is silent")
    grid, *_ = results.activation_grid(view, "conv1")
    assert grid.content["note"] == ""
