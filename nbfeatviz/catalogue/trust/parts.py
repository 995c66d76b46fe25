"""The parts of trust of the pictures of one layer, from what pictures and photographs do to networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nbfeatviz.catalogue.plan import PlannedLayer
from nbfeatviz.catalogue.trust.photographs import Photographs
from nbfeatviz.catalogue.trust.responses import Key
from nbfeatviz.catalogue.trust.result import Trust, TrustPart
from nbfeatviz.synthesis.quality import (
    above_chance,
    natural_path,
    raised_above_others,
    rank_directions,
    rise_scores,
    seed_agreement,
    two_choice,
)

STRONGEST = 6  # photographs of a unit, and as many of the weakest
_FEWEST_OTHERS = 4  # pictures of other units that tell what pictures have in common
_FEWEST_UNITS = 9  # of a layer whose own units tell what a picture does


@dataclass(frozen=True)
class Pictured:
    """Which picture: of a unit, by a seed."""

    unit: int
    seed: int


@dataclass(frozen=True, eq=False)
class _Compared:
    """The photographs that a unit's pictures are compared with.

    Attributes:
        path: by layer below `rank_directions` of those that excite it most, (k, units), each where it does.
        random: likewise of any photographs.
        strongest, weakest: the views that excite it most and least on average.
    """

    path: list[np.ndarray]
    random: list[np.ndarray]
    strongest: list[Key]
    weakest: list[Key]


class TrustParts:
    """Of one layer.

    Args:
        layer: the layer.
        arrays: what the pass over photographs found about it.
        own: photographs in the network.
        judge: photographs in another network; None for none.
    """

    def __init__(
        self, layer: PlannedLayer, arrays: Mapping[str, np.ndarray], own: Photographs, judge: Photographs | None
    ) -> None:
        self._layer, self._arrays, self._own, self._judge = layer, arrays, own, judge
        self._below = own.path_layers(layer.path)
        self._near = own.feature_layers(layer.path)
        self._other_units: list[int] = []
        self._others: dict[str, np.ndarray] = {}
        self._judged_others: dict[str, np.ndarray] = {}

    def compare_with(self, units: list[int], pictures: np.ndarray | None) -> None:
        """Takes pictures of some units of the layer, which those of another unit are compared with."""
        if pictures is not None:
            self._other_units = units
            self._others = self._own.responses.pictures(pictures)
            self._judged_others = {} if self._judge is None else self._judge.responses.pictures(pictures)

    def of(
        self, seen: Sequence[Pictured], pictures: np.ndarray, probabilities: np.ndarray | None
    ) -> dict[tuple[int, int], Trust]:
        """The trust of some pictures, all those of a unit among them, by unit and seed.

        Args:
            seen: which they are.
            pictures: (n, H, W, C).
            probabilities: that the judge gives to the class of each; None where there is no such.
        """
        means = self._own.responses.pictures(pictures)
        judged = None if self._judge is None else self._judge.responses.pictures(pictures)
        found = {}
        for unit in dict.fromkeys(one.unit for one in seen):
            places = [place for place, one in enumerate(seen) if one.unit == unit]
            compared = self._compared(unit)
            seeds = self._seeds(unit, {path: values[places] for path, values in means.items()})
            for place in places:
                own = {path: values[place] for path, values in means.items()}
                other = None if judged is None else {path: values[place] for path, values in judged.items()}
                found[unit, seen[place].seed] = Trust(
                    self._selectivity(unit, own[self._layer.path]),
                    seeds,
                    self._judged(unit, None if probabilities is None else float(probabilities[place])),
                    self._path(own, compared),
                    self._match(unit, own, other, compared),
                )
        return found

    def _compared(self, unit: int) -> _Compared:
        """The strongest and weakest of the reference and of the unit's exemplars."""
        path, own = self._layer.path, self._own
        exemplars = [
            (int(photo), int(view))
            for kind in ("strongest", "weakest")
            for photo, view in zip(
                self._arrays[f"{kind} photos"][unit][:STRONGEST], self._arrays[f"{kind} views"][unit][:STRONGEST],
                strict=True,
            )
        ]  # fmt: skip
        keys = list(dict.fromkeys([*own.reference, *(key for key in exemplars if key in own.known)]))
        views = own.views(keys)
        count = min(STRONGEST, len(keys) // 2)
        high = np.array([view.high[path][unit] for view in views])
        mean = np.array([view.means[path][unit] for view in views])
        most = np.argsort(-high, kind="stable")[:count]
        positions = self._layer.positions
        vectors: list[list[np.ndarray]] = [[] for _ in self._below]
        for place in most:
            at = None
            if positions is not None:
                row, col = divmod(int(views[place].high_at[path][unit]), positions[1])
                at = ((row + 0.5) / positions[0], (col + 0.5) / positions[1])
            for layer, rows in zip(self._below, vectors, strict=True):
                rows.append(own.score(layer, views[place].at(layer, at), at is not None))
        strong = [keys[place] for place in most]
        order = np.argsort(-mean, kind="stable")
        apart = count > 0 and mean[order[count - 1]] > mean[order[len(order) - count]]
        constant = not len(high) or high.max() <= high.min()
        return _Compared(
            [] if constant else [rank_directions(np.stack(rows)) for rows in vectors if rows],
            [own.random(layer, positions is not None, strong) for layer in self._below],
            [keys[place] for place in order[:count]] if apart else [],
            [keys[place] for place in order[len(order) - count :]] if apart else [],
        )

    def _selectivity(self, unit: int, means: np.ndarray) -> TrustPart:
        if not self._arrays["deviation"][unit] > 0:
            return TrustPart(None, "No photograph moves this unit, so that its rise has no measure.")
        scores = rise_scores(means, self._arrays["mean"], self._arrays["deviation"])
        share = raised_above_others(scores, unit)
        if share is None:
            return TrustPart(None, "The layer has no other unit to compare with.")
        value = above_chance(share) if scores[unit] > 0 else 0.0
        rises = f"raises this unit {scores[unit]:.1f}" if scores[unit] > 0 else f"lowers this unit {-scores[unit]:.1f}"
        return TrustPart(
            value,
            f"The picture {rises} deviations from its mean on photographs, and {share:.0%} of the layer's other units "
            "rise less.",
        )

    def _seeds(self, unit: int, means: dict[str, np.ndarray]) -> TrustPart:
        count = len(means[self._layer.path])
        if count < 2:
            return TrustPart(None, "There is one picture of this unit: more seeds would tell.")
        value = seed_agreement(self._effects(means, unit), self._effects(self._others_without(unit), unit))
        if value is None:
            return TrustPart(None, "There are no pictures of other units to compare with.")
        return TrustPart(
            value,
            f"The pictures of {count} seeds agree to {value:.0%} in what they do to the network (0 %: as pictures of "
            "other units, 100 %: the same).",
        )

    def _effects(self, means: dict[str, np.ndarray], unit: int) -> np.ndarray:
        """What pictures do: to the other units of the layer; of a small layer, to those of layers around it."""
        path = self._layer.path
        if self._layer.units < _FEWEST_UNITS:
            return self._own.features(means, self._near, (path, unit)) if means else np.zeros((0, 1))
        if not means:
            return np.zeros((0, 1))
        scores = rise_scores(means[path], self._arrays["mean"], self._arrays["deviation"])
        return np.delete(scores, unit, axis=-1)

    def _others_without(self, unit: int) -> dict[str, np.ndarray]:
        return self._without(self._others, unit)

    def _without(self, values: dict[str, np.ndarray], unit: int) -> dict[str, np.ndarray]:
        left = [place for place, one in enumerate(self._other_units) if one != unit]
        return {path: one[left] for path, one in values.items()} if left else {}

    def _judged(self, unit: int, probability: float | None) -> TrustPart:
        names, judge = self._layer.names, self._judge
        if judge is None:
            return TrustPart(None, "No second network was asked (build with judge=...).")
        name = judge.responses.network.name
        if names is None:
            return TrustPart(None, "The unit is no class with a name, so that a second network cannot be asked.")
        if probability is None:
            return TrustPart(None, f"{name} gives no probabilities to classes with names.")
        if np.isnan(probability):
            return TrustPart(None, f"{name} has no class {names[unit]!r}.")
        return TrustPart(min(1.0, probability), f"{name} sees {names[unit]!r} in it, to {probability:.0%}.")

    def _path(self, own: dict[str, np.ndarray], compared: _Compared) -> TrustPart:
        if not self._below:
            return TrustPart(None, "No layer lies below this one through which a way could be followed.")
        local = self._layer.positions is not None
        if not compared.path or len(compared.path[0]) < 2:
            return TrustPart(None, "No two photographs excite this unit more than others.")
        directions = [rank_directions(self._own.score(layer, own[layer], local)) for layer in self._below]
        value = natural_path(directions, compared.path, compared.random)
        if value is None:
            return TrustPart(None, "Below this layer the photographs that excite it are no more alike than any.")
        return TrustPart(
            value,
            f"Its way through the layers below ({len(self._below)}) resembles that of the unit's photographs to "
            f"{value:.0%} (0 %: as any photograph, 100 %: as one of them).",
        )

    def _match(
        self, unit: int, own: dict[str, np.ndarray], judged: dict[str, np.ndarray] | None, compared: _Compared
    ) -> TrustPart:
        if not compared.strongest:
            return TrustPart(None, "No two photographs excite this unit more than others.")
        if self._judge is not None and judged is not None:
            photographs, layers, left_out, means, others = (
                self._judge, self._judge.late_layers, None, judged, self._judged_others,
            )  # fmt: skip
            who = f"features of {photographs.responses.network.name}"
        else:
            photographs, layers, left_out = self._own, self._near, (self._layer.path, unit)
            means, others, who = own, self._others, "the network's features"
        others = self._without(others, unit)
        # pictures have something in common that no photograph has, which would decide instead of what is theirs
        enough = bool(others) and len(next(iter(others.values()))) >= _FEWEST_OTHERS
        centre = {path: others[path].mean(axis=0, dtype=np.float64) for path in layers} if enough else None
        strong, weak = (
            np.stack([photographs.features(view.means, layers, left_out) for view in photographs.views(keys)])
            for keys in (compared.strongest, compared.weakest)
        )
        share = two_choice(photographs.features(means, layers, left_out, centre), strong, weak)
        assert share is not None
        return TrustPart(
            above_chance(share),
            f"By {who} it is nearer to the photographs that excite the unit than to those that do not in {share:.0%} "
            f"of {len(strong) * len(weak)} pairs (chance: 50 %).",
        )


def not_finite() -> Trust:
    """Of a picture that there is not."""
    return Trust(*[TrustPart(None, "There is no picture, as something in it was not finite.")] * 5)
