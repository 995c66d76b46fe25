"""The pass over a catalogue's pictures that finds out how far each can be trusted; what is there is skipped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nbfeatviz.catalogue.exemplars import ExemplarReader
from nbfeatviz.catalogue.plan import Plan, PlannedLayer
from nbfeatviz.catalogue.store.pictures import decoded
from nbfeatviz.catalogue.store.records import DamagedError, Record
from nbfeatviz.catalogue.store.store import Row, Store
from nbfeatviz.catalogue.trust.parts import Pictured, TrustParts, not_finite
from nbfeatviz.catalogue.trust.photographs import Photographs
from nbfeatviz.catalogue.trust.responses import BATCH, Key, Responses, spaced
from nbfeatviz.catalogue.trust.result import trust_of, trust_owner
from nbfeatviz.images import as_picture
from nbfeatviz.networks.identity import network_hash
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.quality import class_probability

OTHERS = 25  # units of a layer that the pictures of a unit are compared with


def check_judge(network: Network, judge: Network | None) -> None:
    """Refuses what is no second view.

    Raises:
        TypeError: it is no network.
        ValueError: it is the network itself, or takes other pictures.
    """
    if judge is None:
        return
    if not isinstance(judge, Network):
        raise TypeError(f"judge is a network from nbfeatviz.load, or None, not {judge!r} ({type(judge).__name__}).")
    if judge is network or network_hash(judge) == network_hash(network):
        raise ValueError(f"judge {judge.name!r} is the network itself: give another one, which is a second view.")
    try:
        as_picture(np.zeros((1, 1, network.contract.channels), np.float32), judge.contract.channels)
    except ValueError as error:
        raise ValueError(f"judge {judge.name!r} cannot be shown these pictures: {error}") from None


@dataclass(frozen=True, eq=False)
class _Asked:
    """A unit whose trust is to be found out, and its pictures."""

    unit: int
    rows: tuple[Row, ...]


class TrustPass:
    """Goes over the units of a plan; call `records` and add what it gives, block by block.

    Args:
        network: the network.
        plan: of the catalogue.
        store: where pictures, photographs and what is known already are.
        photos: owner of the pass over photographs.
        judge: another network; None for none, and then what another one found before is left as it is.
    """

    def __init__(self, network: Network, plan: Plan, store: Store, photos: str, judge: Network | None = None) -> None:
        check_judge(network, judge)
        self._network, self._plan, self._store, self._owner, self._judge = network, plan, store, photos, judge
        self._judge_hash = None if judge is None else network_hash(judge)
        self._reader = ExemplarReader(store, photos)
        self._photo_rows = {(row.unit, row.seed): row for row in store.rows("photo", photos)}
        self._asked = [(layer, self._asked_of(layer)) for layer in plan.layers]

    @property
    def total(self) -> int:
        """How many pictures are to be looked at."""
        return sum(len(one.rows) for _, asked in self._asked for one in asked)

    def records(self) -> Iterator[list[Record]]:
        """A block of records after the other, layer by layer."""
        if not self.total:
            return
        own = self._photographs(self._network, [layer.path for layer in self._plan.layers])
        judge = None if self._judge is None else self._photographs(self._judge, [])
        for layer, asked in self._asked:
            arrays = self._reader.layer(layer.path)
            if not asked or arrays is None:
                continue
            parts = TrustParts(layer, arrays, own, judge)
            parts.compare_with(*self._others(layer))
            count = max(1, BATCH // len(self._plan.seeds))
            for first in range(0, len(asked), count):
                yield self._block(parts, layer, asked[first : first + count])

    def _photographs(self, network: Network, paths: Sequence[str]) -> Photographs:
        return Photographs(Responses(network, paths, self._photo), tuple(self._photo_rows))

    def _photo(self, key: Key) -> np.ndarray:
        return decoded(self._store.read(self._photo_rows[key]).data, int(self._reader.facts.get("channels", 3)))

    def _asked_of(self, layer: PlannedLayer) -> list[_Asked]:
        """The units of which not all is known."""
        wanted, units = set(layer.wanted), dict[int, list[Row]]()
        for row in self._store.rows("unit", layer.owner, layer.path):
            if row.unit in wanted and row.seed in self._plan.seeds:
                units.setdefault(row.unit, []).append(row)
        known: dict[int, dict[int, Row]] = {}
        for row in self._store.rows("trust", trust_owner(layer.owner, self._owner), layer.path):
            known.setdefault(row.unit, {})[row.seed] = row
        return [
            _Asked(unit, tuple(rows)) for unit, rows in units.items() if not self._complete(rows, known.get(unit, {}))
        ]

    def _complete(self, rows: Sequence[Row], known: dict[int, Row]) -> bool:
        """Whether all is known of the pictures of a unit: with these seeds, and with this judge."""
        seeds = {row.seed for row in rows}
        if not seeds <= set(known):
            return False
        try:
            found = [self._store.read(known[seed]) for seed in seeds]
            for one in found:
                trust_of(one)
            return all(
                seeds <= set(one.facts["seeds"])
                and (self._judge_hash is None or one.facts["judge"] == self._judge_hash)
                for one in found
            )
        except (DamagedError, KeyError, TypeError):
            return False

    def _pictures(self, rows: Sequence[Row]) -> tuple[list[Row], np.ndarray | None]:
        """The pictures of some rows, but for those of which there is none."""
        channels = int(self._plan.network["channels"])
        found = [(row, self._store.read(row).data) for row in rows]
        there = [(row, decoded(data, channels)) for row, data in found if data]
        return [row for row, _ in there], np.stack([one for _, one in there]) if there else None

    def _others(self, layer: PlannedLayer) -> tuple[list[int], np.ndarray | None]:
        """Units of a layer and their pictures, one each: what pictures of other units are like."""
        rows = [row for row in self._store.rows("unit", layer.owner, layer.path) if row.seed == self._plan.seeds[0]]
        wanted = set(layer.wanted)
        rows, pictures = self._pictures(spaced([row for row in rows if row.unit in wanted], OTHERS))
        return [row.unit for row in rows], pictures

    def _block(self, parts: TrustParts, layer: PlannedLayer, asked: Sequence[_Asked]) -> list[Record]:
        rows, pictures = self._pictures([row for one in asked for row in one.rows])
        found: dict[tuple[int, int], Any] = {}
        if pictures is not None:
            seen = [Pictured(row.unit, row.seed) for row in rows]
            found = parts.of(seen, pictures, self._probabilities(layer, rows, pictures))
        owner = trust_owner(layer.owner, self._owner)
        records = []
        for one in asked:
            seeds = [row.seed for row in one.rows]
            for seed in seeds:
                trust = found.get((one.unit, seed)) or not_finite()
                facts = {"parts": trust.as_facts(), "seeds": seeds, "judge": self._judge_hash}
                records.append(Record("trust", owner, layer.path, one.unit, seed, score=trust.gauge, facts=facts))
        return records

    def _probabilities(self, layer: PlannedLayer, rows: Sequence[Row], pictures: np.ndarray) -> np.ndarray | None:
        """What the judge gives to the class of each picture: NaN for one that it has not; None without classes."""
        judge = self._judge
        if judge is None or layer.names is None or judge.class_names is None or not judge.probabilistic:
            return None
        return class_probability(judge, pictures, [layer.names[row.unit] for row in rows])
