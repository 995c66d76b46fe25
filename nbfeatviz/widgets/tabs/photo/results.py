"""Answers: what each photo tab shows, as messages for the page made of what `nbfeatviz.attribution` computes.

Every function is a generator of `Result`s, so that long work can be shown as it goes, and dropped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nbfeatviz.attribution.activations import checked_layer, filters
from nbfeatviz.attribution.emptiness import silence
from nbfeatviz.attribution.integrated import residual
from nbfeatviz.attribution.methods import METHODS
from nbfeatviz.attribution.partial import Partial
from nbfeatviz.attribution.passes import at_layer, layers_pass, outputs_of, shared_layers
from nbfeatviz.attribution.question import Question
from nbfeatviz.attribution.spatial import chosen_layer
from nbfeatviz.encoding import to_uint8
from nbfeatviz.widgets.execution.chunked_task import Result, ResultCache

LARGEST_CELL = 48  # a channel's picture in the grid; the large view has all of it


@dataclass(frozen=True, eq=False)
class View:
    """A question about the photo as it is fitted now.

    Attributes:
        question: the question.
        photo: what tells this photo, fitted this way, from any other.
        cache: results of this network.
    """

    question: Question
    photo: Hashable
    cache: ResultCache

    def key(self, *what: Hashable) -> Hashable:
        """The key of a result in the cache."""
        question = self.question
        return (self.photo, question.network.version, question.structure, question.values, question.weights, *what)


def saliency(view: View, method: str, display: str) -> Iterator[Result]:
    """The map of a gradient method; what is kept is the raw one, so another display computes nothing."""
    for piece in map_of(view, method):
        text = ""
        if piece.done == piece.total and method == "integrated-gradients":
            text = f"completeness: {_residual(view, piece.map):.1%} off"
        signed = display == "signed" and METHODS[method].signed
        quantity = _quantity(view, METHODS[method].title)
        shown = displayed(piece.map, display)
        yield map_result(piece, shown, signed, _title(view, method), text, quantity=quantity, crowded=True)


def _residual(view: View, raw: np.ndarray) -> float:
    """What is missing from completeness, kept."""
    found = view.cache.get(view.key("residual"))
    return view.cache.put(view.key("residual"), residual(view.question, raw), 8) if found is None else found


def class_activation(view: View, method: str, layer: str | None) -> Iterator[Result]:
    """The map of a CAM method at a layer."""
    path = chosen_layer(view.question, layer)
    for piece in map_of(view, method, layer=path):
        coloured = piece.map.ndim == 3
        shown = displayed(piece.map, "signed") if coloured else piece.map
        quantity = _quantity(view, METHODS[method].title if coloured else "evidence")
        signed, title = METHODS[method].signed, _title(view, method, path)
        yield map_result(piece, shown, signed, title, quantity=quantity, crowded=coloured)


def occluded(view: View, patch: int | None, stride: int | None, fill: str) -> Iterator[Result]:
    """The occlusion map, as it fills in."""
    options = {"patch": patch, "stride": stride, "fill": fill}
    for piece in map_of(view, "occlusion", **options):
        yield map_result(piece, piece.map, True, _title(view, "occlusion"), quantity=_quantity(view, "drop"))


def activation_grid(view: View, layer: str) -> Iterator[Result]:
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
        "note": silence(layer, values) or "",
    }
    yield Result(content, (pixels.tobytes(), figures.tobytes()), raw=values)
    try:
        pictures = filters(view.question.network, layer)
    except ValueError:
        return  # only a convolution on the picture itself has weights that are pictures
    pictures = pictures if pictures.shape[-1] == 3 else np.repeat(pictures, 3, axis=-1)
    content = {"kind": "filters", "layer": layer, "count": count, "size": pictures.shape[1:3]}
    yield Result(content, (to_uint8(pictures).tobytes(),))


def layer_output(view: View, layer: str) -> np.ndarray:
    """A layer's output for the photo, kept."""
    question = view.question
    path = checked_layer(question.network, layer)
    key = (view.photo, "activations", path)
    values = view.cache.get(key)
    if values is None:
        if path in shared_layers(question) and layers_pass(question, path).compiled:
            with contextlib.suppress(ValueError):  # no gradient there: its values are needed all the same
                values = at_layer(question, path)[0]
        if values is None:
            values = outputs_of(question.network, question.picture, path, eager=True)
        view.cache.put(key, values, values.nbytes)
    return values


def one_channel(layer: str, unit: int, values: np.ndarray) -> Result:
    """One channel (h, w) in full."""
    content, buffer = quantized(values, signed=bool(values.min() < 0))
    figures: dict[str, Any] = {"quantity": "activation", "mean": float(values.mean()), "max": float(values.max())}
    figures["note"] = "" if values.any() else f"channel {unit} of {layer!r} is silent on this photo: 0 at every place."
    return Result({"kind": "channel", "layer": layer, "unit": unit, **content, **figures}, (buffer,))


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
        raise ValueError("the map holds NaN or infinity, so it cannot be shown: are the network's weights damaged?")
    values = values.astype(np.float64)
    top = float(np.abs(values).max())
    low, high = (-top, top) if signed else (min(0.0, float(values.min())), float(values.max()))
    steps = (values - low) / ((high - low) or 1.0) * 65535
    limit = float(np.percentile(np.abs(values), 99.5)) if crowded else top
    content = {"shape": values.shape, "low": low, "high": high, "signed": signed, "limit": limit or top}
    return content, np.round(steps).astype("<u2").tobytes()


def map_result(
    piece: Partial,
    shown: np.ndarray,
    signed: bool,
    title: str,
    text: str = "",
    *,
    quantity: str = "",
    crowded: bool = False,
) -> Result:
    """A piece of a map as a message; `shown` is what the page sees of it, `quantity` what its numbers are."""
    content, buffer = quantized(shown, signed, crowded)
    final = piece.done == piece.total
    content |= {
        "kind": "map",
        "title": title,
        "text": text,
        "quantity": quantity,
        "note": piece.empty or "",
        "final": final,
    }
    return Result(content, (buffer,), piece.done, piece.total, raw=piece.map if final else None)


def map_of(view: View, method: str, **options: Any) -> Iterator[Partial]:
    """The pieces of a method's map; the final one is kept."""
    key = view.key(method, tuple(sorted(options.items())))
    kept: Partial | None = view.cache.get(key)
    if kept is not None:
        yield replace(kept, done=1, total=1)
        return
    for piece in METHODS[method].start(view.question, eager=_waits_for_one(method), **options):
        if piece.done == piece.total:
            view.cache.put(key, piece, piece.map.nbytes)
        yield piece


def _waits_for_one(method: str) -> bool:
    """Whether a method is one pass, which is quicker as it is than compiled; many passes are not."""
    return method not in ("smooth-grad", "var-grad", "integrated-gradients", "score-cam", "occlusion")


def _bars(view: View, layer: str, values: np.ndarray) -> Result:
    network = view.question.network
    is_head = layer == network.head_layer.path
    names = list(network.layers[layer].unit_names or (network.class_names if is_head else ()) or ()) or None
    percent = is_head and network.probabilistic
    shown = np.asarray(network.interpreted(values[None]))[0] if percent else values
    content = {"kind": "bars", "layer": layer, "count": len(values), "names": names, "probabilities": percent}
    content["note"] = silence(layer, values) or ""
    return Result(content, (shown.astype(np.float32).tobytes(),), raw=values)


def _reduced(channels: np.ndarray) -> np.ndarray:
    """Channels (n, h, w) with sides of at most 48, blocks averaged; the edge is repeated where blocks do not fit."""
    _, height, width = channels.shape
    factor = -(-max(height, width) // LARGEST_CELL)
    if factor == 1:
        return channels
    padded = np.pad(channels, ((0, 0), (0, -height % factor), (0, -width % factor)), mode="edge")
    blocks = padded.reshape(len(channels), padded.shape[1] // factor, factor, padded.shape[2] // factor, factor)
    return blocks.mean(axis=(2, 4))


def _title(view: View, method: str, layer: str = "") -> str:
    return " · ".join(part for part in (METHODS[method].title, layer, view.question.label) if part)


def _quantity(view: View, what: str) -> str:
    """What the numbers of a map are, as in "drop of the logit of palace"."""
    question = view.question
    of = question.label or "the target"
    logit = question.network.probabilistic and not of.startswith("unit ")
    return f"{what} of {'the logit of ' if logit else ''}{of}"


def relabelled(question: Question, label: str) -> Question:
    """The same question under a name for people."""
    return replace(question, label=label)
