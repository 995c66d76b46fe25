"""Terms about a photo: the activations (content) or the statistics (style) that a picture is to share with it."""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.objective_terms.terms import bits, check_layer, number_of

Statistic = Literal["gram", "moments"]


class Photo:
    """A photo of the user's, and what networks gave for it: so that a moved weight computes nothing anew.

    Args:
        image: path, PIL image or array.
        name: what one that has no path is called in Python.
    """

    def __init__(self, image: Any, name: str = "photo") -> None:
        self.image, self.name = image, name
        self._known: weakref.WeakKeyDictionary[Network, dict[Any, np.ndarray]] = weakref.WeakKeyDictionary()

    def __repr__(self) -> str:
        return repr(str(self.image)) if isinstance(self.image, str | os.PathLike) else self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Photo) and repr(self) == repr(other) and (
            self.image is other.image or isinstance(self.image, str | os.PathLike)
        )  # fmt: skip

    def __hash__(self) -> int:
        return hash(repr(self))

    def activation(self, network: Network, tap: Tap, size: tuple[int, int] | None) -> np.ndarray:
        """The network's value at a tap for the photo, fitted by centre crop: float32 (h, w, units) or (units,)."""
        size = size or network.contract.size
        network.refresh()
        known = self._known.setdefault(network, {})
        key = network.version, tap, size
        if key not in known:
            for other in [other for other in known if other[0] != network.version]:
                del known[other]  # of weights that the network had before
            picture = fitted(as_picture(self.image, network.contract.channels), size)
            backbone = Backbone(network, [tap])
            compute = network.compiled(("activation", tap, size), lambda: lambda pictures: backbone(pictures)[tap])
            known[key] = np.asarray(compute(tf.constant(picture[None], tf.float32)), np.float32)[0]
        return known[key]


@dataclass(frozen=True)
class _Alike:
    """Reads −mean (s(A) − s(photo))² ÷ mean s(photo)², s a statistic of activations."""

    statistic: str

    def measure(self, activation: Any, values: Any) -> Any:
        found, wanted = statistic_of(tf.cast(activation, tf.float32), self.statistic), number_of(values)
        _check_counts(found, wanted, "content")
        return -tf.reduce_mean(tf.square(found - wanted), axis=1) / (tf.reduce_mean(tf.square(wanted), axis=1) + 1e-12)


@dataclass(frozen=True)
class _Exaggerated:
    """Reads (a·p ÷ ‖p‖²) · max(0.1, a·p ÷ ‖p‖)^power, a the activations and p the photo's.

    Attributes:
        power: whether there is one; its value is the last of the values.
    """

    power: bool

    def measure(self, activation: Any, values: Any) -> Any:
        numbers = number_of(values)
        found, wanted = statistic_of(tf.cast(activation, tf.float32), "values"), numbers[:, :-1]
        _check_counts(found, wanted, "caricature")
        dot, norm = tf.reduce_sum(found * wanted, axis=1), tf.norm(wanted, axis=1) + 1e-6
        factor = tf.pow(tf.maximum(0.1, dot / norm), numbers[:, -1]) if self.power else 1.0
        return dot / tf.square(norm) * factor


def _check_counts(found: Any, wanted: Any, name: str) -> None:
    """ValueError where the network sees pictures of another size than the photo was."""
    if found.shape[1] is not None and wanted.shape[1] is not None and found.shape[1] != wanted.shape[1]:
        raise ValueError(
            f"the photo gave {wanted.shape[1]} values and the picture gives {found.shape[1]}: a recipe that crops "
            f"cannot be used with {name}."
        )


def statistic_of(activation: Any, statistic: str) -> Any:
    """(batch, n) of activations (batch, ..., units): "values" as they are, "gram" A'A / (h w), or "moments"."""
    batch, units = tf.shape(activation)[0], activation.shape[-1]
    if statistic == "values":
        return tf.reshape(activation, [batch, int(np.prod(activation.shape[1:]))])
    flat = tf.reshape(activation, [batch, int(np.prod(activation.shape[1:-1])), units])
    if statistic == "gram":
        gram = tf.einsum("npu,npv->nuv", flat, flat) / float(flat.shape[1])
        return tf.reshape(gram, [batch, units * units])
    mean, variance = tf.nn.moments(flat, axes=[1])
    return tf.concat([mean, tf.sqrt(variance + 1e-12)], axis=1)


@dataclass(frozen=True, eq=False)
class _Resolved:
    """A term with the photo's statistic."""

    tap: Tap
    values: np.ndarray
    reader: _Alike | _Exaggerated


@dataclass(frozen=True)
class Content:
    """Minus the distance of a layer's activations from those of a photo, 0 where they are equal (Mahendran 2015)."""

    layer: str
    photo: Photo = field(hash=True)
    pre_activation: bool = False

    def __str__(self) -> str:
        return f"content({self.layer!r}, {self.photo!r}{', pre_activation=True' * self.pre_activation})"

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> _Resolved:
        """With the photo's activations."""
        check_layer(network, self.layer)
        tap = network.unit_tap(self.layer, self.pre_activation)
        return _Resolved(tap, bits(self.photo.activation(network, tap, size)), _Alike("values"))


@dataclass(frozen=True)
class Caricature:
    """How strongly a layer answers as it does for a photo, its length left free (Lucid's caricature, 2018)."""

    layer: str
    photo: Photo
    power: float = 0.0
    pre_activation: bool = False

    def __str__(self) -> str:
        power = f", power={self.power!r}" if self.power else ""
        return f"caricature({self.layer!r}, {self.photo!r}{power}{', pre_activation=True' * self.pre_activation})"

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> _Resolved:
        """With the photo's activations."""
        check_layer(network, self.layer)
        tap = network.unit_tap(self.layer, self.pre_activation)
        found = self.photo.activation(network, tap, size)
        if not found.any():
            raise ValueError(f"{self.layer!r} answers 0 everywhere for {self.photo!r}: there is nothing to exaggerate.")
        return _Resolved(tap, bits(np.append(found, self.power)), _Exaggerated(bool(self.power)))


@dataclass(frozen=True)
class Style:
    """Minus the distance of statistics of activations, summed over layers (Gatys et al. 2016; Li et al. 2017)."""

    layers: tuple[str, ...]
    photo: Photo
    statistic: Statistic = "gram"

    def __str__(self) -> str:
        other = "" if self.statistic == "gram" else f", statistic={self.statistic!r}"
        return f"style({list(self.layers)}, {self.photo!r}{other})"

    def resolved(self, network: Network, size: tuple[int, int] | None = None) -> list[tuple[float, _Resolved]]:
        """One term a layer, with the photo's statistics."""
        terms = []
        for layer in self.layers:
            check_layer(network, layer, positions=True)
            tap = network.unit_tap(layer)
            found = statistic_of(tf.constant(self.photo.activation(network, tap, size)[None]), self.statistic)
            terms.append((1.0, _Resolved(tap, bits(found), _Alike(self.statistic))))
        return terms
