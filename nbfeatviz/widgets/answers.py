"""Answers: what each photo tab shows, as messages for the page made of what `nbfeatviz.attribution` computes.

Every function is a generator of `Answer`s, so that long work can be shown as it goes, and dropped.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbfeatviz.attribution.activations import checked_layer, filters
from nbfeatviz.attribution.evaluation import deletion_insertion_steps
from nbfeatviz.attribution.integrated import residual
from nbfeatviz.attribution.methods import METHODS
from nbfeatviz.attribution.passes import at_layer, layers_pass, outputs_of, shared_layers
from nbfeatviz.attribution.question import Question
from nbfeatviz.attribution.randomization import Stage, randomization_stages
from nbfeatviz.attribution.spatial import chosen_layer
from nbfeatviz.encoding import to_uint8
from nbfeatviz.widgets.analyst import Answer, Kept

LARGEST_CELL = 48  # a channel's picture in the grid; the large view has all of it
FAITHFULNESS_STEPS = 16
RANDOMIZED_STAGES = 7


@dataclass(frozen=True, eq=False)
class View:
    """A question about the photo as it is fitted now.

    Attributes:
        question: the question.
        photo: what tells this photo, fitted this way, from any other.
        kept: results of this network.
    """

    question: Question
    photo: Hashable
    kept: Kept

    def key(self, *what: Hashable) -> Hashable:
        """The key of a result in `kept`."""
        question = self.question
        return (self.photo, question.structure, question.values, question.weights, *what)


@dataclass(frozen=True, eq=False)
class Compared:
    """A method's map, how faithful it is (`deletion_insertion`), and how long both took."""

    raw: np.ndarray
    deletion: float
    insertion: float
    seconds: float


def saliency(view: View, method: str, display: str) -> Iterator[Answer]:
    """The map of a gradient method; what is kept is the raw one, so another display computes nothing."""
    for done, total, raw in _maps(view, method):
        final = done == total
        text = ""
        if final and method == "integrated-gradients":
            text = f"completeness: {_residual(view, raw):.1%} off"
        shown = displayed(raw, display)
        signed = display == "signed" and METHODS[method].signed
        yield map_answer(shown, signed, _title(view, method), text, final, raw, done, total, crowded=True)


def _residual(view: View, raw: np.ndarray) -> float:
    """What is missing from completeness, kept."""
    found = view.kept.get(view.key("residual"))
    return view.kept.put(view.key("residual"), residual(view.question, raw), 8) if found is None else found


def class_activation(view: View, method: str, layer: str | None) -> Iterator[Answer]:
    """The map of a CAM method at a layer."""
    path = chosen_layer(view.question, layer)
    for done, total, raw in _maps(view, method, layer=path):
        shown = displayed(raw, "signed") if raw.ndim == 3 else raw
        title = _title(view, method, path)
        yield map_answer(shown, METHODS[method].signed, title, "", done == total, raw, done, total, raw.ndim == 3)


def occluded(view: View, patch: int | None, stride: int | None, fill: str) -> Iterator[Answer]:
    """The occlusion map, as it fills in."""
    options = {"patch": patch, "stride": stride, "fill": fill}
    for done, total, raw in _maps(view, "occlusion", **options):
        yield map_answer(raw, True, _title(view, "occlusion"), "drop of the value", done == total, raw, done, total)


def activation_grid(view: View, layer: str) -> Iterator[Answer]:
    """All channels of a layer; bars for a layer without positions."""
    values = layer_output(view, layer)
    if values.ndim == 1:
        yield _bars(view, layer, values)
        return
    if values.ndim != 3:
        raise ValueError(f"{layer!r} gives {' × '.join(map(str, values.shape))} values: choose a layer with channels.")
    height, width, count = values.shape
    channels = np.moveaxis(values, -1, 0)
    cells = _reduced(channels)
    flat = channels.reshape(count, -1)
    low, high = cells.min(axis=(1, 2)), cells.max(axis=(1, 2))
    span = np.where(high > low, high - low, 1)[:, None, None]
    pixels = ((cells - low[:, None, None]) / span * 255 + 0.5).astype(np.uint8)
    figures = np.stack([flat.mean(axis=1), flat.max(axis=1), low, high], axis=1).astype(np.float32)
    content = {
        "kind": "grid",
        "layer": layer,
        "count": count,
        "cell": cells.shape[1:],
        "shape": (height, width),
    }
    yield Answer(content, (pixels.tobytes(), figures.tobytes()), raw=values)
    try:
        pictures = filters(view.question.network, layer)
    except ValueError:
        return  # only a convolution on the picture itself has weights that are pictures
    pictures = pictures if pictures.shape[-1] == 3 else np.repeat(pictures, 3, axis=-1)
    content = {"kind": "filters", "layer": layer, "count": count, "size": pictures.shape[1:3]}
    yield Answer(content, (to_uint8(pictures).tobytes(),))


def layer_output(view: View, layer: str) -> np.ndarray:
    """A layer's output for the photo, kept."""
    question = view.question
    path = checked_layer(question.network, layer)
    key = (view.photo, "activations", path)
    values = view.kept.get(key)
    if values is None:
        if path in shared_layers(question) and layers_pass(question, path).compiled:
            with contextlib.suppress(ValueError):  # no gradient there: its values are needed all the same
                values = at_layer(question, path)[0]
        if values is None:
            values = outputs_of(question.network, question.picture, path, eager=True)
        if not np.isfinite(values).all():
            raise ValueError(_not_finite(f"the output of {path!r}"))
        view.kept.put(key, values, values.nbytes)
    return values


def one_channel(layer: str, unit: int, values: np.ndarray) -> Answer:
    """One channel (h, w) in full."""
    content, buffer = quantized(values, signed=bool(values.min() < 0))
    figures = {"mean": float(values.mean()), "max": float(values.max())}
    return Answer({"kind": "channel", "layer": layer, "unit": unit, **content, **figures}, (buffer,))


def compared(view: View, methods: tuple[str, ...]) -> Iterator[Answer]:
    """Several methods side by side, each with its deletion and insertion areas.

    A method that cannot be used here does not keep the others from being shown.

    Raises:
        ValueError: at the end, what was refused and why.
    """
    refused: list[str] = []
    for number, name in enumerate(methods):
        try:
            yield from _compared(view, name, number, len(methods))
        except ValueError as error:
            refused.append(str(error))
    if refused:
        raise ValueError(" · ".join(dict.fromkeys(refused)))


def _compared(view: View, name: str, number: int, count: int) -> Iterator[Answer]:
    title = METHODS[name].title
    result: Compared | None = view.kept.get(view.key("compared", name))
    if result is None:
        begun, raw = time.monotonic(), np.empty(0)
        for done, total, raw in _maps(view, name):  # noqa: B007 (the last one counts)
            yield _progress(number, count, done / total / 2, title)
        for curves in deletion_insertion_steps(view.question, raw, steps=FAITHFULNESS_STEPS):
            share = len(curves.fractions) / (FAITHFULNESS_STEPS + 1)
            yield _progress(number, count, (1 + share) / 2, title)
        result = Compared(raw, curves.deletion_auc, curves.insertion_auc, time.monotonic() - begun)
        view.kept.put(view.key("compared", name), result, raw.nbytes)
    content, buffer = quantized(*_small(name, result.raw), crowded=True)
    content |= {"kind": "compared", "method": name, "title": title, "seconds": result.seconds}
    content |= {"deletion": result.deletion, "insertion": result.insertion}
    yield Answer(content, (buffer,), number + 1, count)


def _small(method: str, raw: np.ndarray) -> tuple[np.ndarray, bool]:
    """A map (H, W) of any method for a comparison, and whether it has both signs."""
    return (displayed(raw, "mean"), False) if raw.ndim == 3 else (raw, METHODS[method].signed)


def randomized(view: View, method: str) -> Iterator[Answer]:
    """The sanity check: the map from the trained network to one with random weights."""
    title = METHODS[method].title
    key = view.key("randomized", method)
    stages: tuple[Stage, ...] | None = view.kept.get(key)
    fresh: list[Stage] = []
    for number, stage in enumerate(
        stages or randomization_stages(view.question, method=method, stages=RANDOMIZED_STAGES, eager=True)
    ):
        fresh.append(stage)
        content, buffer = quantized(*_small(method, stage.map), crowded=True)
        content |= {"kind": "stage", "method": method, "title": title, "number": number, "layer": stage.layer or ""}
        content["similarity"] = stage.similarity
        yield Answer(content, (buffer,), number + 1, RANDOMIZED_STAGES, f"randomizing · {title}")
    view.kept.put(key, tuple(fresh), sum(stage.map.nbytes for stage in fresh))


def displayed(raw: np.ndarray, display: str) -> np.ndarray:
    """(H, W) of a map (H, W, C): the largest or mean magnitude over the channels, or their signed sum."""
    if display == "signed":
        return raw.sum(axis=-1)
    magnitudes = np.abs(raw)
    return magnitudes.max(axis=-1) if display == "max" else magnitudes.mean(axis=-1)


def quantized(values: np.ndarray, signed: bool, crowded: bool = False) -> tuple[dict[str, Any], bytes]:
    """A map as the page takes it: 65,536 steps from `low` to `high`, and the `limit` of the colour scale.

    A few pixels of a saliency map are many times as large as all others, which would leave it dark: a `crowded`
    map's colours end at its 99.5th percentile. The values themselves are all there.
    """
    if not np.isfinite(values).all():
        raise ValueError(_not_finite("the map"))
    values = values.astype(np.float64)
    top = float(np.abs(values).max())
    low, high = (-top, top) if signed else (min(0.0, float(values.min())), float(values.max()))
    steps = (values - low) / ((high - low) or 1.0) * 65535
    limit = float(np.percentile(np.abs(values), 99.5)) if crowded else top
    content = {"shape": values.shape, "low": low, "high": high, "signed": signed, "limit": limit or top}
    return content, np.round(steps).astype("<u2").tobytes()


def _not_finite(what: str) -> str:
    return f"{what} holds NaN or infinity, so it cannot be shown: are the network's weights damaged?"


def map_answer(
    values: np.ndarray, signed: bool, title: str, text: str, final: bool, raw: np.ndarray, done: int, total: int,
    crowded: bool = False,
) -> Answer:  # fmt: skip
    """A map as a message."""
    content, buffer = quantized(values, signed, crowded)
    content |= {"kind": "map", "title": title, "text": text, "final": final}
    return Answer(content, (buffer,), done, total, raw=raw if final else None)


def _maps(view: View, method: str, **options: Any) -> Iterator[tuple[int, int, np.ndarray]]:
    """(done, total, map so far) of a method; the final map is kept."""
    key = view.key(method, tuple(sorted(options.items())))
    kept = view.kept.get(key)
    if kept is not None:
        yield 1, 1, kept
        return
    one_pass = METHODS[method].start
    for piece in one_pass(view.question, eager=_waits_for_one(method), **options):
        if piece.done == piece.total:
            view.kept.put(key, piece.map, piece.map.nbytes)
        yield piece.done, piece.total, piece.map


def _waits_for_one(method: str) -> bool:
    """Whether a method is one pass, which is quicker as it is than compiled; many passes are not."""
    return method not in ("smooth-grad", "var-grad", "integrated-gradients", "score-cam", "occlusion")


def _bars(view: View, layer: str, values: np.ndarray) -> Answer:
    network = view.question.network
    is_head = layer == network.head_layer.path
    names = list(network.layers[layer].unit_names or (network.class_names if is_head else ()) or ()) or None
    shown = values
    if is_head:
        shown = _softmax(values) if network.head == "softmax" else 0.5 + 0.5 * np.tanh(values / 2)
    content = {"kind": "bars", "layer": layer, "count": len(values), "names": names, "probabilities": is_head}
    return Answer(content, (shown.astype(np.float32).tobytes(),), raw=values)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _reduced(channels: np.ndarray) -> np.ndarray:
    """Channels (n, h, w) with sides of at most 48, blocks averaged; the edge is repeated where blocks do not fit."""
    _, height, width = channels.shape
    factor = -(-max(height, width) // LARGEST_CELL)
    if factor == 1:
        return channels
    padded = np.pad(channels, ((0, 0), (0, -height % factor), (0, -width % factor)), mode="edge")
    blocks = padded.reshape(len(channels), padded.shape[1] // factor, factor, padded.shape[2] // factor, factor)
    return blocks.mean(axis=(2, 4))


def _progress(number: int, count: int, share: float, text: str) -> Answer:
    return Answer(done=round(100 * (number + share)), total=100 * count, text=text)


def _title(view: View, method: str, layer: str = "") -> str:
    return " · ".join(part for part in (METHODS[method].title, layer, view.question.label) if part)


def relabelled(question: Question, label: str) -> Question:
    """The same question under a name for people."""
    return replace(question, label=label)
