"""What black and white are at a model's input is read off what the model does with a picture, never off a name."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import layers

import nbfeatviz as nv
from nbfeatviz.networks.graph.reader import read_graph
from nbfeatviz.networks.own_models.input_evidence import application_like, range_evidence


def _model(prepare: Callable, dtype: str = "float32", name: str = "mine") -> keras.Model:
    x = keras.Input((8, 8, 3), dtype=dtype)
    y = layers.Conv2D(4, 3)(prepare(x))
    return keras.Model(x, layers.Dense(3, activation="softmax")(layers.GlobalAveragePooling2D()(y)), name=name)


def _nested(x):
    inner = keras.Sequential([keras.Input((8, 8, 3)), layers.Rescaling(1 / 255), layers.ReLU()])
    return inner(x)


def _fifth(x):
    for _ in range(4):
        x = layers.Identity()(x)
    return layers.Rescaling(1 / 127.5, offset=-1)(x)


def _adapted(low: float, high: float):
    layer = layers.Normalization()
    layer.adapt(np.random.default_rng(0).uniform(low, high, (50, 8, 8, 3)).astype(np.float32))
    return layer


def _norm_in_front(x):
    norm = layers.BatchNormalization()
    y = norm(x)
    norm.moving_mean.assign([120.0, 110.0, 100.0])
    norm.moving_variance.assign([4000.0] * 3)
    return y


CASES = {
    "nothing": (lambda x: x, None),
    "an untrained norm": (lambda x: layers.BatchNormalization()(x), None),
    "rescaling": (layers.Rescaling(1 / 255), (0, 255)),
    "rescaling to -1": (layers.Rescaling(1 / 127.5, offset=-1), (0, 255)),
    "rescaling of 0 to 1": (layers.Rescaling(2.0, offset=-1), (0, 1)),
    "rescaling up": (layers.Rescaling(255.0), (0, 1)),
    "nested": (_nested, (0, 255)),
    "the fifth layer": (_fifth, (0, 255)),
    "behind padding": (lambda x: layers.Rescaling(1 / 255)(layers.ZeroPadding2D(2)(x)), (0, 255)),
    "behind augmentation": (lambda x: layers.Rescaling(1 / 255)(layers.RandomFlip()(x)), (0, 255)),
    "normalization of bytes": (lambda x: _adapted(0, 255)(x), (0, 255)),
    "normalization of 0 to 1": (lambda x: _adapted(0, 1)(x), (0, 1)),
    "normalization of -1 to 1": (lambda x: _adapted(-1, 1)(x), (-1, 1)),
    "a norm in front": (_norm_in_front, (0, 255)),
    "arithmetic": (lambda x: x / 127.5 - 1, (0, 255)),
    "a Lambda": (layers.Lambda(lambda x: x / 255), (0, 255)),
    "caffe": (keras.applications.vgg16.preprocess_input, (0, 255)),
    "torch": (keras.applications.densenet.preprocess_input, (0, 255)),
    "tf": (keras.applications.inception_v3.preprocess_input, (0, 255)),
}


@pytest.mark.parametrize(("prepare", "expected"), CASES.values(), ids=CASES)
def test_the_range_is_what_the_preprocessing_is_made_for(prepare: Callable, expected):
    found = range_evidence(read_graph(_model(prepare)), (8, 8), 3, "float32")
    assert (None if found is None else (found.low, found.high)) == expected


def test_whole_numbers_are_bytes():
    model = _model(layers.Rescaling(1 / 255), dtype="uint8")
    with pytest.warns(UserWarning, match="assumed 0 to 255.*uint8"):
        network = nv.load(model)
    picture = np.random.default_rng(1).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    expected = model.predict(picture[None], verbose=0)[0]
    np.testing.assert_allclose([value for *_, value in sorted(network.predict(picture))], expected, rtol=1e-5)
    assert np.abs(nv.saliency(network, picture, 0)).max() > 0


def test_a_model_that_treats_whole_numbers_otherwise_is_refused():
    import tensorflow as tf

    model = _model(
        layers.Lambda(lambda x: tf.image.convert_image_dtype(x, tf.float32), output_shape=(8, 8, 3)), "uint8"
    )
    with pytest.raises(ValueError, match="no gradient leads to its picture"):
        nv.load(model)


@pytest.mark.parametrize("name", ["resnet50", "vgg16", "mobilenet_0.25_32"])
def test_a_name_is_no_evidence(name: str):
    with pytest.warns(UserWarning, match=f"'{name}' is not known: assumed 0 to 1, RGB"):
        network = nv.load(_model(lambda x: x, name=name))
    assert (network.contract.low, network.contract.high, network.contract.order) == ((0,) * 3, (1,) * 3, (0, 1, 2))
    assert network.class_names is None


def _mobile(**options) -> keras.Model:
    return keras.applications.MobileNet(weights=None, alpha=0.25, input_shape=(32, 32, 3), **options)


def test_the_layers_of_a_known_network_are_and_it_is_said():
    base = _mobile(include_top=False)
    x = keras.Input((32, 32, 3))
    nested = keras.Model(x, layers.Dense(2, activation="softmax")(layers.Flatten()(base(x))))
    for model in (_mobile(classes=7), base, nested):
        assert application_like(model, read_graph(model)) == "MobileNet"
        with pytest.warns(
            UserWarning, match=r"layers of keras\.applications\.MobileNet, so what that takes was assumed"
        ):
            network = nv.load(model)
        assert (network.contract.low, network.contract.high) == ((-1,) * 3, (1,) * 3)
        assert network.class_names is None


def test_what_is_in_the_graph_counts_more_than_whose_layers_they_are():
    base = _mobile(include_top=False)
    x = keras.Input((32, 32, 3))
    y = base(keras.applications.mobilenet.preprocess_input(x))
    with pytest.warns(UserWarning, match="assumed 0 to 255, RGB"):
        nv.load(keras.Model(x, layers.Dense(2, activation="softmax")(layers.Flatten()(y))))
