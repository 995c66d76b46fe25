"""Head: what a network's output means, and where in the graph its logits are.

The logits are a place: what enters the last softmax or sigmoid. That is recognized by what it does, not by its name:
some pictures are sent through, and what comes out must be the softmax (or sigmoid) of what went in. Layers behind it
that keep all values (Flatten, Reshape, a cast, `Activation("linear")`, Dropout) are walked back through in the same
way. Nothing is built, so the place is the user's own layers with the weights they have at any time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbfeatviz.engine import keras, tf
from nbfeatviz.networks.contract import InputContract
from nbfeatviz.networks.graph.activations import before_activation, fused_activation, name_of
from nbfeatviz.networks.graph.calls import Call, Graph, Output
from nbfeatviz.networks.graph.inference import once

HEADS = ("softmax", "sigmoid", "linear")

_LONGEST_CHAIN = 16
_MANY_PIXELS = 640 * 640
_CLASSIFIER_NAMES = re.compile(r"logit|predict|class|softmax|sigmoid|label|prob|fc1000", re.IGNORECASE)
_VALUE_NAMES = re.compile(  # as words of their own: "age" is in "stage" and "image"
    r"(?<![a-z])(age|angle|b?box|boxes|coord(inate)?|distance|keypoint|landmark|regress\w*|score|value)s?(?![a-z])",
    re.IGNORECASE,
)
_SQUASHED = ("relu", "relu6", "leaky_relu", "tanh", "softplus", "elu", "selu", "exponential", "softsign")


class HeadError(ValueError):
    """What a person says of an output contradicts what it does."""


@dataclass(frozen=True)
class Head:
    """What one output of a network means.

    Attributes:
        kind: "softmax" or "sigmoid": what turns its logits into probabilities; "linear" for values as they are.
        chain: where the output is probabilities: the calls from the one that makes them to the output, each taking
            the one before; empty where the output is logits or values already.
        reached: whether what enters the first call of the chain is known to be the logits; where not, the logarithm of
            the probabilities (for a sigmoid that of the odds) stands for them.
        says: what is to be said to the person about what was assumed; None for nothing.
    """

    kind: str
    chain: tuple[int, ...] = ()
    reached: bool = True
    says: str | None = None


def read_head(
    graph: Graph,
    output: Output,
    inputs: Any,
    *,
    asked: str | None = None,
    loss: Any = None,
    named: bool = False,
    weights: Sequence[tuple[Any, Any]] = (),
) -> Head:
    """Finds out what an output means.

    Args:
        graph: calls of the network.
        output: one of its outputs.
        inputs: a few pictures in the network's own scaling (n, H, W, C), all different.
        asked: the kind that the person says it is; None to find out.
        loss: what that output was compiled with; None where it was not, or is not known.
        named: whether the outputs have names of classes.
        weights: as for `Graph.evaluate`.

    Raises:
        HeadError: `asked` contradicts what the output does.
    """
    path = _sole_inputs(graph, output)
    values = _values(replace(graph, output=output), path, inputs, weights)
    given = values[output.call][0]
    found = None if given.ndim < 2 or asked == "linear" else _probabilities(graph, path, values, asked, loss)
    if found is not None:
        if asked is not None and asked != found.kind:
            raise HeadError(
                f"head={asked!r} contradicts the model, whose output {graph.calls[output.call].path!r} ends in a "
                f"{found.kind}: give head={found.kind!r}, or head='linear' to look at its values as they are."
            )
        return found
    if asked is not None:
        return Head(asked)
    return _of_values(graph.calls[output.call], given, loss, named)


def _values(
    graph: Graph, calls: Sequence[int], inputs: Any, weights: Sequence[tuple[Any, Any]]
) -> dict[int, tuple[np.ndarray, np.ndarray | None]]:
    """By index the value of each call, and what it was before its activation, None where it has none; float64."""

    def both(inputs: Any) -> Any:
        before: dict[int, Any] = {}

        def note(call: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            activation = fused_activation(call) if call.index in calls else None
            if activation is None:
                return None
            before[call.index] = before_activation(call, args, kwargs)
            return activation(before[call.index])

        return graph.evaluate(inputs, calls, note, weights), before

    found, before = once(both, inputs)
    return {
        index: (_float64(value), _float64(before[index]) if index in before else None) for index, value in found.items()
    }


def _float64(value: Any) -> np.ndarray:
    return np.asarray(tf.cast(value, tf.float64))


def _probabilities(
    graph: Graph, path: Sequence[int], values: Mapping[int, Any], asked: str | None, loss: Any
) -> Head | None:
    """The head of an output that is probabilities; None where it is none."""
    given = values[path[0]][0]
    half = any(getattr(call.operation, "compute_dtype", "") in ("float16", "bfloat16") for call in graph.calls)
    tolerance = 0.03 if half else 1e-3  # bfloat16 has 8 bits, and a sum of a thousand values adds up their roundings
    if not np.isfinite(given).all() or given.min() < 0 or given.max() > 1 + tolerance:
        return None
    chain: list[int] = []
    for index, source in zip(path, [*path[1:], None], strict=True):
        chain.insert(0, index)
        value, raw = values[index]
        entering = raw if raw is not None or source is None else values[source][0]
        if entering is None:
            break
        for kind, function in (("softmax", _softmax), ("sigmoid", _sigmoid)):
            if _alike(function(entering), value, tolerance):
                constant = kind == "softmax" and value.shape[-1] == 1
                says = "is one value behind a softmax, which is 1 whatever the picture" if constant else None
                return Head(kind, tuple(chain), says=says)
        if raw is not None or not _alike(entering.ravel(), value.ravel(), tolerance):
            break
    sums = given.shape[-1] > 1 and bool(np.abs(given.sum(axis=-1) - 1).max() <= tolerance)
    maker = graph.calls[chain[0]]
    if not sums and ((asked or _kind_by_loss(loss)) != "sigmoid" or _is_plainly_linear(maker)):
        return None
    return Head(
        "softmax" if sums else "sigmoid",
        tuple(chain),
        reached=False,
        says=f"is probabilities that {maker.path!r} ({maker.kind}) makes inside, where their logits cannot be reached: "
        f"the logarithms of the {'probabilities' if sums else 'odds'} stand for them",
    )


def _sole_inputs(graph: Graph, output: Output) -> list[int]:
    """The output's call and, for as long as each takes one tensor only, those before it; without the input."""
    path: list[int] = []
    index = output.call
    while graph.calls[index].inputs and len(path) < _LONGEST_CHAIN:
        path.append(index)
        if len(graph.calls[index].inputs) != 1:
            break
        index = graph.calls[index].inputs[0]
    return path


def _alike(first: np.ndarray, second: np.ndarray, tolerance: float) -> bool:
    return first.shape == second.shape and bool(np.allclose(first, second, rtol=tolerance, atol=1e-6))


def _softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _sigmoid(values: np.ndarray) -> np.ndarray:
    return 0.5 + 0.5 * np.tanh(values / 2)


def _is_plainly_linear(call: Call) -> bool:
    """Whether it is a layer of Keras's own that applies no activation: what it gives is no probability."""
    return hasattr(call.operation, "kernel") and getattr(call.operation, "activation", None) in (
        None,
        keras.activations.linear,
    )


def _of_values(call: Call, given: np.ndarray, loss: Any, named: bool) -> Head:
    """What an output means that is no probabilities: by its loss, its activation, its names; else assumed."""
    by_loss = _kind_by_loss(loss)
    if by_loss is not None:
        return Head(by_loss)
    if given.ndim != 2:
        return Head("linear")  # a map of features
    if name_of(fused_activation(call) or call.operation) in _SQUASHED:
        return Head("linear")
    units, name = given.shape[-1], "" if call.automatic else call.path.rpartition("/")[2]
    if named or _CLASSIFIER_NAMES.search(name):
        return Head("sigmoid" if units == 1 else "softmax")
    if _VALUE_NAMES.search(name):
        return Head("linear")
    if units == 1:
        return Head("linear", says="is one value: assumed to be no logit but a quantity as it is")
    return Head("softmax", says=f"is {units} values: assumed to be the logits of a softmax")


def _kind_by_loss(loss: Any) -> str | None:
    """The kind of output that a loss is for; None where it does not tell."""
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", None) or type(loss).__name__
    name = re.sub(r"[^a-z]", "", str(name).lower())
    if loss is None:
        return None
    if re.search(r"binary|sigmoid", name):
        return "sigmoid"
    if re.search(r"categorical|softmax", name):
        return "softmax"
    if re.search(r"squared|absolute|^mse$|^mae$|^mape$|^msle$|huber|logcosh|cosine|poisson|tweedie", name):
        return "linear"
    return None


def output_names(model: keras.Model) -> list[tuple[str, ...]]:
    """By which names each output is known: its key, where the model gives a dict, and the name of its layer."""
    structure = None if isinstance(model, keras.Sequential) else model.output
    keys = structure if isinstance(structure, dict) else {}
    names = list(getattr(model, "output_names", None) or [model.layers[-1].name])
    return [
        (*(str(key) for key, one in keys.items() if one is tensor), name)
        for tensor, name in zip(model.outputs, names, strict=True)
    ]


def losses_of(model: keras.Model, saved: Any = None) -> list[Any]:
    """What each output was compiled with, in the model's order; None where that is not known.

    Args:
        model: the model.
        saved: the loss that it was compiled with before it was saved.
    """
    names = output_names(model)
    loss = getattr(model, "loss", None) if getattr(model, "compiled", False) else saved
    if isinstance(loss, dict):
        return [next((loss[name] for name in known if name in loss), None) for known in names]
    if isinstance(loss, list | tuple):
        return list(loss) if len(loss) == len(names) else [None] * len(names)
    return [loss] * len(names)


def probes(contract: InputContract) -> Any:
    """A few pictures, all different, in the network's own scaling."""
    random = np.random.default_rng(0)
    shape = (*contract.size, contract.channels)
    coarse = random.random((4, 4, contract.channels), np.float32)
    coarse = coarse[np.arange(shape[0]) * 4 // shape[0]][:, np.arange(shape[1]) * 4 // shape[1]]
    pictures = [random.random(shape, np.float32), coarse, np.zeros(shape, np.float32)]
    enough = 1 if shape[0] * shape[1] > _MANY_PIXELS else len(pictures)
    return contract.apply(np.stack(pictures[:enough]).astype(np.float32))
