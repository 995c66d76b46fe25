"""A term that is any Python function of activations."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from nbfeatviz.engine import tf
from nbfeatviz.networks.backbone import Tap
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.units import traced_shape
from nbfeatviz.synthesis.objective_terms.terms import check_layer
from nbfeatviz.synthesis.own_functions import converted


@dataclass(frozen=True)
class Called:
    """Reads the value of the function for each picture."""

    function: Callable[..., Any]
    taps: tuple[Tap, ...]

    def measure(self, activations: Any, values: Any) -> Any:
        """(batch,): what the function gives for the values at the taps."""
        given, function = [tf.cast(one, tf.float32) for one in activations], converted(self.function)
        if given[0].shape[0] is None:
            return tf.map_fn(lambda parts: _number(function(*parts)), given, fn_output_signature=tf.float32)
        pictures = zip(*(tf.unstack(one) for one in given), strict=True)
        return tf.stack([_number(function(*parts)) for parts in pictures])


class _Carried:
    """Reads nothing: it makes the network compute a layer that a function takes."""

    @staticmethod
    def measure(activation: Any, values: Any) -> Any:
        return tf.zeros([tf.shape(activation)[0]])


@dataclass(frozen=True)
class _Resolved:
    tap: Tap
    reader: Any
    values: tuple[int, ...] = ()


@dataclass(frozen=True)
class Function:
    """`function(a, b, ...)` of the activations of some layers for one picture, (h, w, units) or (units,) each.

    Attributes:
        function: returns one number, by TensorFlow or arithmetic.
        layers: paths.
        pre_activation: as for `channel`.
    """

    function: Callable[..., Any]
    layers: tuple[str, ...]
    pre_activation: bool = False

    def __str__(self) -> str:
        pre = ", pre_activation=True" if self.pre_activation else ""
        return f"function({_name(self.function)}, {', '.join(map(repr, self.layers))}{pre})"

    @property
    def name(self) -> str:
        """What the function is called."""
        return _name(self.function)

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> list[tuple[float, _Resolved]]:
        """Checked against a network: the function is traced once on activations of the right shapes.

        Raises:
            ValueError: the function raised (its own traceback is in the message), or gives no single number.
        """
        for layer in self.layers:
            check_layer(network, layer)
        taps = tuple(network.unit_tap(layer, self.pre_activation) for layer in self.layers)
        shapes = [traced_shape(network, tap, size or network.contract.size) for tap in taps]
        self._try([tf.TensorSpec(shape, tf.float32) for shape in shapes])
        reader = Called(self.function, taps)
        carried = [(0.0, _Resolved(tap, _Carried)) for tap in taps[1:]]
        return [(1.0, replace(_Resolved(taps[0], reader))), *carried]

    def _try(self, specs: list[Any]) -> None:
        try:
            traced = tf.function(self._with_gradients).get_concrete_function(*specs)
        except Exception as error:
            cause = self._as_written(specs, error)
            frames = traceback.extract_tb(cause.__traceback__)
            own = [frame for frame in frames if "tensorflow" not in frame.filename and frame.filename != __file__]
            where = "".join(traceback.format_list(own)).rstrip()
            raise ValueError(
                f"the objective's function {_name(self.function)} raised {type(cause).__name__}: {cause}\n{where}"
            ) from cause
        output, gradients = traced.structured_outputs
        returned = f"the objective's function {self.name} returned"
        shape, kind = getattr(output, "shape", None), getattr(output, "dtype", None)
        if shape is None and not isinstance(output, int | float):
            raise ValueError(f"{returned} {output!r}: one number is needed.")
        if shape is not None and tuple(shape) != ():
            raise ValueError(f"{returned} an array of shape {tuple(shape)}: one number is needed, such as its mean.")
        if kind is not None and not (kind.is_floating or kind.is_integer):
            raise ValueError(f"{returned} a tensor of type {kind.name}: one number is needed.")
        if all(one is None for one in gradients):
            raise ValueError(
                f"{returned} a number that does not change with the activations (a constant, a comparison or an "
                "index has no gradient): use operations that can be differentiated."
            )

    def _with_gradients(self, *activations: Any) -> Any:
        """What the function returns, and its derivatives, None where there is none."""
        with tf.GradientTape() as tape:
            tape.watch(activations)
            value = self.function(*activations)
        differentiable = tf.is_tensor(value) and value.dtype.is_floating
        return value, tape.gradient(value, activations) if differentiable else [None]

    def _as_written(self, specs: list[Any], error: Exception) -> BaseException:
        """What the function itself raises: TensorFlow rewrites it to trace it, and its errors with it."""
        failure: list[BaseException] = []

        @tf.autograph.experimental.do_not_convert
        def once(*activations: Any) -> Any:
            try:
                return self.function(*activations)
            except Exception as own:
                failure.append(own)
                raise

        with contextlib.suppress(Exception):
            tf.function(once).get_concrete_function(*specs)
        # an error of another kind is of the plain run alone, which cannot branch on a tensor
        return failure[0] if failure and isinstance(failure[0], type(error)) else error


def _number(value: Any) -> Any:
    return tf.cast(value, tf.float32)


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", repr(function))
