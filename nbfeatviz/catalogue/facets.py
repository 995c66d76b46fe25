"""facets() -> the different kinds of picture that one unit likes, found among the user's own images.

After Nguyen, Yosinski and Clune, Multifaceted Feature Visualization, 2016: each facet's mean image is a start for the
recipe `multifaceted`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz.checks import is_whole
from nbfeatviz.images import ENDINGS, as_picture, fitted
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.quality import channel_means, values_of
from nbfeatviz.synthesis.run.arguments import whole


@dataclass(frozen=True, eq=False, repr=False)
class Facet:
    """One kind of picture.

    Attributes:
        image: float32 (H, W, C) in 0..1: the mean of the pictures nearest to the middle of the cluster; a `start=`.
        members: places of the cluster's pictures among those that were given, the nearest first.
        nearest: how many of them make the mean.
        names: their file names, or "image 3".
        activations: (len(members),): the objective's value for each.
    """

    image: np.ndarray
    members: tuple[int, ...]
    nearest: int
    names: tuple[str, ...]
    activations: np.ndarray

    def __repr__(self) -> str:
        size = "×".join(map(str, self.image.shape))
        return f"<Facet: {size}, the mean of {self.nearest} of {len(self.members)} images>"


@dataclass(frozen=True, eq=False, repr=False)
class Facets(Sequence[Facet]):
    """The facets, the largest cluster first.

    Attributes:
        found: the facets.
        skipped: (name, why) of images that could not be read.
    """

    found: tuple[Facet, ...]
    skipped: tuple[tuple[str, str], ...] = ()

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, place: Any) -> Any:
        return self.found[place]

    def __repr__(self) -> str:
        lines = [f"<Facets: {len(self)} found, {len(self.skipped)} skipped>", *map(repr, self.found)]
        return "\n  ".join(lines)


def facets(
    net: Network,
    objective: Objective,
    images: Any,
    *,
    clusters: int = 10,
    nearest: int = 15,
    components: int = 50,
    best: int | None = None,
    layer: str | None = None,
    seed: int = 0,
) -> Facets:
    """Finds the facets of a unit in a folder of images.

    The images that activate the objective most are embedded by a late layer (means over positions where it has any),
    reduced to their principal components, and clustered by k-means; the published t-SNE between the two is left out.

    Args:
        net: network.
        objective: the unit, such as `objectives.class_logit("kit fox")`.
        images: a folder, or paths, PIL images or arrays.
        clusters: number of facets.
        nearest: how many pictures, nearest to a cluster's middle, make its mean image.
        components: principal components at most.
        best: use that many images that activate the objective most; None for all.
        layer: path of the embedding layer; None for what feeds the network's last one.
        seed: of the clustering.

    Returns:
        A sequence of `Facet`; `skipped` names the images that could not be read.

    Raises:
        ValueError: a folder without images, or fewer images than clusters.
        TypeError: wrong types.
    """
    if not isinstance(net, Network):
        raise TypeError(f"{net!r} is not a Network: nbfeatviz.load(...) makes one.")
    if not isinstance(objective, Objective):
        raise TypeError(f"{objective!r} is not an objective: objectives.class_logit(target) makes one.")
    limits = {"clusters": clusters, "nearest": nearest, "components": components, "best": 1 if best is None else best}
    for name, value in limits.items():
        if not is_whole(value):
            raise TypeError(f"{name} is a whole number, not {value!r} ({type(value).__name__}).")
        if value < 1:
            raise ValueError(f"{name} {value!r} is out of range: give at least 1.")
    whole("seed", seed, 0, 2**31 - 1)
    objective.resolved(net)
    pictures, names, places, skipped = _read(net, images)
    kept = len(pictures) if best is None else min(best, len(pictures))
    if kept < clusters:
        lost = f" ({len(skipped)} could not be read: {', '.join(name for name, _ in skipped[:3])})" if skipped else ""
        raise ValueError(
            f"{clusters} clusters need at least as many images; there are {kept}{lost}. Give more images, or "
            f"clusters={max(kept, 1)}."
        )
    values = values_of(net, objective, pictures)
    chosen = np.sort(np.argsort(-values, kind="stable")[:kept])
    embedded = principal_components(channel_means(net, layer or _late_layer(net), pictures[chosen]), components)
    labels, middles = k_means(embedded, clusters, seed)
    found = []
    for label in np.argsort(-np.bincount(labels, minlength=clusters), kind="stable"):
        inside = np.flatnonzero(labels == label)
        order = inside[np.argsort(np.linalg.norm(embedded[inside] - middles[label], axis=1), kind="stable")]
        members = chosen[order]
        found.append(
            Facet(
                image=pictures[members[:nearest]].mean(axis=0, dtype=np.float64).astype(np.float32),
                members=tuple(places[k] for k in members),
                nearest=min(nearest, len(members)),
                names=tuple(names[k] for k in members),
                activations=values[members],
            )
        )
    return Facets(tuple(found), tuple(skipped))


def principal_components(vectors: np.ndarray, count: int) -> np.ndarray:
    """Vectors (n, d) by their first principal components, (n, at most count); the mean is taken off."""
    centred = vectors - vectors.mean(axis=0)
    left, lengths, _ = np.linalg.svd(centred, full_matrices=False)
    return (left * lengths)[:, :count]


def k_means(points: np.ndarray, count: int, seed: int = 0, tries: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Lloyd's algorithm from k-means++ starts, the best of several; no cluster is empty.

    Args:
        points: (n, d).
        count: number of clusters, at most n.
        seed: of the starts.
        tries: how many starts.

    Returns:
        Labels (n,) and middles (count, d).
    """
    random = np.random.default_rng(seed)
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    for _ in range(tries):
        middles = _spread(points, count, random)
        labels = np.full(len(points), -1)
        for _ in range(100):
            distances = ((points[:, None] - middles[None]) ** 2).sum(-1)
            nearest = distances.argmin(1)
            for empty in set(range(count)) - set(nearest):  # it takes the worst placed point of a cluster with others
                movable = np.bincount(nearest, minlength=count)[nearest] > 1
                nearest[np.where(movable, distances[np.arange(len(points)), nearest], -1).argmax()] = empty
            if (nearest == labels).all():
                break
            labels = nearest
            middles = np.stack([points[labels == label].mean(0) for label in range(count)])
        cost = float(((points - middles[labels]) ** 2).sum())
        if best is None or cost < best[0]:
            best = cost, labels, middles
    assert best is not None
    return best[1], best[2]


def _spread(points: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Starting middles far from each other (Arthur and Vassilvitskii 2007)."""
    middles = [points[random.integers(len(points))]]
    for _ in range(count - 1):
        square = np.min([((points - middle) ** 2).sum(1) for middle in middles], axis=0)
        total = square.sum()
        middles.append(points[random.choice(len(points), p=square / total if total > 0 else None)])
    return np.stack(middles)


def _late_layer(net: Network) -> str:
    """What feeds the head."""
    inputs = net.call(net.head_layer.path).inputs
    return net.graph.calls[inputs[0]].path if inputs else net.head_layer.path


def _read(net: Network, images: Any) -> tuple[np.ndarray, list[str], list[int], list[tuple[str, str]]]:
    """Pictures (n, H, W, C), their names, their places among what was given, and what was skipped and why."""
    given = _listed(images)
    pictures, names, places, skipped = [], [], [], []
    for place, image in enumerate(given):
        name = Path(image).name if isinstance(image, str | os.PathLike) else f"image {place}"
        try:
            picture = fitted(as_picture(image, net.contract.channels), net.contract.size)
        except (ValueError, TypeError) as error:
            skipped.append((name, str(error)))
            continue
        pictures.append(picture)
        names.append(name)
        places.append(place)
    if not pictures:
        first = f" The first: {skipped[0][1]}" if skipped else ""
        raise ValueError(f"none of the {len(given)} images could be read.{first}")
    return np.stack(pictures), names, places, skipped


def _listed(images: Any) -> list[Any]:
    if isinstance(images, str | os.PathLike):
        folder = Path(images)
        if not folder.is_dir():
            raise ValueError(f"there is no folder {str(images)!r}: give a folder of images, or a list of them.")
        given: list[Any] = sorted(file for file in folder.iterdir() if file.suffix.lower() in ENDINGS)
        if not given:
            raise ValueError(f"the folder {str(images)!r} has no images (JPEG, PNG, WebP, ...).")
        return given
    if not isinstance(images, Iterable):
        raise TypeError(f"images are a folder or a list of images, not {images!r} ({type(images).__name__}).")
    given = list(images)
    if not given:
        raise ValueError("no images were given: a folder, or a list of images, is needed.")
    return given
