"""How far a picture of a unit can be trusted: measures that a picture made for another unit fails.

Each is a function of arrays; what is compared are the mean responses over positions of all units of a layer.
`nbfeatviz.catalogue` takes them for every unit that it pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from nbfeatviz.engine import tf
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.networks.backbone import Backbone
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.quality.unit_measures import batches

_LEAST_LIKENESS = 0.02  # by which photographs of a unit must be more alike than any photographs


def rise_scores(means: np.ndarray, natural_mean: np.ndarray, natural_deviation: np.ndarray) -> np.ndarray:
    """How far a picture raises each unit of a layer, in standard deviations among photographs.

    Args:
        means: (..., units), the units' means over positions on pictures.
        natural_mean, natural_deviation: (units,) of these means among photographs.

    Returns:
        float64 of the shape of `means`: 0 as the mean photograph, any number. 0 for a unit that no photograph moves.
    """
    deviation = np.asarray(natural_deviation, np.float64)
    scale = np.where(deviation > 0, deviation, np.inf)
    return (np.asarray(means, np.float64) - np.asarray(natural_mean, np.float64)) / scale


def raised_above_others(scores: np.ndarray, unit: int) -> float | None:
    """The share of the other units of a layer that a picture raises less than its own.

    A picture that raises half of the layer alike shows what excites the network, not what this unit is about. The
    selectivity index of Morcos, Barrett, Rabinowitz and Botvinick, "On the importance of single directions for
    generalization", ICLR 2018, set among units in place of classes.

    Args:
        scores: (units,) of `rise_scores`.
        unit: the unit that the picture was made for.

    Returns:
        0 (all others rise more) to 1 (none does); .5 is what a picture made without this unit in view has on average;
        ties count half. None for the only unit of a layer.
    """
    others = np.delete(np.asarray(scores), unit)
    return _share_above(np.asarray(scores)[unit], others) if len(others) else None


def seed_agreement(effects: np.ndarray, others: np.ndarray) -> float | None:
    """Whether pictures of one unit from several seeds do the same to the network.

    What differs from seed to seed is what the optimization made up, or that the unit has several facets: Nguyen,
    Yosinski and Clune, "Multifaceted Feature Visualization", 2016; Olah, Mordvintsev and Schubert, "Feature
    Visualization" (on diversity), Distill 2017.

    Args:
        effects: (seeds, n), what each picture does, such as `rise_scores` of a layer without the unit itself.
        others: (m, n), the same of pictures of other units.

    Returns:
        (w - b) / (1 - b), with w the mean correlation of the unit's pictures with each other and b that with pictures
        of other units, cut to 0..1: 0 where they agree no more with each other than with pictures of other units, 1
        where all do the same. None with fewer than two pictures, or none of other units.
    """
    if len(effects) < 2 or not len(others):
        return None
    own, foreign = _centred(effects), _centred(others)
    pairs = np.triu_indices(len(own), 1)
    within, between = float((own @ own.T)[pairs].mean()), float((own @ foreign.T).mean())
    return _cut((within - between) / (1 - between)) if between < 1 - 1e-9 else 0.0


def class_probability(judge: Network, pictures: np.ndarray, names: Sequence[str | None]) -> np.ndarray:
    """The probability that another network gives to a class, on pictures that were made for it.

    A picture that another network recognizes shows the class and not a weakness of one network: Nguyen, Dosovitskiy,
    Yosinski, Brox and Clune, "Synthesizing the preferred inputs for neurons in neural networks via deep generator
    networks", NeurIPS 2016 (transfer to other networks); Szegedy et al., "Intriguing properties of neural networks",
    ICLR 2014, for what such pictures are otherwise.

    Args:
        judge: the other network.
        pictures: (n, H, W, C) in 0..1; they are fitted to its size and channels.
        names: of the class of each picture, in any case; None for a picture of no class.

    Returns:
        float64 (n,), 0 to 1; NaN for a class that the judge does not know.
    """
    known = {name.casefold(): place for place, name in reversed(list(enumerate(judge.class_names or ())))}
    places = [-1 if name is None else known.get(name.casefold(), -1) for name in names]
    contract = judge.contract
    given = np.stack([fitted(as_picture(one, contract.channels), contract.size) for one in pictures])
    judge.refresh()
    compute = judge.compiled(("class probability", given.shape[1:]), lambda: _probabilities(judge))
    answers = np.concatenate([np.asarray(compute(part), np.float64)[:used] for part, used in batches(given, 16)])
    return np.where(np.array(places) >= 0, answers[np.arange(len(answers)), places], np.nan)


def _probabilities(judge: Network) -> Callable[[Any], Any]:
    backbone = Backbone(judge, [judge.logits], fast=True)
    return lambda pictures: judge.probabilities(tf.cast(backbone(pictures)[judge.logits], tf.float32))


def natural_path(
    picture: Sequence[np.ndarray], strongest: Sequence[np.ndarray], random: Sequence[np.ndarray]
) -> float | None:
    """Whether a picture goes through the layers as the photographs do that excite its unit.

    Geirhos, Zimmermann, Bilodeau, Brendel and Kim, "Don't trust your eyes: on the (un)reliability of feature
    visualizations", ICML 2024, section 4: the Spearman correlation of the responses of a layer's units to the picture
    and to photographs that excite the unit, set in relation to that among these photographs, with random ones as the
    zero. Here they are averaged over the layers before the ratio is taken, so that a layer at which photographs of the
    unit are not alike counts little.

    Args:
        picture: for each of some layers (units,) of length 1, from `rank_directions`.
        strongest: likewise (k, units) of the photographs that excite the unit most.
        random: likewise (m, units) of any photographs.

    Returns:
        (p - r) / (s - r), with p, s and r the mean correlations of the picture, of the strongest photographs and of
        random ones with the strongest, cut to 0..1: 0 as a random photograph, 1 as one that excites the unit. None
        without layers, with fewer than two strongest or no random photographs, or where the strongest are no more
        alike than any.
    """
    if not len(picture) or len(strongest[0]) < 2 or not len(random[0]):
        return None
    own, among, zero = [], [], []
    for one, strong, any_ in zip(picture, strongest, random, strict=True):
        own.append((strong @ one).mean())
        among.append((strong @ strong.T)[np.triu_indices(len(strong), 1)].mean())
        zero.append((strong @ any_.T).mean())
    span = float(np.mean(among) - np.mean(zero))
    return _cut((float(np.mean(own)) - float(np.mean(zero))) / span) if span > _LEAST_LIKENESS else None


def rank_directions(values: np.ndarray) -> np.ndarray:
    """Vectors (..., n) whose inner products are the Spearman correlations of some values; 0 where all are equal."""
    given = np.asarray(values)
    flat = given.reshape(-1, given.shape[-1])
    ranks = np.empty(flat.shape, np.float64)
    for row, one in enumerate(flat):
        ordered = np.sort(one)
        ranks[row] = np.searchsorted(ordered, one, "left") + np.searchsorted(ordered, one, "right")
    return _centred(ranks).astype(np.float32).reshape(given.shape)


def two_choice(picture: np.ndarray, strongest: np.ndarray, weakest: np.ndarray) -> float | None:
    """How often a picture lies nearer to a photograph that excites its unit than to one that does not.

    The task that Zimmermann, Borowski, Geirhos, Bethge, Wallis and Brendel, "How Well do Feature Visualizations Support
    Causal Understanding of CNN Activations?", NeurIPS 2021, gave to people, done by a network's features as in
    Zimmermann, Klindt and Brendel, "Measuring Mechanistic Interpretability at Scale Without Humans", NeurIPS 2024.

    Args:
        picture: (n,), its features.
        strongest: (k, n) of the photographs that excite the unit most.
        weakest: (j, n) of those that excite it least.

    Returns:
        The share of the k · j pairs in which the cosine with the strong one is larger, 0 to 1; .5 is chance; ties
        count half. None without a pair.
    """
    if not len(strongest) or not len(weakest):
        return None
    own = _directions(picture[None])[0]
    near, far = _directions(strongest) @ own, _directions(weakest) @ own
    return float(np.mean([_share_above(one, far) for one in near]))


def above_chance(share: float) -> float:
    """A share of two choices as 0 (chance or less) to 1."""
    return _cut(2 * share - 1)


def _share_above(value: float, others: np.ndarray) -> float:
    """The share of values below one; equal ones count half."""
    return float((others < value).mean() + (others == value).mean() / 2)


def _centred(values: np.ndarray) -> np.ndarray:
    wide = np.asarray(values, np.float64)
    return _directions(wide - wide.mean(axis=-1, keepdims=True))


def _directions(values: np.ndarray) -> np.ndarray:
    """Vectors (..., n) of length 1; 0 stays 0."""
    wide = np.asarray(values, np.float64)
    length = np.linalg.norm(wide, axis=-1, keepdims=True)
    return wide / np.where(length > 0, length, 1)


def _cut(value: float) -> float:
    return float(min(1.0, max(0.0, value)))
