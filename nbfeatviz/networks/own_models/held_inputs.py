"""The inputs of a model that take no picture, and what they hold meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nbfeatviz.engine import keras


def held_values(model: keras.Model, held: Any) -> dict[int, np.ndarray]:
    """By the place of each input that takes no picture, its value (1, ...).

    Args:
        model: the model.
        held: values by name of the input, or an example of all inputs as the model takes it (a dict by name, or a list;
            of a batch the first row is taken), in which the picture plays no part; None where the model takes only a
            picture.

    Raises:
        ValueError: a name that the model does not have, a value that does not fit its input, or not exactly one input
            left for the picture.
    """
    inputs, names = model.inputs, input_names(model)
    if len(inputs) == 1:
        if held:
            raise ValueError(f"{model.name!r} has one input, which takes the picture: leave out held={held!r}.")
        return {}
    listed = ", ".join(f"{names[place][0]!r} {tuple(one.shape)}" for place, one in enumerate(inputs))
    if held is None:
        only = ", ".join(repr(known[0]) for known in names)
        raise ValueError(
            f"{model.name!r} has {len(inputs)} inputs ({only}); one picture input is needed. Say what the others hold, "
            "such as load(model, held={'age': 40.0}), or held=an example batch."
        )
    given = _by_place(model, held, names, listed)
    if len(given) == len(inputs):
        pictures = [place for place, one in enumerate(inputs) if _takes_pictures(one)]
        if len(pictures) != 1:
            raise ValueError(
                f"the held example leaves open which of the inputs of {model.name!r} ({listed}) takes the picture: "
                "give held={name: value} for the others only."
            )
        del given[pictures[0]]
    left = [place for place in range(len(inputs)) if place not in given]
    if len(left) != 1:
        missing = ", ".join(repr(names[place][0]) for place in left)
        raise ValueError(f"of the inputs of {model.name!r} ({listed}) all but the picture's must be held: {missing}.")
    return {place: _fitted(value, inputs[place], names[place][0]) for place, value in given.items()}


def input_names(model: keras.Model) -> list[tuple[str, ...]]:
    """By which names each input is known: its key, where the model takes a dict, and its own name."""
    structure = None if isinstance(model, keras.Sequential) else model.input
    keys = structure if isinstance(structure, dict) else {}
    return [
        (*(str(key) for key, one in keys.items() if one is tensor and str(key) != tensor.name), tensor.name)
        for tensor in model.inputs
    ]


def _by_place(model: keras.Model, held: Any, names: list[tuple[str, ...]], listed: str) -> dict[int, Any]:
    if isinstance(held, Mapping):
        places = {name: place for place, known in enumerate(names) for name in known}
        for name in held:
            if name not in places:
                raise ValueError(f"held names an input {name!r} that {model.name!r} does not have: it has {listed}.")
        return {places[name]: value for name, value in held.items()}
    if isinstance(held, list | tuple) and len(held) == len(names):
        return dict(enumerate(held))
    raise ValueError(
        f"held={held!r:.200} is neither values by name nor an example of all {len(names)} inputs of {model.name!r} "
        f"({listed})."
    )


def _takes_pictures(tensor: Any) -> bool:
    return len(tensor.shape) == 4 and tensor.shape[-1] is not None


def _fitted(value: Any, tensor: Any, name: str) -> np.ndarray:
    """A value (1, ...) in the shape of an input: one row of a batch, one value alone, or one number for all places."""
    shape = tuple(tensor.shape[1:])
    try:
        array = np.asarray(value)
        array = array.astype(keras.backend.standardize_dtype(tensor.dtype))
    except (TypeError, ValueError):
        raise ValueError(f"held[{name!r}]={value!r:.200} is no array of {tensor.dtype}.") from None
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"held[{name!r}] holds NaN or infinity.")
    fixed = tuple(length or 1 for length in shape)
    if array.ndim == 0:
        return np.full((1, *fixed), array)
    if array.ndim == len(shape) + 1 and len(array):
        array = array[0]
    if array.ndim != len(shape) or any(
        wanted not in (None, got) for wanted, got in zip(shape, array.shape, strict=True)
    ):
        raise ValueError(
            f"held[{name!r}] has the shape {np.shape(value)}; that input takes {shape}, or a batch of such."
        )
    return array[None]
