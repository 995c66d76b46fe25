"""What Keras says of a model's graph in its public `get_config()`: the uses of its layers, and what each use takes.

Contract: it reads and never alters. A use is known by its `Key`; in its arguments every tensor is still Keras's own
description, which `reference_of` reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from nbfeatviz.engine import keras

Shape = tuple[int | None, ...]
Key = tuple[str, int]
"""Keras's name of a layer, and the number of its use in the model."""


class Reference(NamedTuple):
    """One output of one use of a layer, and its shape without the batch axis where it is stated."""

    key: Key
    position: int
    shape: Shape | None = None


@dataclass(frozen=True)
class Use:
    """A layer, and the arguments of one of its uses."""

    operation: Any
    args: Any
    kwargs: Any


@dataclass(frozen=True)
class Configuration:
    """The graph of one model; a nested model is one layer of it.

    Attributes:
        uses: each use of each layer.
        inputs: the uses that stand for the model's inputs.
        outputs: the model's outputs, in order.
    """

    uses: dict[Key, Use]
    inputs: list[Key]
    outputs: list[Reference]

    def shapes(self) -> dict[Key, Shape | None]:
        """Shape of each use's first output, as stated where it is taken, and by the model for its own outputs."""
        taken = [reference for use in self.uses.values() for reference in references_in((use.args, use.kwargs))]
        return {reference.key: reference.shape for reference in (*taken, *self.outputs) if reference.position == 0}


def has_graph(model: Any) -> bool:
    """Whether this is a model whose layers Keras can tell: Sequential or Functional."""
    return isinstance(model, keras.Sequential) or (
        isinstance(model, keras.Model) and hasattr(model, "operations") and bool(getattr(model, "inputs", None))
    )


def input_names(model: keras.Model) -> Any:
    """The names of a model's inputs, in Keras's structure of them; None for a Sequential model."""
    return None if isinstance(model, keras.Sequential) else model.get_config()["input_layers"]


def read_configuration(model: keras.Model) -> Configuration:
    """Reads what Keras says of a model that `has_graph`."""
    if isinstance(model, keras.Sequential):
        return _of_sequential(model)
    config = model.get_config()
    operations = {operation.name: operation for operation in model.operations}
    uses: dict[Key, Use] = {}
    for entry in config["layers"]:
        nodes = entry["inbound_nodes"] or [{"args": (), "kwargs": {}}]
        for number, node in enumerate(nodes):
            uses[(entry["name"], number)] = Use(operations[entry["name"]], node["args"], node["kwargs"])
    inputs = [(name, number) for name, number, _ in _listed(config["input_layers"])]
    # Where a model ends in a nested Functional model, Keras counts that one's uses from 1, elsewhere from 0.
    outputs = [
        Reference((name, number - int(_is_functional(operations[name]))), position, tuple(tensor.shape[1:]))
        for (name, number, position), tensor in zip(_listed(config["output_layers"]), model.outputs, strict=True)
    ]
    return Configuration(uses, inputs, outputs)


def reference_of(argument: Any) -> Reference | None:
    """What a tensor among the arguments of a use stands for; None for any other argument."""
    if isinstance(argument, dict) and argument.get("class_name") == "__keras_tensor__":
        name, number, position = argument["config"]["keras_history"]
        return Reference((name, number), position, tuple(argument["config"]["shape"][1:]))
    return None


def references_in(argument: Any) -> Iterator[Reference]:
    """Every tensor inside an argument, in order."""
    reference = reference_of(argument)
    if reference is not None:
        yield reference
    elif isinstance(argument, tuple | list):
        for item in argument:
            yield from references_in(item)
    elif isinstance(argument, dict):
        for item in argument.values():
            yield from references_in(item)


def _of_sequential(model: keras.Sequential) -> Configuration:
    source = keras.layers.InputLayer(batch_shape=model.inputs[0].shape, name="input_layer")
    uses = {(source.name, 0): Use(source, (), {})}
    previous = source.name
    shape = list(model.inputs[0].shape)
    for layer in model.layers:
        tensor = {
            "class_name": "__keras_tensor__",
            "config": {"shape": shape, "keras_history": [previous, 0, 0]},
        }
        uses[(layer.name, 0)] = Use(layer, (tensor,), {})
        # A layer that is also used elsewhere tells the shapes of that use: only ours counts.
        ours = list(layer.input.shape) == shape
        previous, shape = layer.name, list(layer.output.shape if ours else layer.compute_output_shape(tuple(shape)))
    output = Reference((previous, 0), 0, tuple(model.outputs[0].shape[1:]))
    return Configuration(uses, [(source.name, 0)], [output])


def _is_functional(operation: Any) -> bool:
    return has_graph(operation) and not isinstance(operation, keras.Sequential)


def _listed(entries: Any) -> list[tuple[str, int, int]]:
    """Input and output entries are [name, node, position], or a structure of them; in the order of `Model.outputs`."""
    flat = keras.tree.flatten(entries)
    return [(name, int(node), int(position)) for name, node, position in zip(*[iter(flat)] * 3, strict=True)]
