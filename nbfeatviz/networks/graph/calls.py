"""The calls of a Keras model, nested models included, as one flat list that can be evaluated in part.

`read_graph` turns the calls that Keras recorded (see `keras_nodes`) into `Call`s: one per use of a layer, in the order
in which the network computes branch after branch. Evaluating a call applies the user's own, live layers to tensors, in
inference mode: nothing is copied, nothing about the model is altered, and the values are those of `model.predict`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nbfeatviz.engine import keras, tf
from nbfeatviz.networks.graph.inference import in_inference
from nbfeatviz.networks.graph.keras_nodes import Shape, Use, has_graph, is_symbolic, place_of, shape_of, use_of
from nbfeatviz.networks.graph.layer_clone import callable_in_graph
from nbfeatviz.networks.graph.naming import stable_names

__all__ = ["Call", "Graph", "Output", "Shape", "outputs_in", "read_graph"]


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


def read_graph(model: keras.Model, *, output: int = 0, held: Mapping[int, np.ndarray] | None = None) -> Graph:
    """Reads the calls of a Functional or Sequential model.

    Args:
        model: the model.
        output: place of the output that the network is about.
        held: by the place of each input but one, its value (1, ...) for every picture.

    Raises:
        ValueError: the model has no graph of layers (a subclassed model), or several inputs that nothing is held for.
    """
    if not has_graph(model):
        raise ValueError(
            f"{model.name!r} ({type(model).__name__}) is a subclassed model: it has no graph of layers to look "
            "into. Wrap it: inputs = keras.Input((height, width, channels)); "
            "keras.Model(inputs, your_layers(inputs)), calling its layers rather than the model."
        )
    held = held or {}
    if len(model.inputs) - len(held) != 1:
        names = ", ".join(repr(tensor.name) for tensor in model.inputs)
        raise ValueError(
            f"{model.name!r} has {len(model.inputs)} inputs ({names}); one picture input is needed. Say what the "
            "others hold: load(model, held={'name': value})."
        )
    reader = _Reader()
    outputs = reader.read(model, "", None)
    main = outputs[output].call
    reader.calls[main] = replace(reader.calls[main], shape=shape_of(model.outputs[output]))
    kept = {reader.inputs[place]: value for place, value in held.items() if place in reader.inputs}
    return Graph(tuple(reader.calls), outputs[output], tuple(outputs), kept)


class _Reader:
    """Walks models from their outputs towards their input and appends each call after what it needs."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.inputs: dict[int, int] = {}  # the outermost model's: by place, the index of the call
        self._taken: set[str] = set()

    def read(self, model: Any, prefix: str, given: list[Output] | None) -> list[Output]:
        """Appends the calls of `model`; `given` are the outputs that a nested model is applied to."""
        done: dict[int, Output] = {}
        if given is not None:
            done.update({id(tensor): output for tensor, output in zip(model.inputs, given, strict=True)})
        names = self._names(model, set(done))
        for target in model.outputs:
            stack = [target]
            while stack:  # depth first, each input before what takes it: branch after branch
                tensor = stack[-1]
                if id(tensor) in done:
                    stack.pop()
                    continue
                use = use_of(tensor)
                missing = [taken for taken in use.inputs if id(taken) not in done]
                if missing:
                    stack.extend(reversed(missing))
                    continue
                stack.pop()
                name, automatic = names[use.operation.name]
                path = self._unused(f"{prefix}/{name}" if prefix else name)
                found = self._append(use, path, prefix, automatic, done)
                done.update({id(made): output for made, output in zip(use.outputs, found, strict=True)})
                done.setdefault(id(tensor), found[place_of(tensor)])
        if given is None:
            self.inputs = {place: done[id(one)].call for place, one in enumerate(model.inputs) if id(one) in done}
        return [done[id(target)] for target in model.outputs]

    @staticmethod
    def _names(model: Any, known: set[int]) -> dict[str, tuple[str, bool]]:
        """The stable names of a model's own layers, by Keras's."""
        seen, waiting = set(known), list(model.outputs)
        kinds: dict[str, str] = {}
        while waiting:
            tensor = waiting.pop()
            if id(tensor) not in seen:
                use = use_of(tensor)
                seen.update(map(id, (tensor, *use.outputs)))
                kinds[use.operation.name] = type(use.operation).__name__
                waiting.extend(use.inputs)
        return stable_names(list(kinds.items()))

    def _append(
        self, use: Use, path: str, prefix: str, automatic: bool, done: Mapping[int, Output]
    ) -> tuple[Output, ...]:
        """The outputs of a use, one a tensor."""
        args, kwargs = keras.tree.map_structure(
            lambda leaf: done[id(leaf)] if is_symbolic(leaf) else leaf, (use.args, use.kwargs)
        )
        shapes = [shape_of(tensor) for tensor in use.outputs]
        if has_graph(use.operation):
            outputs = self.read(use.operation, path, _given(use.operation, args, kwargs))
            for output, shape in zip(outputs, shapes, strict=True):
                if output.position == 0:  # the size it has here, not where the model was made
                    self.calls[output.call] = replace(self.calls[output.call], shape=shape)
            return tuple(outputs)
        index = len(self.calls)
        needs = tuple(dict.fromkeys(output.call for output in outputs_in((args, kwargs))))
        self.calls.append(Call(index, path, use.operation, args, kwargs, needs, shapes[0], prefix, automatic))
        return tuple(Output(index, position) for position in range(len(shapes)))

    def _unused(self, path: str) -> str:
        count, unused = 1, path
        while unused in self._taken:
            count += 1
            unused = f"{path}#{count}"
        self._taken.add(unused)
        return unused


def _given(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Output]:
    """What a nested model is applied to, in the order of its inputs; inputs given by name in any order."""
    if args and isinstance(args[0], dict):
        if isinstance(model.input, dict):
            return keras.tree.flatten({name: args[0][name] for name in model.input})
        return [args[0][tensor.name] for tensor in model.inputs]
    return list(outputs_in((args, kwargs)))
