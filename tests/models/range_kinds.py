"""Models that say by their own layers what values their input has: nothing is given but the model."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tests.models.kinds import Kind, chain, conv, dense, kind, pool, raw

SHAPE = (10, 10, 3)
BYTES = (0.0, 255.0)


def _prepared(*first: Any, **more: Any) -> Kind:
    """A model that begins with something, loaded without a word about its input."""
    head = dense()
    return chain(
        SHAPE, [*first, conv()], [pool(), head], [pool(), raw(head)], **{"values": BYTES, "options": {}} | more
    )


@kind
def rescaling() -> Kind:
    return _prepared(layers.Rescaling(1 / 255))


@kind
def rescaling_nested() -> Kind:
    return _prepared(keras.Sequential([keras.Input(SHAPE), layers.Rescaling(1 / 127.5, offset=-1)], name="preparing"))


@kind
def rescaling_as_the_fifth_layer() -> Kind:
    first = [layers.RandomFlip(), layers.RandomRotation(0.1), layers.Identity(), layers.ZeroPadding2D(1)]
    return _prepared(*first, layers.Rescaling(1 / 255))


@kind
def adapted_normalization() -> Kind:
    normalization = layers.Normalization()
    normalization.adapt(np.random.default_rng(2).uniform(0, 255, (20, *SHAPE)).astype(np.float32))
    adapted = [np.array(weight) for weight in normalization.weights]
    return _prepared(normalization, prepared=lambda _: normalization.set_weights(adapted))


@kind
def normalization_of_given_numbers() -> Kind:
    """As the ConvNeXts of keras.applications begin."""
    mean, deviation = np.array([0.485, 0.456, 0.406]) * 255, np.array([0.229, 0.224, 0.225]) * 255
    return _prepared(layers.Normalization(mean=mean.tolist(), variance=(deviation**2).tolist()))


@kind
def preprocess_input_in_the_graph() -> Kind:
    return _prepared(lambda x: keras.applications.mobilenet_v2.preprocess_input(x))


@kind
def caffe_preprocess_input_in_the_graph() -> Kind:
    """Channels turned around and means taken off, by operations; what comes out is as large as bytes."""
    head, smaller = dense(), layers.Rescaling(0.01)
    before = [lambda x: keras.applications.resnet50.preprocess_input(x), conv(activation=None)]
    ends = [smaller, ops.tanh, pool()]
    return chain(SHAPE, before, [*ends, head], [*ends, raw(head)], values=BYTES, options={})


@kind
def unsigned_bytes() -> Kind:
    """Its input is uint8, which holds no gradient: pictures are given as numbers of the same value."""
    return _prepared(
        lambda x: ops.cast(x, "float32"),
        layers.Rescaling(1 / 255),
        input_type="uint8",
        feed=lambda x: ops.cast(ops.round(x), "uint8"),
        through_feed=False,
    )


@kind
def one_range_a_channel() -> Kind:
    low, high = (-2.1, -2.0, -1.8), (2.2, 2.4, 2.6)
    return _prepared(values=(low, high), options={"input_range": (low, high)})


@kind
def minus_one_to_one() -> Kind:
    return _prepared(values=(-1.0, 1.0), options={"input_range": (-1, 1)})


@kind
def blue_first() -> Kind:
    """The model takes BGR: its input is the picture turned around."""
    return _prepared(values=(-1.0, 1.0), options={"input_range": (-1, 1), "channel_order": "bgr"}, turned=True)
