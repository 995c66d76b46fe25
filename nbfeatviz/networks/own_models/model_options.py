"""What a person says of the input and the classes of a model of their own, and what is assumed where they do not."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from nbfeatviz.engine import keras
from nbfeatviz.networks.contract import LARGEST_SIDE, checked_size
from nbfeatviz.networks.head import HEADS, output_names
from nbfeatviz.warn_location import frames_inside

_SIZE_WHERE_FREE = 224


class ModelOptions:
    """The settings of `load` for a model whose input contract is not known; what is not given is None."""

    def __init__(
        self,
        input_range: tuple[Any, Any] | None,
        channel_order: str | None,
        size: int | tuple[int, int] | None,
        class_names: Sequence[str] | Mapping[int, str] | None,
        head: str | None = None,
        output: str | int | None = None,
        held: Any = None,
    ) -> None:
        if channel_order not in (None, "rgb", "bgr"):
            raise ValueError(f"channel order {channel_order!r} is unknown: it is 'rgb' or 'bgr'.")
        if input_range is not None and (not isinstance(input_range, tuple | list) or len(input_range) != 2):
            raise ValueError(f"input_range {input_range!r} must be two values: those of black and of white.")
        if head is not None and (not isinstance(head, str) or head not in HEADS):
            raise ValueError(f"head {head!r} is unknown: it is 'softmax', 'sigmoid' or 'linear'.")
        if output is not None and (isinstance(output, bool) or not isinstance(output, str | int)):
            raise TypeError(f"output is the name or the index of an output, not {output!r} ({type(output).__name__}).")
        self.head, self.output, self.held = head, output, held
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
        names = ("input_range", "channel_order", "size", "class_names", "head", "output", "held")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return "".join(f", {name}={value!r}" for name, value in given.items())

    def refuse(self, network: str, *options: str) -> None:
        """Raises ValueError for settings that a network of known contract would ignore."""
        for option in options:
            if getattr(self, option) is not None:
                raise ValueError(f"the {option} of {network!r} is known: leave out {option}={getattr(self, option)!r}.")

    def size_for(self, model: keras.Model, place: int = 0) -> tuple[int, int]:
        """(height, width) of the pictures for a model (ValueError where the model takes another).

        Args:
            model: the model.
            place: which of its inputs takes the picture.
        """
        _, height, width, _ = model.inputs[place].shape
        wanted = self.size or (height or _SIZE_WHERE_FREE, width or _SIZE_WHERE_FREE)
        if (height not in (None, wanted[0])) or (width not in (None, wanted[1])):
            raise ValueError(f"size {wanted} does not fit: {model.name!r} takes {height}×{width}.")
        if max(wanted) > LARGEST_SIDE:
            raise ValueError(
                f"{model.name!r} takes pictures of {height}×{width}; a side of at most {LARGEST_SIDE} pixels can be "
                "looked at."
            )
        return wanted

    def output_of(self, model: keras.Model) -> int:
        """The place of the output that is meant; of several the first, with a warning, where none is given.

        Raises:
            ValueError: there is no such output.
        """
        names = output_names(model)
        listed = ", ".join(repr(known[0]) for known in names)
        if self.output is None:
            if len(names) > 1:
                said(
                    f"{model.name!r} has {len(names)} outputs ({listed}): {names[0][0]!r} is looked at. "
                    f"If another is meant, say it: load(model, output={names[-1][0]!r})."
                )
            return 0
        found = [place for place, known in enumerate(names) if self.output in (place, *known)]
        if len(found) != 1:
            what = "is the name of several" if found else "is none"
            raise ValueError(f"output {self.output!r} {what} of the outputs of {model.name!r}: it has {listed}.")
        return found[0]

    def names_for(self, model: keras.Model, count: int) -> tuple[str, ...] | None:
        """The class names, checked to name every output."""
        if self.class_names is not None and len(self.class_names) != count:
            raise ValueError(f"{len(self.class_names)} class names were given for {count} outputs of {model.name!r}.")
        return self.class_names


def said(sentence: str) -> None:
    """Warns the person, at the line of their own code."""
    warnings.warn(sentence, stacklevel=frames_inside() + 1)


def _plain(bound: Any) -> Any:
    """An array of bounds as a tuple, which reads the same in code."""
    return tuple(float(item) for item in bound) if hasattr(bound, "tolist") and getattr(bound, "ndim", None) else bound


def _distinct(class_names: Sequence[str] | Mapping[Any, Any]) -> tuple[str, ...]:
    """The names as given (of a dict by index); where several classes share one, each has its index too."""
    if isinstance(class_names, str | bytes):
        raise TypeError(f"class_names is a sequence of names, one a class, not the single text {class_names!r}.")
    if isinstance(class_names, Mapping):
        class_names = _in_order(class_names)
    names = tuple(map(str, class_names))
    uses = Counter(name.casefold() for name in names)
    return tuple(f"{name} ({k})" if uses[name.casefold()] > 1 else name for k, name in enumerate(names))


def _in_order(names: Mapping[Any, Any]) -> list[Any]:
    """Names by index, of {0: "cat", 1: "dog"} or of Keras's `class_indices` {"cat": 0, "dog": 1}."""
    turned = names if all(isinstance(key, int) for key in names) else {index: name for name, index in names.items()}
    missing = [index for index in range(len(names)) if index not in turned]
    if missing or len(turned) != len(names):
        raise ValueError(
            f"class_names {dict(names)!r:.200} does not name every output: a dict has a name for each index from 0 on"
            + (f", and {missing[0]} is missing." if missing else ".")
        )
    return [turned[index] for index in range(len(turned))]
