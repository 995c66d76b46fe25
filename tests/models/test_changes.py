"""The user's model goes on learning after it was loaded: every answer is that of the weights it has now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import nbfeatviz as nv
from nbfeatviz import objectives
from tests.models.kinds import randomize

SHAPE = (8, 8, 3)
RANDOM = np.random.default_rng(5)
PICTURE = RANDOM.integers(0, 256, SHAPE).astype(np.float32) / 255
PICTURES, CLASSES = RANDOM.random((8, *SHAPE)).astype(np.float32), RANDOM.integers(0, 3, 8)


def _model(seed: int = 0) -> keras.Model:
    """Convolutions with batch norms, which are folded; a nested part; a dense layer that can be quantized."""
    inner = keras.Sequential(
        [keras.Input((6, 6, 4)), layers.Conv2D(4, 3, name="deep"), layers.BatchNormalization(), layers.ReLU()],
        name="inner",
    )
    picture = keras.Input(SHAPE)
    x = layers.Conv2D(4, 3, use_bias=False, name="conv")(picture)
    x = inner(layers.Activation("swish")(layers.BatchNormalization(name="norm")(x)))
    x = layers.Dense(6, "tanh", name="hidden")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(picture, layers.Dense(3, "softmax", name="head")(x), name="learning")
    randomize(model, seed)
    model.compile(keras.optimizers.SGD(0.5), "sparse_categorical_crossentropy")
    return model


def _load(model: keras.Model) -> nv.Network:
    return nv.load(model, input_range=(0, 1))


def _answers(net: nv.Network) -> dict[str, Any]:
    settings: dict[str, Any] = {"recipe": "tutorial13", "steps": 2, "seed": 1, "precision": "float32"}
    return {
        "predict": [value for _, _, value in sorted(net.predict(PICTURE))],
        "saliency": nv.saliency(net, PICTURE, 1),
        "grad-cam": nv.grad_cam(net, PICTURE, 1, layer="conv", resize=False),
        "integrated gradients": nv.integrated_gradients(net, PICTURE, 1, steps=3),
        "activations": nv.activations(net, PICTURE, "norm"),
        "maximize": nv.maximize(net, objectives.class_logit(0), **settings).image,
    }


def _fit(model: keras.Model, _: Path) -> None:
    model.fit(PICTURES, CLASSES, epochs=1, batch_size=8, verbose=0)


def _train_by_hand(model: keras.Model, _: Path) -> None:
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(keras.losses.sparse_categorical_crossentropy(CLASSES, model(PICTURES, training=True)))
    model.optimizer.apply(tape.gradient(loss, model.trainable_variables), model.trainable_variables)


def _assign(model: keras.Model, _: Path) -> None:
    kernel = model.get_layer("conv").kernel
    kernel.assign(kernel[::-1] * 1.5)


def _assign_moving_statistics(model: keras.Model, _: Path) -> None:
    norm = model.get_layer("norm")
    norm.moving_variance.assign(norm.moving_variance * 3.0)
    norm.moving_mean.assign(norm.moving_mean - 0.4)


def _load_weights(model: keras.Model, folder: Path) -> None:
    _model(seed=1).save_weights(folder / "other.weights.h5")
    model.load_weights(folder / "other.weights.h5")


def _set_weights(model: keras.Model, _: Path) -> None:
    model.set_weights(_model(seed=2).get_weights())


def _set_weights_of_the_nested_part(model: keras.Model, _: Path) -> None:
    model.get_layer("inner").set_weights(_model(seed=3).get_layer("inner").get_weights())


def _quantize(model: keras.Model, _: Path) -> None:
    for layer in (model.get_layer("hidden"), model.get_layer("head")):
        layer.kernel.assign(layer.kernel * 3)  # so that int8 is not the only difference
    model.quantize("int8")


def _adapt(model: keras.Model, _: Path) -> None:
    for name in ("conv", "hidden", "head"):
        layer = model.get_layer(name)
        layer.enable_lora(2)
        for part in (layer.lora_kernel_a, layer.lora_kernel_b):
            part.assign(np.random.default_rng(4).normal(0, 0.5, part.shape))


VALUES = (
    _fit, _train_by_hand, _assign, _assign_moving_statistics, _load_weights, _set_weights,
    _set_weights_of_the_nested_part,
)  # fmt: skip
LAYERS = (_quantize, _adapt)
Change = Callable[[keras.Model, Path], None]


def _name(change: Change) -> str:
    return change.__name__.strip("_")


@pytest.fixture(scope="module")
def learning() -> tuple[keras.Model, nv.Network]:
    """One network that lives through all changes of its weights' values."""
    model = _model()
    return model, _load(model)


@pytest.mark.parametrize("change", VALUES, ids=_name)
def test_after_a_change_of_weights_every_answer_is_that_of_a_network_just_loaded(
    change: Change, learning: tuple[keras.Model, nv.Network], tmp_path: Path
):
    _check(*learning, change, tmp_path)


@pytest.mark.parametrize("change", LAYERS, ids=_name)
def test_after_a_change_of_layers_every_answer_is_that_of_a_network_just_loaded(change: Change, tmp_path: Path):
    model = _model()
    _check(model, _load(model), change, tmp_path)


def _check(model: keras.Model, net: nv.Network, change: Change, folder: Path) -> None:
    before = _answers(net)
    change(model, folder)
    after, fresh = _answers(net), _answers(_load(model))
    right = np.asarray(model(PICTURE[None], training=False))[0]
    np.testing.assert_allclose(after["predict"], right, atol=1e-5)
    for name, answer in fresh.items():
        largest = np.abs(answer).max()
        np.testing.assert_allclose(after[name], answer, rtol=0, atol=2e-5 * largest, err_msg=name)
    for name in ("predict", "saliency", "grad-cam", "integrated gradients", "maximize"):
        difference = np.abs(np.asarray(after[name]) - before[name]).max()
        assert difference > 1e-3 * np.abs(before[name]).max(), f"{name}: the change changes nothing"


class _Draws(keras.callbacks.Callback):
    """Keeps a saliency map of each epoch, and that of a network loaded at that moment."""

    def __init__(self, net: nv.Network) -> None:
        super().__init__()
        self.net = net
        self.maps: list[np.ndarray] = []
        self.right: list[np.ndarray] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.maps.append(nv.saliency(self.net, PICTURE, 1))
        self.right.append(_saliency_by_tape(self.model))


def _saliency_by_tape(model: keras.Model) -> np.ndarray:
    """The gradient of the logit by the head's own weights."""
    head = model.get_layer("head")
    seen = keras.Model(model.inputs, head.input)
    picture = tf.constant(PICTURE[None])
    with tf.GradientTape() as tape:
        tape.watch(picture)
        logit = (tf.matmul(seen(picture, training=False), head.kernel) + head.bias)[:, 1]
    return tape.gradient(logit, picture)[0].numpy()


def test_a_callback_draws_the_map_of_each_epoch():
    model = _model()
    draws = _Draws(_load(model))
    model.fit(PICTURES, CLASSES, epochs=3, batch_size=4, verbose=0, callbacks=[draws])
    assert len(draws.maps) == 3
    for found, right in zip(draws.maps, draws.right, strict=True):
        np.testing.assert_allclose(found, right, rtol=0, atol=1e-4 * np.abs(right).max())
    assert np.abs(draws.maps[0] - draws.maps[2]).max() > 1e-3 * np.abs(draws.maps[0]).max()


def test_a_model_that_learns_while_it_is_looked_into_learns_the_same():
    """Maps drawn in between leave no trace in training, not in the order of random numbers either."""
    alone, watched = _model(), _model()
    draws = _Draws(_load(watched))
    for model, callbacks in ((alone, []), (watched, [draws])):
        keras.utils.set_random_seed(0)
        model.fit(PICTURES, CLASSES, epochs=2, batch_size=4, verbose=0, callbacks=callbacks)
    for one, other in zip(alone.get_weights(), watched.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
