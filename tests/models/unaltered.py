"""Everything of a model that looking into it must leave as it was."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras


def state_of(model: keras.Model) -> dict[str, Any]:
    """By name; two of them are equal if nothing was altered."""
    parts = list(_operations(model, set()))
    every = [part for part in parts if isinstance(part, keras.layers.Layer)]
    return {
        "variables": [(variable.path, variable.numpy().tobytes()) for variable in model.variables],
        "random states": [
            generator.state.numpy().tobytes()
            for layer in every
            for generator in vars(layer).values()
            if isinstance(generator, keras.random.SeedGenerator)
        ],
        "configurations": [_configuration(part) for part in parts],
        "nodes": [(part.name, len(part._inbound_nodes), len(part._outbound_nodes)) for part in parts],
        "names": [part.name for part in parts],
        "trainable": [layer.trainable for layer in every],
        "trainable variables": [variable.path for variable in model.trainable_variables],
        "policies": [layer.dtype_policy.name for layer in every],
        "activations": [id(getattr(layer, "activation", None)) for layer in every],
        "quantized": [getattr(layer, "quantization_mode", None) for layer in every],
        "losses": len(model.losses),
        "calls": [id(getattr(layer.call, "__func__", layer.call)) for layer in every],
        "compiled": (model.compiled, id(model.optimizer) if model.compiled else None),
    }


def _operations(part: Any, seen: set[int]) -> Iterator[Any]:
    """A model, all its layers and operations, and what is inside of those."""
    if id(part) in seen:
        return
    seen.add(id(part))
    yield part
    inside = [*getattr(part, "operations", ()), *getattr(part, "_layers", ())]
    for inner in inside:
        yield from _operations(inner, seen)


def _configuration(part: Any) -> str:
    try:
        return repr(part.get_config())
    except (NotImplementedError, RuntimeError) as error:
        return f"none: {type(error).__name__}"
