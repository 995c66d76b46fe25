"""Pass: a function of tensors that a network keeps compiled, and that can be run before it is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from nbfeatviz.engine import tf
from nbfeatviz.networks.network import Network


@dataclass(frozen=True, eq=False)
class Pass:
    """A function of tensors that a network keeps compiled.

    Attributes:
        network: whose cache holds it.
        key: its name in that cache.
        build: makes the Python function.
        signature: specifications of its arguments, the batch dimension open.
    """

    network: Network
    key: Hashable
    build: Callable[[], Callable[..., Any]]
    signature: tuple[Any, ...]

    @property
    def compiled(self) -> bool:
        """Whether it has been traced, so that a call does not wait for that (half a second on EfficientNet-Lite0)."""
        return self.network.is_compiled(self.key)

    def prepare(self) -> None:
        """Traces it and runs it once on a black picture, unless that is done.

        The first run of what was traced takes another 0.2 to 0.4 s, which nobody then waits for: it counts as
        `compiled` only after that, and may be prepared on another thread.
        """
        if self.compiled:
            return
        function = self.network.function(self.build())
        function.get_concrete_function(*self.signature)
        function(*tf.nest.map_structure(lambda spec: tf.zeros((1, *spec.shape[1:]), spec.dtype), self.signature))
        self.network.keep(self.key, function)

    def _traced(self) -> Any:
        function = self.network.compiled(self.key, self.build)
        if not self.compiled:
            function.get_concrete_function(*self.signature)  # or it would be traced for one number of pictures
        return function

    def __call__(self, *arguments: Any, eager: bool = False) -> Any:
        """Computes it.

        Args:
            arguments: tensors or NumPy arrays as in `signature`.
            eager: where it has not been traced yet, run the Python function as it is: one call is quicker so
                than a trace, many are not.
        """
        tensors = tf.nest.map_structure(
            lambda value, spec: tf.convert_to_tensor(value, spec.dtype), arguments, self.signature
        )
        if eager and not self.compiled and not self.network.needs_tracing:
            with contextlib.suppress(tf.errors.OpError):  # some operations can only be computed in what is traced
                return self.build()(*tensors)
        return self._traced()(*tensors)
