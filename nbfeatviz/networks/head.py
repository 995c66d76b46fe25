"""The head of a classifier: the same model, ending in logits."""

from __future__ import annotations

from typing import Any

import keras

_PROBABILITIES = ("softmax", "sigmoid")


def with_logits(model: keras.Model) -> tuple[keras.Model, str]:
    """Takes a softmax or sigmoid off the end of a model, without altering the model.

    Args:
        model: Functional or Sequential.

    Returns:
        A model that ends in logits: the given one if it does already, else one that shares its layers (a
        copy of the whole where the softmax is inside a nested model). And what turns the logits into
        probabilities: "softmax", or "sigmoid" (also for a single output).
    """
    if len(getattr(model, "outputs", None) or ()) != 1:
        return model, "softmax"
    owner, last = _last_operation(model)
    head = _probabilities(last)
    if head is None:
        return model, "sigmoid" if model.outputs[0].shape[-1] == 1 else "softmax"
    if owner is not model:
        copy = keras.models.clone_model(
            model,
            clone_function=lambda layer: _linear(layer) if layer is last else layer.from_config(layer.get_config()),
            recursive=True,
        )
        copy.set_weights(model.get_weights())
        return copy, head
    if not getattr(last, "weights", None):
        return keras.Model(model.inputs, last.input, name=model.name), head
    linear = _linear(last)
    logits = linear(last.input)
    linear.set_weights(last.get_weights())
    return keras.Model(model.inputs, logits, name=model.name), head


def _last_operation(model: Any) -> tuple[Any, Any]:
    """What computes the output, and the (nested) model it stands in."""
    if isinstance(model, keras.Sequential):
        last = model.layers[-1]
    else:
        name = model.get_config()["output_layers"]
        while not isinstance(name, str):
            name = next(iter(name.values())) if isinstance(name, dict) else name[0]
        last = next(operation for operation in model.operations if operation.name == name)
    if isinstance(last, keras.Model) and getattr(last, "inputs", None):
        return _last_operation(last)
    return model, last


def _probabilities(last: Any) -> str | None:
    """The name of the softmax or sigmoid that this layer or operation is or ends in."""
    activation = getattr(getattr(last, "activation", None), "__name__", "")
    kind = type(last).__name__.lower()
    return next((name for name in _PROBABILITIES if name in (activation, kind)), None)


def _linear(layer: Any) -> Any:
    """A new layer like this one, without its activation."""
    if isinstance(layer, keras.layers.Softmax):
        return keras.layers.Activation("linear", name=layer.name)
    return layer.from_config({**layer.get_config(), "activation": "linear"})
