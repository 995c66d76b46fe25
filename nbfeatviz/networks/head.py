"""The head of a classifier: the same model, ending in logits."""

from __future__ import annotations

from typing import Any

from nbfeatviz.engine import keras

_PROBABILITIES = ("softmax", "sigmoid")


@keras.saving.register_keras_serializable("nbfeatviz")
class Logits(keras.layers.Layer):
    """Stands where a softmax was, and passes its input on."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        """The input, whatever the mask."""
        return inputs


def with_logits(model: keras.Model) -> tuple[keras.Model, str]:
    """Takes a softmax or sigmoid off the end of a model, without altering the model.

    Args:
        model: Functional or Sequential.

    Returns:
        A model that ends in logits: the given one if it does already, else one that shares its layers (a
        copy of the whole where the softmax is inside a nested model, or shared with another model). And what
        turns the logits into probabilities: "softmax", or "sigmoid" (also for a single output). Of several
        outputs the first counts; the others stay as they are.
    """
    owner, last = _last_operation(model)
    head = _probabilities(last)
    if head is None:
        return model, "sigmoid" if model.outputs[0].shape[-1] == 1 else "softmax"
    if owner is not model or last.output is not model.outputs[0]:
        copy = keras.models.clone_model(
            model,
            clone_function=lambda layer: _linear(layer) if layer is last else layer.from_config(layer.get_config()),
            recursive=True,
        )
        copy.set_weights(model.get_weights())
        return keras.Model(copy.inputs[0], copy.outputs if copy.outputs[1:] else copy.outputs[0], name=model.name), head
    if not getattr(last, "weights", None):
        logits = last.input
    else:
        linear = _linear(last)
        logits = linear(last.input)
        linear.set_weights(last.get_weights())
    others = model.outputs[1:]
    return keras.Model(model.inputs[0], [logits, *others] if others else logits, name=model.name), head


def _last_operation(model: Any) -> tuple[Any, Any]:
    """What computes the output, and the (nested) model it stands in."""
    if isinstance(model, keras.Sequential):
        last = model.layers[-1]
    else:
        name = keras.tree.flatten(model.get_config()["output_layers"])[0]
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
    config = layer.get_config()
    if "activation" not in config:  # the layer Softmax, the operation keras.ops.softmax
        return Logits(name=layer.name)
    return layer.from_config({**config, "activation": "linear"})
