"""Recipe: how a picture is changed, as plain data. It never says what is maximized.

The order of operations of a step: `window`, `before`, the picture by its `parameterization`, `transforms`, the network
(with `passed_gradients`), the objective (with `focus`) minus `regularizers`; then `gradient`, `step_rule`, `after`.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, get_args

from nbfeatviz.encoding import checked_display
from nbfeatviz.engine import tf
from nbfeatviz.synthesis.recipe_parts.fields import (
    Ramp,
    check,
    checked_flag,
    checked_number,
    filled,
    live_numbers,
    nearest,
    plain,
    ramps,
    restored,
    structure,
)
from nbfeatviz.synthesis.recipe_parts.focus import Focus
from nbfeatviz.synthesis.recipe_parts.gradient_updates import GradientUpdate
from nbfeatviz.synthesis.recipe_parts.multi_resolution import MultiResolution
from nbfeatviz.synthesis.recipe_parts.natural_phase import NaturalPhase
from nbfeatviz.synthesis.recipe_parts.optimizers import Optimizer
from nbfeatviz.synthesis.recipe_parts.parameterizations import Centred, Fourier, Pixels, Sigmoid
from nbfeatviz.synthesis.recipe_parts.phases import LARGEST_STEP, MOST_STEPS, Phase, Window
from nbfeatviz.synthesis.recipe_parts.pixel_updates import PixelUpdate
from nbfeatviz.synthesis.recipe_parts.regularizers import PreSigmoid, Regularizer
from nbfeatviz.synthesis.recipe_parts.transforms import Transform

Parameterization = Pixels | Centred | Sigmoid | Fourier | NaturalPhase | MultiResolution


@dataclass(frozen=True)
class Recipe:
    """A named set of parameterization, transforms, optimizer and step count.

    Attributes:
        name: how it is asked for.
        reference: where it was published.
        steps: number of steps.
        step_size: of the optimizer, in the units of the parameterization's variables.
        parameterization: variables to picture.
        step_rule: the optimizer, gradient to update.
        transforms: applied inside the gradient, in order.
        passed_gradients: number of steps at the start during which a ReLU that blocks the whole gradient
            passes what would bring its units back to life.
        focus: which positions of a channel or a direction lead; None for all alike.
        regularizers: penalties, subtracted inside the gradient.
        gradient: what is done to the gradient before the optimizer, in order.
        before: what is done to the stored pixels before the picture is measured, in order.
        after: what is done to them after the update, in order.
        window: where a picture is larger than the network, the part of it that a step is about.
        keep_best: the result is the picture of the best step (objective minus penalties), not the last.
        phases: parts of the run with settings of their own; empty for one.
        display: how its pictures are shown and saved: "as it is", or "stretched" to 0..1 by the smallest and largest
            value of each, where its authors showed them so. The pictures themselves are the same.
    """

    name: str
    reference: str
    steps: int
    step_size: float
    parameterization: Parameterization
    step_rule: Optimizer
    transforms: tuple[Transform, ...] = ()
    passed_gradients: int = 0
    focus: Focus | None = None
    regularizers: tuple[Regularizer, ...] = ()
    gradient: tuple[GradientUpdate, ...] = ()
    before: tuple[PixelUpdate, ...] = ()
    after: tuple[PixelUpdate, ...] = ()
    window: Window | None = None
    keep_best: bool = False
    phases: tuple[Phase, ...] = ()
    display: str = "as it is"

    def __post_init__(self) -> None:
        for text in ("name", "reference"):
            if not isinstance(given := getattr(self, text), str):
                raise TypeError(f"recipe: {text} is a text, not {given!r} ({type(given).__name__}).")
        checked_flag("recipe: keep_best", self.keep_best)
        checked_display(self.display)
        checked_number("recipe: steps", self.steps, 1, MOST_STEPS, whole=True)
        checked_number("recipe: step_size", self.step_size, 1e-12, LARGEST_STEP)
        checked_number("recipe: passed_gradients", self.passed_gradients, 0, MOST_STEPS, whole=True)
        for slot, kinds in SLOTS.items():
            given = getattr(self, slot)
            if slot in _SEVERAL:
                if not isinstance(given, tuple):
                    raise TypeError(f"recipe: {slot} is a tuple of parts, not {given!r}.")
            elif slot not in _OPTIONAL or given is not None:
                given = (given,)
            for part in given or ():
                _check_slot(slot, part, kinds)
        for phase in self.phases:
            for slot in ("gradient", "after"):
                for part in getattr(phase, slot):
                    _check_slot(slot, part, SLOTS[slot])
        pixels = isinstance(self.parameterization, Pixels | Centred | Sigmoid)
        if isinstance(self.parameterization, Pixels | Centred) and any(
            isinstance(part, PreSigmoid) for part in self.regularizers
        ):
            raise ValueError(
                f"recipe {self.name!r}: PreSigmoid needs a parameterization with a sigmoid, and "
                f"{type(self.parameterization).__name__} has none: use Fourier, NaturalPhase or Sigmoid."
            )
        if not pixels and (self.before or self.after or self.window or any(p.after or p.window for p in self.phases)):
            raise ValueError(
                f"recipe {self.name!r}: before, after and window change stored pixels, and "
                f"{type(self.parameterization).__name__} has none: use Pixels, Centred or Sigmoid."
            )

    def replace(self, **changes: Any) -> Recipe:
        """The recipe with other values (ValueError for a setting that recipes do not have)."""
        known = [field.name for field in dataclasses.fields(self)]
        for key in changes:
            if key not in known:
                raise ValueError(f"recipes have no setting {key!r}; {nearest(key, known)}")
        return dataclasses.replace(self, **changes)

    @cached_property
    def structure(self) -> tuple[Any, ...]:
        """What a compiled step depends on: everything but the numbers that may change while it runs."""
        return (self.parameterization, bool(self.passed_gradients), *map(_structures, self._parts))

    @property
    def _parts(self) -> tuple[Any, ...]:
        return (
            self.step_rule, self.transforms, self.focus, self.regularizers, self.gradient, self.before, self.after,
            self.window,
        )  # fmt: skip

    def numbers(self, index: int, steps: int) -> list[float]:
        """The live numbers at a step of a run of `steps` steps, in the order in which `filled` takes them."""
        return [value for part in _flat(self._parts) for value in live_numbers(part, index, steps)]

    @cached_property
    def moves(self) -> bool:
        """Whether its numbers change with the step."""
        return any(ramps(part) for part in _flat(self._parts))

    def filled(self, numbers: Any) -> Filled:
        """The parts with tensors for their live numbers; `numbers` is a tensor of them all."""
        values = iter(tf.unstack(numbers) if numbers.shape[0] else [])
        return Filled(*(_filled(part, values) for part in self._parts))

    def phase_at(self, index: int, steps: int) -> tuple[int, Recipe, int, int]:
        """Which phase a step belongs to: its number, its recipe, the step within it, and its length."""
        if not self.phases:
            return 0, self, index, steps
        total, ends, done = sum(phase.steps for phase in self.phases), [], 0
        for phase in self.phases:
            done += phase.steps
            ends.append(round(done * steps / total))
        place = next((k for k, end in enumerate(ends) if index < end), len(ends) - 1)
        begin, phase = (ends[place - 1] if place else 0), self.phases[place]
        local, length = index - begin, max(ends[place] - begin, 1)
        size = phase.step_size.at(local, length) if isinstance(phase.step_size, Ramp) else phase.step_size
        recipe = self.replace(
            step_size=size,
            gradient=self.gradient + phase.gradient,
            after=self.after + phase.after,
            window=phase.window,
            phases=(),
        )
        return place, recipe, local, length

    def to_json(self) -> str:
        """The recipe as JSON text (ValueError where it holds a function of your own)."""
        return json.dumps({key: value for key, value in plain(self).items() if key != "kind"}, indent=2)

    @staticmethod
    def from_json(text: str) -> Recipe:
        """A recipe from JSON text.

        Raises:
            ValueError: no JSON, an unknown key or kind (the nearest is named), a missing one, a value out of range.
            TypeError: a value of the wrong type.
        """
        try:
            data = json.loads(text)
        except (TypeError, ValueError) as error:
            raise ValueError(f"this is not the JSON of a recipe: {error}.") from None
        if not isinstance(data, dict):
            raise ValueError(f"the JSON of a recipe is an object with name, steps, ..., not {data!r}.")
        return restored({**data, "kind": "Recipe"}, _kinds(), "recipe")


@dataclass(frozen=True)
class Filled:
    """The parts of a recipe inside a compiled step; see `Recipe`."""

    step_rule: Any
    transforms: Any
    focus: Any
    regularizers: Any
    gradient: Any
    before: Any
    after: Any
    window: Any


SLOTS: dict[str, tuple[Any, ...]] = {
    "parameterization": get_args(Parameterization),
    "step_rule": get_args(Optimizer),
    "transforms": get_args(Transform),
    "focus": (Focus,),
    "regularizers": get_args(Regularizer),
    "gradient": get_args(GradientUpdate),
    "before": get_args(PixelUpdate),
    "after": get_args(PixelUpdate),
    "window": (Window,),
    "phases": (Phase,),
}
_OPTIONAL = ("focus", "window")
_SEVERAL = ("transforms", "regularizers", "gradient", "before", "after", "phases")


def _check_slot(slot: str, part: Any, kinds: tuple[Any, ...]) -> None:
    classes = tuple(kind for kind in kinds if isinstance(kind, type))
    functions = len(classes) < len(kinds)  # the user's own are among the kinds
    if isinstance(part, classes):
        check(part)
        return
    if (
        len(classes) < len(kinds)
        and callable(part)
        and not isinstance(part, type)
        and not dataclasses.is_dataclass(part)
    ):
        return
    own = ", or a function" if functions else ""
    raise TypeError(f"recipe: {slot} takes {', '.join(kind.__name__ for kind in classes)}{own}; not {part!r}.")


def _kinds() -> dict[str, type]:
    kinds = {kind.__name__: kind for kinds in SLOTS.values() for kind in kinds if isinstance(kind, type)}
    return {**kinds, "Recipe": Recipe, "Ramp": Ramp}


def _structures(part: Any) -> Any:
    return tuple(map(structure, part)) if isinstance(part, tuple) else structure(part)


def _filled(part: Any, values: Any) -> Any:
    return tuple(filled(item, values) for item in part) if isinstance(part, tuple) else filled(part, values)


def _flat(parts: tuple[Any, ...]) -> list[Any]:
    return [item for part in parts for item in (part if isinstance(part, tuple) else (part,))]
