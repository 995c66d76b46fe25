"""What a person says of the input and the classes of a model of their own, and what is assumed where they do not."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from nbfeatviz.engine import keras
from nbfeatviz.networks.callers import frames_inside
from nbfeatviz.networks.contract import checked_size

_SIZE_WHERE_FREE = 224


class ModelOptions:
    """The settings of `load` for a model whose input contract is not known; what is not given is None."""

    def __init__(
        self,
        input_range: tuple[Any, Any] | None,
        channel_order: str | None,
        size: int | tuple[int, int] | None,
        class_names: Sequence[str] | None,
    ) -> None:
        if channel_order not in (None, "rgb", "bgr"):
            raise ValueError(f"channel order {channel_order!r} is unknown: it is 'rgb' or 'bgr'.")
        if input_range is not None and (not isinstance(input_range, tuple | list) or len(input_range) != 2):
            raise ValueError(f"input_range {input_range!r} must be two values: those of black and of white.")
        self.input_range = None if input_range is None else tuple(_plain(bound) for bound in input_range)
        self.channel_order = channel_order
        self.size = checked_size(size) if size is not None else None
        self.class_names = _distinct(class_names) if class_names is not None else None

    @property
    def bgr(self) -> bool:
        """Whether the model takes blue first."""
        return self.channel_order == "bgr"

    @property
    def code(self) -> str:
        """The settings as they are written in a call of `load`, each with a comma before it."""
        names = ("input_range", "channel_order", "size", "class_names")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return "".join(f", {name}={value!r}" for name, value in given.items())

    def refuse(self, network: str, *options: str) -> None:
        """Raises ValueError for settings that a network of known contract would ignore."""
        for option in options:
            if getattr(self, option) is not None:
                raise ValueError(f"the {option} of {network!r} is known: leave out {option}={getattr(self, option)!r}.")

    def size_for(self, model: keras.Model) -> tuple[int, int]:
        """(height, width) of the pictures for a model (ValueError where the model takes another)."""
        _, height, width, _ = model.inputs[0].shape
        wanted = self.size or (height or _SIZE_WHERE_FREE, width or _SIZE_WHERE_FREE)
        if (height not in (None, wanted[0])) or (width not in (None, wanted[1])):
            raise ValueError(f"size {wanted} does not fit: {model.name!r} takes {height}×{width}.")
        return wanted


def assumed_range(model: keras.Model, name: str) -> tuple[float, float]:
    """What black and white are at a model's input, by its first layers; a warning says that it is assumed."""
    high = 1.0
    for layer in model.layers[:3]:
        if isinstance(layer, keras.layers.Rescaling) and np.max(layer.scale) < 0.1:
            high = 255.0
    warnings.warn(
        f"the input range of {name!r} is not known: assumed 0 to {high:g}, RGB. "
        "If that is wrong, say it: load(model, input_range=(-1, 1), channel_order='rgb').",
        stacklevel=frames_inside() + 1,
    )
    return 0.0, high


def _plain(bound: Any) -> Any:
    """An array of bounds as a tuple, which reads the same in code."""
    return tuple(float(item) for item in bound) if hasattr(bound, "tolist") and getattr(bound, "ndim", None) else bound


def _distinct(class_names: Sequence[str]) -> tuple[str, ...]:
    """The names as given; where several classes share one, each also carries its index."""
    if isinstance(class_names, str | bytes):
        raise TypeError(f"class_names is a sequence of names, one a class, not the single text {class_names!r}.")
    names = tuple(map(str, class_names))
    uses = Counter(name.casefold() for name in names)
    return tuple(f"{name} ({k})" if uses[name.casefold()] > 1 else name for k, name in enumerate(names))
