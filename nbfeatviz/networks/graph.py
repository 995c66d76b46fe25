"""The calls of a Keras model, nested models included, as one flat list that can be evaluated in part.

`read_graph` turns what Keras says of a model (see `configuration`) into `Call`s: one per use of a layer, in the
order in which the network computes branch after branch. Evaluating a call applies the user's own layers to tensors:
nothing is copied and nothing about the model is altered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from nbfeatviz.engine import keras
from nbfeatviz.networks.configuration import (
    Key,
    Shape,
    Use,
    has_graph,
    input_names,
    read_configuration,
    reference_of,
    references_in,
)
from nbfeatviz.networks.naming import stable_names
from nbfeatviz.networks.twins import callable_in_graph


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
    """All calls of a model, the input's first, and which output is the model's."""

    calls: tuple[Call, ...]
    output: Output

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
    ) -> dict[int, Any]:
        """Computes the outputs of some calls, and only what they need.

        Args:
            model_input: tensor (batch, height, width, channels) in the network's own scaling.
            targets: indices of calls.
            override: called with each call and its arguments; returns the output, or None to let the
                layer itself compute it.

        Returns:
            Output of each of the `targets`; of a call that returns several, the model's own or else the first.
        """
        values: dict[int, Any] = {}
        position = {self.output.call: self.output.position}
        for index in self.ancestors(targets):
            call = self.calls[index]
            if isinstance(call.operation, keras.layers.InputLayer):
                values[index] = model_input
                continue
            args, kwargs = _fill(call.args, values), _fill(call.kwargs, values)
            value = override(call, args, kwargs) if override else None
            values[index] = callable_in_graph(call.operation)(*args, **kwargs) if value is None else value
        return {index: _fill(Output(index, position.get(index, 0)), values) for index in targets}


def _fill(argument: Any, values: Mapping[int, Any]) -> Any:
    """Replaces every `Output` inside an argument by its value."""
    if isinstance(argument, Output):
        value = values[argument.call]
        return value[argument.position] if isinstance(value, list | tuple) else value
    if isinstance(argument, tuple | list):
        return type(argument)(_fill(item, values) for item in argument)
    if isinstance(argument, dict):
        return {key: _fill(item, values) for key, item in argument.items()}
    return argument


def outputs_in(argument: Any) -> Iterator[Output]:
    """Every `Output` inside an argument, in order."""
    if isinstance(argument, Output):
        yield argument
    elif isinstance(argument, tuple | list):
        for item in argument:
            yield from outputs_in(item)
    elif isinstance(argument, dict):
        for item in argument.values():
            yield from outputs_in(item)


def read_graph(model: keras.Model) -> Graph:
    """Reads the calls of a Functional or Sequential model with one input and one output.

    Raises:
        ValueError: the model has no graph of layers (a subclassed model), or several inputs.
    """
    if not has_graph(model):
        raise ValueError(
            f"{model.name!r} ({type(model).__name__}) is a subclassed model: it has no graph of layers to look "
            "into. Wrap it: inputs = keras.Input((height, width, channels)); "
            "keras.Model(inputs, your_layers(inputs)), calling its layers rather than the model."
        )
    if len(model.inputs) != 1:
        names = ", ".join(repr(tensor.name) for tensor in model.inputs)
        raise ValueError(f"{model.name!r} has {len(model.inputs)} inputs ({names}); one picture input is needed.")
    reader = _Reader()
    outputs = reader.read(model, "", None)
    output = outputs[0]
    shape = tuple(model.outputs[0].shape[1:])
    reader.calls[output.call] = replace(reader.calls[output.call], shape=shape)
    return Graph(tuple(reader.calls), output)


class _Reader:
    """Walks models from their outputs towards their input and appends each call after what it needs."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._taken: set[str] = set()

    def read(self, model: Any, prefix: str, given: list[Output] | None) -> list[Output]:
        """Appends the calls of `model`; `given` are the outputs that a nested model is applied to."""
        described = read_configuration(model)
        uses, shapes = described.uses, described.shapes()
        names = stable_names([(use.operation.name, type(use.operation).__name__) for use in uses.values()])
        done: dict[Key, list[Output]] = {}
        if given is not None:
            done.update({key: [output] for key, output in zip(described.inputs, given, strict=True)})

        for target in described.outputs:
            stack = [target.key]
            while stack:  # depth first, each input before what takes it: branch after branch
                key = stack[-1]
                if key in done:
                    stack.pop()
                    continue
                use = uses[key]
                missing = [taken.key for taken in references_in((use.args, use.kwargs)) if taken.key not in done]
                if missing:
                    stack.extend(reversed(missing))
                    continue
                stack.pop()
                name, automatic = names[use.operation.name]
                path = self._unused(f"{prefix}/{name}" if prefix else name)
                done[key] = self._append(use, path, prefix, automatic, done, shapes.get(key))
        return [_at(done[target.key], target.position) for target in described.outputs]

    def _append(
        self,
        use: Use,
        path: str,
        prefix: str,
        automatic: bool,
        done: dict[Key, list[Output]],
        shape: Shape | None,
    ) -> list[Output]:
        def bind(argument: Any) -> Any:
            reference = reference_of(argument)
            if reference is not None:
                return _at(done[reference.key], reference.position)
            if isinstance(argument, tuple | list):
                return type(argument)(bind(item) for item in argument)
            if isinstance(argument, dict):
                if "class_name" in argument:
                    return keras.saving.deserialize_keras_object(argument)
                return {key: bind(item) for key, item in argument.items()}
            return argument

        args, kwargs = bind(tuple(use.args)), bind(dict(use.kwargs))
        kwargs.pop("mask", None)  # pictures carry no mask
        if has_graph(use.operation):
            return self.read(use.operation, path, _given(use.operation, args, kwargs))
        index = len(self.calls)
        needs = tuple(dict.fromkeys(output.call for output in outputs_in((args, kwargs))))
        self.calls.append(Call(index, path, use.operation, args, kwargs, needs, shape, prefix, automatic))
        return [Output(index)]

    def _unused(self, path: str) -> str:
        count, unused = 1, path
        while unused in self._taken:
            count += 1
            unused = f"{path}#{count}"
        self._taken.add(unused)
        return unused


def _at(outputs: list[Output], position: int) -> Output:
    """One output of a nested model, which has one `Output` each, or of a layer that returns several."""
    if len(outputs) > 1 or position == 0:
        return outputs[position]
    return Output(outputs[0].call, position)


def _given(model: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Output]:
    """What a nested model is applied to, in the order of its inputs; inputs given by name in any order."""
    names = input_names(model)
    if isinstance(names, dict) and args and isinstance(args[0], dict):
        return keras.tree.flatten({name: args[0][name] for name in names})
    return list(outputs_in((args, kwargs)))
