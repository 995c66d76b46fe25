"""The compiled step of a run: a function, shared by all runs that differ in numbers only, and what it is given."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from nbfeatviz.networks.natural_statistics import NaturalStatistics
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.precision import Mode
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.run.step_function import own_error, plain_errors, step_function

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class CompiledStep:
    """Computes nothing by itself; may be handed to another thread.

    Attributes:
        network: the network.
        objective: what is maximized, for sentences about errors.
        structure: of the objective.
        recipe: without phases.
        shape: (height, width, channels) of the picture.
        field: see `step_function`.
        mode: how the network is computed.
        seeds: whether every picture of the batch has a seed of its own.
        given: the tensors that the function takes.
        natural: what the recipe's natural prior compares with.
    """

    network: Network
    objective: Objective
    structure: Any
    recipe: Recipe
    shape: tuple[int, int, int]
    field: tuple[int, int] | None
    mode: Mode
    seeds: bool
    given: tuple[Any, ...]
    natural: NaturalStatistics | None = None

    @property
    def compiled(self) -> bool:
        """Whether its function has been traced, so that computing it will not wait for that."""
        return self.network.is_compiled(self._key(self.network.fast))

    def compile(self) -> None:
        """Traces the function, unless that is done."""
        self._do(lambda function: function.get_concrete_function(*self.given))

    def compute(self) -> Any:
        """What the function gives; computing it again gives the same."""
        return self._do(lambda function: function(*self.given))

    def _do(self, act: Callable[[Any], Any]) -> Any:
        """By the quick way; where that fails and the plain one does not, by the plain one from now on."""
        with plain_errors(self.objective, self.shape):
            if not self.network.fast:
                return act(self._function(False))
            try:
                return act(self._function(True))
            except Exception as error:
                if own_error(error) is not None:
                    raise
                reason = error
            result = act(self._function(False))
            self.network.fast = False
            _log.warning("%s is computed the plain way: the quick one failed (%s)", self.network.name, reason)
            return result

    def _key(self, fast: bool) -> Any:
        mode = self.mode if fast else None
        batch = self.given[0].shape
        return ("ascend", self.structure, self.recipe.structure, batch, self.shape, self.seeds, self.field, mode,
                None if self.natural is None else self.natural.key)  # fmt: skip

    def _function(self, fast: bool) -> Any:
        precision, xla = self.mode.precision if fast else None, fast and self.mode.xla
        return self.network.compiled(
            self._key(fast),
            lambda: step_function(
                self.network, self.structure, self.recipe, self.shape, self.field, precision, xla, self.natural
            ),
            xla=xla,
            fixed=True,
        )
