"""What a build is to do, as data: jobs of one layer and some units each, and how a plan is stored."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from nbfeatviz import __version__
from nbfeatviz.catalogue.store.records import FORMAT, Record

FEWEST, MOST = 8, 32  # units of a job
_TYPICAL = 16
_MOST_UNITS = 10_000_000  # of a catalogue; what claims to have more is damaged


@dataclass(frozen=True)
class Job:
    """Some units of one layer, one seed: one batch.

    Attributes:
        owner: digest of all settings but layer, unit and seed.
        layer: path.
        units: indices. The last job of a layer is filled up with units from the beginning, so that all batches of a
            layer have one size and are compiled once.
        count: how many of them are new.
        seed: of the noise.
        size: (height, width) of the pictures.
        recipe: as JSON.
        steps: how many.
        precision: "float32" or "bfloat16".
    """

    owner: str
    layer: str
    units: tuple[int, ...]
    count: int
    seed: int
    size: tuple[int, int]
    recipe: str
    steps: int
    precision: str

    @property
    def name(self) -> str:
        """Of the file that it writes."""
        facts = repr((self.owner, self.layer, self.units, self.seed))
        return f"unit-{hashlib.sha256(facts.encode()).hexdigest()[:24]}"

    @property
    def new(self) -> tuple[int, ...]:
        """The units that it is about."""
        return self.units[: self.count]


@dataclass(frozen=True)
class PlannedLayer:
    """One layer of a build.

    Attributes:
        path: of the layer.
        kind: its Keras class.
        units: how many it has.
        asked: the units that are wanted, as ranges [first, last].
        size: (height, width) of their pictures.
        owner: digest of the settings that make them.
        names: of the units, where they have any.
        positions: (rows, columns) at the network's own size; None where it has none.
    """

    path: str
    kind: str
    units: int
    asked: tuple[tuple[int, int], ...]
    size: tuple[int, int]
    owner: str
    names: tuple[str, ...] | None
    positions: tuple[int, int] | None

    @property
    def wanted(self) -> tuple[int, ...]:
        """The units that are wanted."""
        return tuple(unit for first, last in self.asked for unit in range(first, last + 1))


@dataclass(frozen=True)
class Plan:
    """The settings of a build.

    Attributes:
        network: {"name", "source", "hash", "size", "channels"}.
        layers: in the order in which they are computed.
        recipe: as JSON.
        steps: how many.
        seeds: of the noise.
        precision: in which the network is computed.
        version: of the package.
    """

    network: Mapping[str, Any]
    layers: tuple[PlannedLayer, ...]
    recipe: str
    steps: int
    seeds: tuple[int, ...]
    precision: str
    version: str = __version__

    @property
    def owner(self) -> str:
        """Its digest."""
        return digest_of(self.as_facts())

    def as_facts(self) -> dict[str, Any]:
        """As JSON objects."""
        return {"format": FORMAT, **asdict(self)}

    def record(self) -> Record:
        """As a record of the store."""
        return Record("build", self.owner, facts=self.as_facts())

    def jobs(self) -> Iterator[Job]:
        """All jobs, layer by layer; they depend on nothing else than what is in the plan."""
        for layer in self.layers:
            wanted = set(layer.wanted)
            for seed in self.seeds:
                for units, count in blocks(layer.units):
                    if wanted.intersection(units[:count]):
                        yield Job(layer.owner, layer.path, units, count, seed, layer.size, self.recipe, self.steps,
                                  self.precision)  # fmt: skip


def blocks(units: int) -> list[tuple[tuple[int, ...], int]]:
    """The units of a layer in batches of one size, and how many of each batch are not there to fill it up.

    The size is the one from 8 to 32 at which least is computed twice, near 16; of fewer than 8 units it is theirs.
    """
    if units <= FEWEST:
        return [(tuple(range(units)), units)]
    size = min(
        range(FEWEST, min(MOST, units) + 1),
        key=lambda size: (math.ceil(units / size) * size / units + 0.004 * abs(size - _TYPICAL), size),
    )
    found = []
    for first in range(0, units, size):
        count = min(size, units - first)
        filled = [*range(first, first + count), *range(size - count)]
        found.append((tuple(filled), count))
    return found


def plan_of(record: Record) -> Plan:
    """The plan that a record holds (ValueError where it is none)."""
    facts = dict(record.facts)
    try:
        facts.pop("format")
        layers = tuple(_layer_of(one) for one in facts.pop("layers"))
        found = Plan(**{**facts, "layers": layers, "seeds": tuple(map(int, facts["seeds"]))})
        sound = isinstance(found.network, dict) and isinstance(found.recipe, str) and type(found.steps) is int
        sound = sound and type(found.network["channels"]) is int and 1 <= found.network["channels"] <= 4096
        sides = found.network["size"]
        sound = sound and len(sides) == 2 and all(type(side) is int and 0 < side <= 4096 for side in sides)
        sound = sound and bool(found.seeds) and isinstance(found.network["name"], str) and found.steps > 0
        if sum(layer.units for layer in layers) > _MOST_UNITS:
            raise ValueError("its units are too many")
        if not sound:
            raise TypeError("its facts are of wrong types")
        return found
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ValueError(f"the catalogue's own description is damaged ({error}): build it again.") from None


def _layer_of(facts: Mapping[str, Any]) -> PlannedLayer:
    pairs = tuple((int(first), int(last)) for first, last in facts["asked"])
    units = int(facts["units"])
    ends = [-1, *(end for pair in pairs for end in pair)]
    ascending = all(first < last for first, last in zip(ends[::2], ends[1::2], strict=False))
    if not ascending or any(not 0 <= first <= last < units for first, last in pairs) or units > _MOST_UNITS:
        raise ValueError("its units are none")
    names = facts["names"]
    if names is not None and len(names) != units:
        raise ValueError("names")
    grid = facts["positions"]
    height, width = map(int, facts["size"])
    return PlannedLayer(
        str(facts["path"]), str(facts["kind"]), units, pairs, (height, width), str(facts["owner"]),
        None if names is None else tuple(map(str, names)), None if grid is None else (int(grid[0]), int(grid[1])),
    )  # fmt: skip


def digest_of(facts: Any) -> str:
    """16 hexadecimal digits of some facts that JSON can hold."""
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
