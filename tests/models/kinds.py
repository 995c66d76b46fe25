"""What a kind of model is to the tests, the table of all kinds, and the parts that they are built of.

A kind is one function with `@kind` above it. It builds a tiny model twice over: as a Keras model, and as functions
that apply the same layers by hand, `before` up to a hidden layer and `after` from there on. Tests expect what
`model.predict` and tapes on those functions give; nothing of the package is in this file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from keras import layers, ops

Part = Callable[[Any], Any]

KINDS: dict[str, Callable[[], Kind]] = {}


def kind(build: Callable[[], Kind]) -> Callable[[], Kind]:
    """Puts a kind into the table, under the name of its function."""
    assert build.__name__ not in KINDS
    KINDS[build.__name__] = build
    return build


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A model, how it is loaded, and what it does, written out by hand.

    Attributes:
        model: the user's model.
        layer: path of a hidden layer.
        before: from the network's input to that layer's output.
        after: from there to the output that is asked about; its second argument is the network's input.
        logits: from there to the logits, likewise; None where they cannot be told from outside, so that only
            differences of two classes can be.
        head: what the network's head is.
        ends_in_logits: whether `after` gives logits (softmax and sigmoid heads that are not part of the model).
        values: what stands for black and white at the input.
        turned: whether the input takes the picture's channels from the last to the first.
        options: of `nbfeatviz.load`.
        feed: from the network's input to what the model is called with.
        pick: from what the model returns to the output that is asked about.
        through_feed: whether a gradient passes `feed`; otherwise the model cannot be asked with a tape as a whole.
        traced: whether Keras can tell its gradients only inside of a `tf.function`.
        grad_cam: whether the hidden layer has rows and columns.
        tolerance: how far results may be off, as a share of the largest value; wider for networks in 16 bits.
    """

    model: keras.Model
    layer: str
    before: Part
    after: Callable[[Any, Any], Any]
    logits: Callable[[Any, Any], Any] | None = None
    head: str = "softmax"
    ends_in_logits: bool = False
    values: tuple[Any, Any] = (0.0, 1.0)
    turned: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    feed: Part = lambda x: x
    pick: Part = lambda outputs: outputs
    through_feed: bool = True
    traced: bool = False
    grad_cam: bool = True
    tolerance: float = 1e-4


IN_RANGE = {"input_range": (0.0, 1.0)}


def through(*parts: Part) -> Callable[..., Any]:
    """One part after the other; further arguments are not used."""

    def chained(x: Any, *_: Any) -> Any:
        for part in parts:
            x = part(x)
        return x

    return chained


def chain(
    shape: tuple[int | None, ...],
    before: list[Part],
    after: list[Part],
    logits: list[Part] | None = None,
    *,
    layer: str = "conv",
    prepared: Callable[[keras.Model], Any] = lambda model: None,
    input_type: str | None = None,
    seed: int = 0,
    **more: Any,
) -> Kind:
    """A kind whose model is one part after the other; `prepared` does what is to be done with the model built."""
    picture = keras.Input(shape, name="picture", dtype=input_type)
    model = keras.Model(picture, through(*before, *after)(picture), name="mine")
    randomize(model, seed)
    prepared(model)
    more.setdefault("options", IN_RANGE)
    return Kind(
        model=model,
        layer=layer,
        before=through(*before),
        after=through(*after),
        logits=None if logits is None else through(*logits),
        **more,
    )


def randomize(model: keras.Model, seed: int = 0) -> None:
    """Weights of which none is 0 or 1, those of batch norm neither, small enough that no head saturates."""
    random = np.random.default_rng(seed)
    for weight in model.weights:
        name, shape = weight.name, tuple(weight.shape)
        if "variance" in name:
            value = random.uniform(0.5, 1.5, shape)
        elif "gamma" in name or "scale" in name:
            value = random.uniform(0.7, 1.3, shape)
        elif len(shape) > 1:
            value = random.normal(0, 1.5 / np.sqrt(max(1, np.prod(shape[:-1]))), shape)
        else:
            value = random.normal(0, 0.3, shape)
        if weight.dtype not in ("int32", "int64", "uint32", "bool"):
            weight.assign(value)


def conv(name: str = "conv", filters: int = 4, size: int = 3, activation: Any = "swish", **more: Any) -> layers.Layer:
    """The hidden layer of most kinds."""
    return layers.Conv2D(filters, size, activation=activation, name=name, **more)


def pool() -> layers.Layer:
    return layers.GlobalAveragePooling2D(name="pool")


def dense(units: int = 3, activation: Any = "softmax", **more: Any) -> layers.Layer:
    """A head with its activation."""
    return layers.Dense(units, activation=activation, name="head", **more)


def raw(layer: Any) -> Part:
    """What a dense layer computes before its activation, by its weights."""
    return lambda x: ops.matmul(ops.cast(x, layer.kernel.dtype), layer.kernel) + layer.bias


def kept_on(layer: layers.Layer) -> Part:
    """A layer called with training=True in the graph of the model; `model.predict` computes it without."""
    return lambda x: layer(x, training=isinstance(x, keras.KerasTensor))


def log(x: Any) -> Any:
    """The logarithm in 32 bits, also of probabilities in 16."""
    return ops.log(ops.cast(x, "float32"))
