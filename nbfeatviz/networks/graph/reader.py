"""read_graph() -> Graph: the calls that Keras recorded (see `keras_nodes`), one per use of a layer.

They come in the order in which the network computes branch after branch, those of nested models in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from nbfeatviz.engine import keras
from nbfeatviz.networks.graph.calls import Call, Graph, Output, outputs_in
from nbfeatviz.networks.graph.keras_nodes import Use, has_graph, is_symbolic, place_of, shape_of, use_of
from nbfeatviz.networks.graph.naming import stable_names


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
    given = {reader.inputs[place]: value for place, value in held.items() if place in reader.inputs}
    return Graph(tuple(reader.calls), outputs[output], tuple(outputs), given)


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
