"""What a model itself says of its input: by what it does to a picture before its first trained layer, or by its layers.

A name is no evidence: anybody may call a network "resnet50".
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.engine import keras, tf
from nbfeatviz.networks.compute.folding import keras_kind
from nbfeatviz.networks.graph.calls import Call, Graph
from nbfeatviz.networks.graph.inference import once
from nbfeatviz.networks.zoo.applications import applications, make_application

_RANGES = ((0.0, 1.0), (0.0, 255.0), (-1.0, 1.0))
_PROBED = (0.0, 1.0, 255.0, -1.0)
_ADAPTED = ("Normalization", "BatchNormalization")


@dataclass(frozen=True)
class RangeEvidence:
    """The values of black and white that a model is made for, and by which of its layers that is known."""

    low: float
    high: float
    layers: str


def range_evidence(graph: Graph, size: tuple[int, int], channels: int, dtype: str) -> RangeEvidence | None:
    """The input range that a model's own preprocessing is made for; None where it has none.

    Pictures of one value each are sent through all that comes before the first trained layers (at any depth: Rescaling,
    an adapted Normalization, a traced `preprocess_input`, a Lambda). The range is the one that comes out as networks
    like it: of about unit size or, as in caffe's, around 0 in bytes.

    Args:
        graph: calls of the model.
        size: (height, width) of its pictures.
        channels: of its pictures.
        dtype: of its input.
    """
    if tf.as_dtype(dtype).is_integer:
        return RangeEvidence(0.0, 255.0, f"an input of type {dtype}")
    passed, entering = _before_first_weights(graph)
    if not passed or not entering:
        return None
    found = [
        once(lambda given: graph.evaluate(given, entering), tf.fill([1, *size, channels], value)) for value in _PROBED
    ]
    for index in entering:
        middle = np.array([_in_the_middle(np.asarray(tf.cast(one[index], tf.float32))) for one in found])
        at = dict(zip(_PROBED, map(float, middle), strict=True))
        if np.isfinite(middle).all() and not np.allclose(middle, _PROBED, rtol=1e-3):
            chosen = _likely(at, any(keras_kind(call.operation) in _ADAPTED for call in passed))
            if chosen is not None:
                return RangeEvidence(*chosen, ", ".join(f"{call.path!r} ({call.kind})" for call in passed[:3]))
    return None


def _in_the_middle(values: np.ndarray) -> float:
    """The mean over channels in the middle of a picture (1, h, w, c), where no padding is; else the median."""
    if values.ndim != 4:
        return float(np.median(values))
    return float(values[0, values.shape[1] // 2, values.shape[2] // 2].mean())


def _before_first_weights(graph: Graph) -> tuple[list[Call], list[int]]:
    """The calls that a picture passes before any trained layer, and those whose output such a layer takes."""
    reached: set[int] = set()
    passed, entering = [], []
    for call in graph.calls:
        if isinstance(call.operation, keras.layers.InputLayer):
            if call.index not in graph.held:
                reached.add(call.index)
        elif call.inputs and reached.issuperset(call.inputs):
            if not getattr(call.operation, "weights", None) or keras_kind(call.operation) in _ADAPTED:
                reached.add(call.index)
                passed.append(call)
            else:
                entering += [index for index in call.inputs if index not in entering]
    used = set(graph.ancestors(entering))
    return [call for call in passed if call.index in used], entering


def _likely(at: dict[float, float], adapted: bool) -> tuple[float, float] | None:
    """The range whose ends come out as a network's first layer likes them; None where none does."""
    scores = {}
    for low, high in _RANGES:
        bottom, top = sorted((at[low], at[high]))
        largest, width = max(abs(bottom), abs(top)), top - bottom
        if 0.2 <= largest <= 400 and width >= 0.3 * largest:
            scores[low, high] = abs(np.log(largest / 1.5)) + abs(top + bottom) / 2 / width
    if not scores:
        return None
    if {(0.0, 1.0), (-1.0, 1.0)} <= scores.keys() and abs(at[0.0]) < 1e-6 and not adapted:
        del scores[-1.0, 1.0]  # a scaling without an offset says nothing of the sign
    return min(scores, key=scores.__getitem__)


def application_like(model: keras.Model, graph: Graph) -> str | None:
    """The network of keras.applications that has the convolutions of a model, or of a model inside it; None for none.

    The name only says which one to compare with: it is made, with random weights, and the kernels of its convolutions
    must be the model's.
    """
    known = {_squeezed(name): name for name in applications()}
    prefixes = ["", *dict.fromkeys(call.model for call in graph.calls if call.model)]
    for prefix in prefixes:
        title = prefix.rpartition("/")[2] if prefix else model.name
        match = re.fullmatch(r"(.*?)(?:_(\d\.\d+)_\d+)?(?:_\d+)?", title)
        name = known.get(_squeezed(match[1])) if match else None
        if name is None:
            continue
        own = _kernels(call.operation for call in graph.calls if call.model.startswith(prefix))
        options = {"alpha": float(match[2])} if match and match[2] else {}
        try:
            made = make_application(name, None, include_top=False, **options)
        except Exception:
            continue  # whatever it is, it is none of them
        wanted = _kernels(made.layers)
        if own and own == wanted:
            return name
    return None


def _kernels(layers: Any) -> Counter[Any]:
    """The convolutions by kind and kernel; those at the end that stand for dense layers (MobileNet's) left out."""
    found: Counter[Any] = Counter()
    for layer in layers:
        kernel = getattr(layer, "kernel", None)
        if keras_kind(layer) in ("Conv2D", "DepthwiseConv2D") and kernel is not None and layer.name != "conv_preds":
            found[keras_kind(layer), tuple(kernel.shape)] += 1
    return found


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
