"""What the parts of a recipe are made of: numbers that can be checked, written down, and moved while a run goes on.

A part is a frozen dataclass. A field made by `number` knows its range, and whether it is *live*: a live number is
a tensor in the compiled step, so that another value compiles nothing. `structure` is a part without its live numbers.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from nbfeatviz.engine import tf

P = TypeVar("P")
Live = Any
"""A live number: a number or a Ramp, and inside a compiled step a tensor."""


def number(
    default: Any = dataclasses.MISSING,
    *,
    low: float = -math.inf,
    high: float = math.inf,
    live: bool = False,
    whole: bool = False,
) -> Any:
    """A field of a part: a number from `low` to `high`; a `live` one may be a Ramp and compiles nothing anew."""
    return dataclasses.field(default=default, metadata={"low": low, "high": high, "live": live, "whole": whole})


@dataclass(frozen=True)
class Ramp:
    """A live number that moves in a straight line from the first step of a run (or phase) to the last.

    Attributes:
        start: at the first step.
        end: at the last step.
        reached: False where a step after the last would be the one to have `end`.
        hold: share of the run during which it stays at `start`, from 0 to below 1.
        suits: the number of steps of a run that the values are for. In a run of another number they are multiplied by
            the square root of `suits / steps`, at least by 1/2 and at most by 2: of fewer steps each is longer. 0 for
            values that are the same in every run.
    """

    start: float
    end: float
    reached: bool = True
    hold: float = number(0.0, low=0, high=0.99)
    suits: int = number(0, low=0, high=1e6, whole=True)

    def at(self, index: int, steps: int) -> float:
        """The value at a step, counted from 0."""
        done = index / max(steps - 1 if self.reached else steps, 1)
        value = self.start + (self.end - self.start) * max(done - self.hold, 0.0) / (1 - self.hold)
        return value * min(max(math.sqrt(self.suits / max(steps, 1)), 0.5), 2.0) if self.suits else value


def checked_number(name: str, value: Any, low: float, high: float, *, whole: bool = False, ramp: bool = False) -> None:
    """TypeError or ValueError in a sentence where a setting is no number of its range."""
    if ramp and isinstance(value, Ramp):
        for end in (value.start, value.end):
            checked_number(name, end, low, high, whole=whole)
        checked_number(f"{name}: hold", value.hold, 0, 0.99)
        checked_number(f"{name}: suits", value.suits, 0, 1e6, whole=True)
        return
    kind = int | np.integer if whole else int | float | np.integer | np.floating
    if isinstance(value, bool) or not isinstance(value, kind):
        raise TypeError(f"{name} is a {'whole ' * whole}number, not {value!r} ({type(value).__name__}).")
    if not low <= value <= high or not math.isfinite(value):
        bounds = f"from {low:g} to {high:g}" if math.isfinite(high) else f"of at least {low:g}"
        raise ValueError(
            f"{name} {value!r} is out of range: give a {'whole ' * whole}number "
            f"{bounds if math.isfinite(low) else 'that is finite'}."
        )


def check(part: Any) -> None:
    """Checks every number of a part (TypeError, ValueError in a sentence)."""
    for field in dataclasses.fields(part):
        if "low" in field.metadata:
            limits = field.metadata
            checked_number(
                f"{type(part).__name__}: {field.name}", getattr(part, field.name), limits["low"], limits["high"],
                whole=limits["whole"], ramp=limits["live"],
            )  # fmt: skip
        elif field.type in (bool, "bool"):
            checked_flag(f"{type(part).__name__}: {field.name}", getattr(part, field.name))
    low, high = getattr(part, "low", None), getattr(part, "high", None)
    if isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        raise ValueError(f"{type(part).__name__}: low {low!r} is above high {high!r}: give them the other way round.")


def checked_flag(name: str, value: Any) -> None:
    """TypeError in a sentence where a setting is neither True nor False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} is True or False, not {value!r} ({type(value).__name__}).")


def tensor_of(what: str, function: Any, value: Any, kind: Any = None) -> Any:
    """What a function of the user's own returned, as a tensor (ValueError where it is nothing, or no such tensor)."""
    name = getattr(function, "__name__", repr(function))
    if value is None:
        raise ValueError(f"{what} {name!r} returned None: has it a return at its end?")
    try:
        tensor = tf.convert_to_tensor(value, kind)
    except (TypeError, ValueError) as error:
        given = f"a tensor of type {value.dtype.name}" if tf.is_tensor(value) else repr(value)
        needed = "numbers are" if kind is None else f"{kind.name} is"
        raise ValueError(f"{what} {name!r} returned {given}: {needed} needed.") from error
    return tensor


def _live(part: Any) -> list[str]:
    if not dataclasses.is_dataclass(part):
        return []  # a function of the user's own
    return [field.name for field in dataclasses.fields(part) if field.metadata.get("live")]


def structure(part: P) -> P:
    """The part without its live numbers: what a compiled step depends on."""
    names = _live(part)
    return dataclasses.replace(part, **dict.fromkeys(names)) if names else part  # type: ignore[type-var]


def live_numbers(part: Any, index: int, steps: int) -> list[float]:
    """The values of a part's live numbers at a step."""
    values = [getattr(part, name) for name in _live(part)]
    return [float(value.at(index, steps) if isinstance(value, Ramp) else value) for value in values]


def ramps(part: Any) -> bool:
    """Whether any number of a part moves with the step."""
    return any(isinstance(getattr(part, name), Ramp) for name in _live(part))


def filled(part: P, numbers: Iterator[Any]) -> P:
    """The part with its live numbers replaced by the next of `numbers` (tensors)."""
    names = _live(part)
    return dataclasses.replace(part, **{name: next(numbers) for name in names}) if names else part  # type: ignore[type-var]


def nearest(word: str, known: Sequence[str]) -> str:
    """The end of a sentence about an unknown word."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.3)
    return f"nearest: {near[0]!r}." if near else f"there are {', '.join(map(repr, known))}."


def plain(value: Any) -> Any:
    """Numbers, texts, lists and dictionaries that `restored` turns into the same value again.

    Raises:
        ValueError: a function of the user's own is in it.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"kind": type(value).__name__, **fields}
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, str | int | float):
        return value
    name = getattr(value, "__name__", repr(value))
    raise ValueError(f"{name!r} is a function of your own, which JSON cannot hold: leave it out.")


def restored(data: Any, kinds: dict[str, type], where: str) -> Any:
    """The value that `plain` wrote down.

    Args:
        data: what was read.
        kinds: the classes by name.
        where: the place of `data`, for sentences.

    Raises:
        ValueError: an unknown kind or key (the nearest is named), or a missing one.
    """
    if isinstance(data, list):
        return tuple(restored(item, kinds, f"{where}[{place}]") for place, item in enumerate(data))
    if not isinstance(data, dict):
        return data
    kind = data.get("kind")
    if kind not in kinds:
        raise ValueError(f"{where}: there is no kind {kind!r}; {nearest(str(kind), list(kinds))}")
    fields = {field.name: field for field in dataclasses.fields(kinds[kind])}
    given = {key: value for key, value in data.items() if key != "kind"}
    for key in given:
        if key not in fields:
            raise ValueError(f"{where}: {kind} has no setting {key!r}; {nearest(key, list(fields))}")
    needed = [name for name, field in fields.items() if field.default is dataclasses.MISSING]
    if missing := [name for name in needed if name not in given]:
        raise ValueError(f"{where}: {kind} needs {' and '.join(map(repr, missing))}.")
    return kinds[kind](**{key: restored(value, kinds, f"{where}.{key}") for key, value in given.items()})
