"""Models with several outputs, of which one is asked about, and with inputs beside the picture, which are held."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from tests.models.kinds import IN_RANGE, Kind, conv, dense, kind, pool, randomize, raw, through

SHAPE = (9, 9, 3)


def _several(names: bool) -> tuple[keras.Model, Any, Any, layers.Layer]:
    hidden, first, second = conv(), layers.Dense(2, activation="sigmoid", name="where"), dense(4)
    picture = keras.Input(SHAPE)
    pooled = pool()(hidden(picture))
    outputs = [first(pooled), second(pooled)]
    model = keras.Model(picture, dict(zip(("place", "species"), outputs, strict=True)) if names else outputs)
    randomize(model)
    return model, hidden, first, second


@kind
def second_of_several_outputs() -> Kind:
    model, hidden, _, head = _several(names=False)
    return Kind(
        model=model, layer="conv", before=hidden, after=through(pool(), head), logits=through(pool(), raw(head)),
        pick=lambda outputs: outputs[1], options={**IN_RANGE, "output": 1},
    )  # fmt: skip


@kind
def first_of_several_outputs() -> Kind:
    model, hidden, head, _ = _several(names=False)
    return Kind(
        model=model, layer="conv", before=hidden, after=through(pool(), head), logits=through(pool(), raw(head)),
        head="sigmoid", pick=lambda outputs: outputs[0], options={**IN_RANGE, "output": 0},
    )  # fmt: skip


@kind
def output_by_name() -> Kind:
    model, hidden, _, head = _several(names=True)
    return Kind(
        model=model, layer="conv", before=hidden, after=through(pool(), head), logits=through(pool(), raw(head)),
        pick=lambda outputs: outputs["species"], options={**IN_RANGE, "output": "species"},
    )  # fmt: skip


@kind
def photo_and_metadata() -> Kind:
    photo, meta = keras.Input(SHAPE, name="photo"), keras.Input((2,), name="meta")
    hidden, mixed, head = conv(), layers.Dense(5, activation="tanh"), dense()
    held = np.array([0.7, -1.3], np.float32)

    def features(a: Any, meta: Any) -> Any:
        return ops.concatenate([ops.mean(a, axis=(1, 2)), mixed(meta)], axis=-1)

    model = keras.Model([photo, meta], head(features(hidden(photo), meta)))
    randomize(model)

    def tiled(x: Any) -> Any:
        return ops.tile(held[None], (x.shape[0], 1))

    return Kind(
        model=model, layer="conv", before=hidden, after=lambda a, x: head(features(a, tiled(x))),
        logits=lambda a, x: raw(head)(features(a, tiled(x))), feed=lambda x: [x, tiled(x)],
        options={**IN_RANGE, "held": {"meta": held}},
    )  # fmt: skip


@kind
def photo_among_inputs_by_name() -> Kind:
    """The photo is the last of three inputs of a dict, and what the others hold is given as an example batch."""
    shapes = {"age": (), "meta": (2,), "photo": SHAPE}
    inputs = {name: keras.Input(shape, name=name) for name, shape in shapes.items()}
    hidden, head = conv(), dense()
    held = {"age": np.array([40.0], np.float32), "meta": np.array([[0.7, -1.3]], np.float32)}

    def features(a: Any, age: Any, meta: Any) -> Any:
        age = ops.reshape(age, (-1, 1)) / 50.0
        return ops.concatenate([ops.mean(a, axis=(1, 2)) * age, meta], axis=-1)

    model = keras.Model(inputs, head(features(hidden(inputs["photo"]), inputs["age"], inputs["meta"])))
    randomize(model)

    def tiled(x: Any) -> dict[str, Any]:
        return {name: ops.repeat(value, x.shape[0], axis=0) for name, value in held.items()}

    return Kind(
        model=model, layer="conv", before=hidden, after=lambda a, x: head(features(a, **tiled(x))),
        logits=lambda a, x: raw(head)(features(a, **tiled(x))), feed=lambda x: {**tiled(x), "photo": x},
        options={**IN_RANGE, "held": {**held, "photo": np.zeros((1, *SHAPE), np.float32)}},
    )  # fmt: skip
