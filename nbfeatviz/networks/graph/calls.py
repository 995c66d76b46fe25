"""The calls of a Keras model, nested models included, as one flat list that can be evaluated in part.

Evaluating a call applies the user's own, live layers to tensors, in inference mode: nothing is copied, nothing about
the model is altered, and the values are those of `model.predict`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from nbfeatviz.engine import keras, tf
from nbfeatviz.networks.graph.inference import in_inference
from nbfeatviz.networks.graph.keras_nodes import Shape
from nbfeatviz.networks.graph.layer_clone import callable_in_graph

__all__ = ["Call", "Graph", "Output", "Shape", "computed", "fill", "outputs_in"]


@dataclass(frozen=True)
class Output:
    """One output tensor of one call: `position` is its place when the call returns several."""

    call: int
    position: int = 0


@dataclass(frozen=True, eq=False)
class Call:
    """One use of one layer (or Keras operation).

    Attributes:
        index: place in `Graph.calls`; the calls it depends on come earlier.
        path: the name by which people choose it; nested models are joined by "/", the second use of
            a shared layer ends in "#2".
        operation: the user's own layer.
        args: positional arguments, where every tensor is an `Output`.
        kwargs: keyword arguments likewise.
        inputs: the calls whose outputs it takes.
        shape: the output's shape without the batch axis, None where the model does not fix it.
        model: path of the nested model it belongs to ("" for the outermost).
        automatic: whether Keras chose the layer's name.
    """

    index: int
    path: str
    operation: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[int, ...]
    shape: Shape | None
    model: str
    automatic: bool

    @property
    def kind(self) -> str:
        """The class of the layer, such as "Conv2D"."""
        return type(self.operation).__name__


@dataclass(frozen=True, eq=False)
class Graph:
    """All calls of a model, and which of them are its inputs and outputs.

    Attributes:
        calls: each after those it depends on.
        output: the output that the network is about.
        outputs: all outputs of the model, in its own order.
        held: by the index of an input that takes no picture, its value (1, ...) for every picture.
    """

    calls: tuple[Call, ...]
    output: Output
    outputs: tuple[Output, ...] = ()
    held: Mapping[int, np.ndarray] = field(default_factory=dict)

    def ancestors(self, targets: Sequence[int]) -> list[int]:
        """Indices of all calls that `targets` need, themselves included, in order of evaluation."""
        needed: set[int] = set()
        waiting = list(targets)
        while waiting:
            index = waiting.pop()
            if index not in needed:
                needed.add(index)
                waiting.extend(self.calls[index].inputs)
        return sorted(needed)

    def evaluate(
        self,
        model_input: Any,
        targets: Sequence[int],
        override: Callable[[Call, tuple[Any, ...], dict[str, Any]], Any] | None = None,
        weights: Iterable[tuple[Any, Any]] = (),
    ) -> dict[int, Any]:
        """Computes the outputs of some calls, and only what they need, in inference mode.

        Args:
            model_input: tensor (batch, height, width, channels) in the network's own scaling.
            targets: indices of calls.
            override: called with each call and its arguments; returns the output, or None to let the
                layer itself compute it.
            weights: pairs of a Keras variable and the value that it has meanwhile.

        Returns:
            Output of each of the `targets`; of a call that returns several, the model's own or else the first.
        """
        return in_inference(lambda inputs: self.evaluate_here(inputs, targets, override), model_input, weights)

    def evaluate_here(
        self, model_input: Any, targets: Sequence[int], override: Callable[..., Any] | None = None
    ) -> dict[int, Any]:
        """`evaluate`, for whoever is `in_inference` already."""
        values: dict[int, Any] = {}
        position = {self.output.call: self.output.position}
        for index in self.ancestors(targets):
            call = self.calls[index]
            if isinstance(call.operation, keras.layers.InputLayer):
                values[index] = self._held(index, model_input) if index in self.held else model_input
                continue
            args, kwargs = fill(call.args, values), fill(call.kwargs, values)
            value = override(call, args, kwargs) if override else None
            values[index] = computed(call, args, kwargs) if value is None else value
        return {index: fill(Output(index, position.get(index, 0)), values) for index in targets}

    def _held(self, index: int, model_input: Any) -> Any:
        """The value of an input that takes no picture, once for each picture."""
        value = tf.constant(self.held[index])
        return tf.repeat(value, tf.shape(model_input)[0], axis=0)


def computed(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any], layer: Any = None) -> Any:
    """What the layer itself gives: as in `predict`, also where the call was written with `training=True`.

    Args:
        call: use of the layer.
        args: positional arguments with tensors.
        kwargs: keyword arguments with tensors.
        layer: what takes its place; None for the layer.
    """
    if kwargs.get("training"):
        kwargs = {**kwargs, "training": False}
    return callable_in_graph(call.operation if layer is None else layer)(*args, **kwargs)


def fill(argument: Any, values: Mapping[int, Any]) -> Any:
    """Replaces every `Output` inside an argument by its value."""
    if isinstance(argument, Output):
        value = values[argument.call]
        if isinstance(value, list | tuple | dict):
            return keras.tree.flatten(value)[argument.position]
        return value
    if isinstance(argument, tuple | list | dict) and argument:
        return keras.tree.map_structure(lambda leaf: fill(leaf, values), argument)
    return argument


def outputs_in(argument: Any) -> Iterator[Output]:
    """Every `Output` inside an argument, in order."""
    return (leaf for leaf in keras.tree.flatten(argument) if isinstance(leaf, Output))
