"""The calls of a Keras model, nested models included, as one flat list that can be evaluated in part.

Keras describes the graph of a model in `get_config()`, which is public. `read_graph` turns that
description into `Call`s: one per use of a layer, in the order in which the network computes branch
after branch. Evaluating a call applies the user's own layers to tensors: nothing is copied and
nothing about the model is altered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras

from nbfeatviz.networks.naming import stable_names
from nbfeatviz.networks.twins import callable_in_graph

Shape = tuple[int | None, ...]


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
    if not _has_graph(model):
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


def _has_graph(model: Any) -> bool:
    return isinstance(model, keras.Sequential) or (
        isinstance(model, keras.Model) and hasattr(model, "operations") and bool(getattr(model, "inputs", None))
    )


def _is_functional(operation: Any) -> bool:
    return _has_graph(operation) and not isinstance(operation, keras.Sequential)


@dataclass(frozen=True)
class _Use:
    """One entry of the configuration: a layer, and the arguments of one of its uses."""

    operation: Any
    args: Any
    kwargs: Any


class _Reader:
    """Walks models from their outputs towards their input and appends each call after what it needs."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self._taken: set[str] = set()

    def read(self, model: Any, prefix: str, given: list[Output] | None) -> list[Output]:
        """Appends the calls of `model`; `given` are the outputs that a nested model is applied to."""
        uses, inputs, outputs = _uses(model)
        names = stable_names([(use.operation.name, type(use.operation).__name__) for use in uses.values()])
        shapes = _known_shapes(uses, model, outputs)
        done: dict[tuple[str, int], list[Output]] = {}
        if given is not None:
            done.update({key: [output] for key, output in zip(inputs, given, strict=True)})

        for target in outputs:
            stack = [(target[0], target[1])]
            while stack:  # depth first, each input before what takes it: branch after branch
                key = stack[-1]
                if key in done:
                    stack.pop()
                    continue
                use = uses[key]
                missing = [(ref[0], ref[1]) for ref in _references((use.args, use.kwargs))]
                missing = [item for item in missing if item not in done]
                if missing:
                    stack.extend(reversed(missing))
                    continue
                stack.pop()
                name, automatic = names[use.operation.name]
                path = self._unused(f"{prefix}/{name}" if prefix else name)
                done[key] = self._append(use, path, prefix, automatic, done, shapes.get(key))
        return [_at(done[(name, node)], position) for name, node, position in outputs]

    def _append(
        self,
        use: _Use,
        path: str,
        prefix: str,
        automatic: bool,
        done: dict[tuple[str, int], list[Output]],
        shapes: dict[int, Shape] | None,
    ) -> list[Output]:
        def bind(argument: Any) -> Any:
            reference = _reference(argument)
            if reference is not None:
                return _at(done[(reference[0], reference[1])], reference[2])
            if isinstance(argument, tuple | list):
                return type(argument)(bind(item) for item in argument)
            if isinstance(argument, dict):
                if "class_name" in argument:
                    return keras.saving.deserialize_keras_object(argument)
                return {key: bind(item) for key, item in argument.items()}
            return argument

        args, kwargs = bind(tuple(use.args)), bind(dict(use.kwargs))
        kwargs.pop("mask", None)  # pictures carry no mask
        if _has_graph(use.operation):
            return self.read(use.operation, path, _given(use.operation, args, kwargs))
        index = len(self.calls)
        needs = tuple(dict.fromkeys(output.call for output in outputs_in((args, kwargs))))
        shape = (shapes or {}).get(0)
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
    names = None if isinstance(model, keras.Sequential) else model.get_config()["input_layers"]
    if isinstance(names, dict) and args and isinstance(args[0], dict):
        return keras.tree.flatten({name: args[0][name] for name in names})
    return list(outputs_in((args, kwargs)))


def _uses(model: Any) -> tuple[dict[tuple[str, int], _Use], list[tuple[str, int]], list[tuple[str, int, int]]]:
    """The uses of each layer by (Keras's name, number of the use), the model's inputs, and its outputs."""
    if isinstance(model, keras.Sequential):
        return _sequential_uses(model)
    config = model.get_config()
    operations = {operation.name: operation for operation in model.operations}
    uses: dict[tuple[str, int], _Use] = {}
    for entry in config["layers"]:
        nodes = entry["inbound_nodes"] or [{"args": (), "kwargs": {}}]
        for number, node in enumerate(nodes):
            uses[(entry["name"], number)] = _Use(operations[entry["name"]], node["args"], node["kwargs"])
    inputs = [(name, node) for name, node, _ in _listed(config["input_layers"])]
    # Where a model ends in a nested Functional model, Keras counts that one's uses from 1, elsewhere from 0.
    outputs = [
        (name, node - int(_is_functional(operations[name])), position)
        for name, node, position in _listed(config["output_layers"])
    ]
    return uses, inputs, outputs


def _sequential_uses(
    model: Any,
) -> tuple[dict[tuple[str, int], _Use], list[tuple[str, int]], list[tuple[str, int, int]]]:
    source = keras.layers.InputLayer(batch_shape=model.inputs[0].shape, name="input_layer")
    uses = {(source.name, 0): _Use(source, (), {})}
    previous = source.name
    shape = list(model.inputs[0].shape)
    for layer in model.layers:
        tensor = {
            "class_name": "__keras_tensor__",
            "config": {"shape": shape, "keras_history": [previous, 0, 0]},
        }
        uses[(layer.name, 0)] = _Use(layer, (tensor,), {})
        # A layer that is also used elsewhere tells the shapes of that use: only ours counts.
        ours = list(layer.input.shape) == shape
        previous, shape = layer.name, list(layer.output.shape if ours else layer.compute_output_shape(tuple(shape)))
    return uses, [(source.name, 0)], [(previous, 0, 0)]


def _listed(entries: Any) -> list[tuple[str, int, int]]:
    """Input and output entries are [name, node, position], or a structure of them; in the order of `Model.outputs`."""
    flat = keras.tree.flatten(entries)
    return [(name, int(node), int(position)) for name, node, position in zip(*[iter(flat)] * 3, strict=True)]


def _reference(argument: Any) -> tuple[str, int, int] | None:
    if isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__":
        name, node, position = argument["config"]["keras_history"]
        return name, node, position
    return None


def _references(argument: Any) -> Iterator[tuple[str, int, int]]:
    reference = _reference(argument)
    if reference is not None:
        yield reference
    elif isinstance(argument, tuple | list):
        for item in argument:
            yield from _references(item)
    elif isinstance(argument, dict):
        for item in argument.values():
            yield from _references(item)


def _known_shapes(
    uses: dict[tuple[str, int], _Use], model: Any, outputs: list[tuple[str, int, int]]
) -> dict[tuple[str, int], dict[int, Shape]]:
    """Output shapes, as stated where an output is consumed, and by the model for its own outputs."""
    shapes: dict[tuple[str, int], dict[int, Shape]] = {}

    def visit(argument: Any) -> None:
        reference = _reference(argument)
        if reference is not None:
            name, node, position = reference
            shapes.setdefault((name, node), {})[position] = tuple(argument["config"]["shape"][1:])
        elif isinstance(argument, tuple | list):
            for item in argument:
                visit(item)
        elif isinstance(argument, dict):
            for item in argument.values():
                visit(item)

    for use in uses.values():
        visit((use.args, use.kwargs))
    for (name, node, position), tensor in zip(outputs, model.outputs, strict=True):
        shapes.setdefault((name, node), {})[position] = tuple(tensor.shape[1:])
    return shapes
