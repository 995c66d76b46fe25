"""What a build is to do: its settings, checked against a network, as jobs of one layer and some units each."""

from __future__ import annotations

import fnmatch
import hashlib
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nbfeatviz import __version__
from nbfeatviz.catalogue.store.records import FORMAT, Record
from nbfeatviz.checks import is_whole
from nbfeatviz.engine import tf
from nbfeatviz.networks import precision as precisions
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.contract import checked_size
from nbfeatviz.networks.identity import network_hash
from nbfeatviz.networks.layers import Layer
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.suggested_layers import suggested_layers
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.run.arguments import positive

STEPS = 64
SIZE = 128
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
        return _digest(self.as_facts())

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


def planned(
    network: Network,
    *,
    layers: str | Iterable[str] | None = None,
    units: str | Iterable[int] | None = None,
    recipe: str | Recipe | None = None,
    steps: int | None = None,
    size: int | tuple[int, int] | None = None,
    seeds: int = 1,
    precision: str = "auto",
) -> Plan:
    """The plan of a build.

    Args:
        network: the network.
        layers: paths or patterns such as "block*"; "*" for all; None for those at which a block ends.
        units: which of every layer, as "0-63,128" or numbers; None for all.
        recipe: name or recipe; None for the default.
        steps: how many; None for 64.
        size: pixels of a side, or (height, width); None for 128 where that is smaller than the network's own, which the
            head (classes) has always.
        seeds: how many pictures of each unit, with the seeds 0, 1, ...
        precision: see `ascend`.

    Raises:
        ValueError, TypeError: wrong settings.
    """
    if not isinstance(network, Network):
        raise TypeError(f"{network!r} is not a Network: nbfeatviz.load(...) makes one.")
    network.refresh()
    made_by = recipes.get(recipes.DEFAULT if recipe is None else recipe)
    text = made_by.to_json()  # ValueError where it holds a function, which no other process would have
    count = positive("steps", STEPS if steps is None else steps)
    assert count is not None
    if not is_whole(seeds):
        raise TypeError(f"seeds is a whole number, not {seeds!r} ({type(seeds).__name__}).")
    if not 1 <= seeds <= 64:
        raise ValueError(f"seeds {seeds!r} is out of range: give how many pictures of each unit, from 1 to 64.")
    found = precisions.mode(network, precision).precision
    asked = None if size is None else checked_size(size)
    identity = {
        "name": network.name, "source": network.source, "hash": network_hash(network),
        "size": list(network.contract.size), "channels": network.contract.channels,
        "head": network.head_layer.path if network.classifies else None,
    }  # fmt: skip
    ranges = None if units is None else _ranges(units)
    entries = []
    chosen = [(layer, _within(ranges, layer.units)) for layer in _chosen(network, layers)]
    sides = _sizes(network, [layer for layer, wanted in chosen if wanted], asked)
    for layer, wanted in chosen:
        if wanted:
            side = sides[layer.path]
            settings = {"network": identity["hash"], "recipe": json.loads(text), "steps": count, "size": side,
                        "precision": found, "format": FORMAT}  # fmt: skip
            shape = layer.output_shape or ()
            rows, columns = shape[:2] if len(shape) == 3 else (None, None)
            grid = None if rows is None or columns is None else (rows, columns)
            entries.append(PlannedLayer(layer.path, layer.kind, layer.units, wanted, side, _digest(settings),
                                        layer.unit_names, grid))  # fmt: skip
    if not entries:
        raise ValueError(f"none of the chosen layers has a unit of {units!r}.")
    return Plan(identity, tuple(entries), text, count, tuple(range(seeds)), found)


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


def _chosen(network: Network, layers: str | Iterable[str] | None) -> list[Layer]:
    """The layers that some patterns name, in the order in which they are computed."""
    if layers is None:
        return [network.layers[path] for path in suggested_layers(network)]
    try:
        patterns = [layers] if isinstance(layers, str) else list(layers)
    except TypeError:
        raise TypeError(f"layers are paths or patterns such as 'block*', not {layers!r}.") from None
    if not patterns:
        raise ValueError("layers is empty: name paths or patterns such as 'block*', or leave it out.")
    selectable = [network.layers[call.path] for call in network.graph.calls]
    selectable = [layer for layer in selectable if layer.selectable]
    found: set[str] = set()
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"layers are paths or patterns such as 'block*', not {pattern!r}.")
        paths = [layer.path for layer in selectable]
        matching = [pattern] if pattern in paths else [one for one in paths if fnmatch.fnmatchcase(one, pattern)]
        if not matching:
            near = network.layers[pattern]  # ValueError with the nearest where there is none such
            raise ValueError(f"{near.path!r} ({near.kind}) has no units that are computed from the picture.")
        found.update(matching)
    return [layer for layer in selectable if layer.path in found]


def _ranges(units: str | Iterable[int]) -> list[tuple[int, int]]:
    """Units as ranges of first and last, in order."""
    if isinstance(units, str):
        found = []
        for part in units.split(","):
            first, dash, last = part.strip().partition("-")
            if not first.isdecimal() or (dash and not last.isdecimal()) or (dash and int(last) < int(first)):
                raise ValueError(f"units {units!r} are no units: give such as '0-63' or '0,5,7'.")
            found.append((int(first), int(last) if dash else int(first)))
        return sorted(found)
    try:
        given = sorted(set(units))
    except TypeError:
        raise TypeError(f"units are '0-63' or whole numbers, such as range(64), not {units!r}.") from None
    for unit in given:
        if not is_whole(unit, 0):
            raise ValueError(f"unit {unit!r} is no unit: give whole numbers from 0.")
    return [(int(unit), int(unit)) for unit in given]


def _within(ranges: Sequence[tuple[int, int]] | None, units: int) -> tuple[tuple[int, int], ...]:
    """Those of some ranges that a layer has, those that touch each other as one."""
    if ranges is None:
        return ((0, units - 1),)
    found: list[tuple[int, int]] = []
    for first, last in ranges:
        last = min(last, units - 1)
        if first > last:
            continue
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return tuple(found)


def _sizes(network: Network, layers: Sequence[Layer], asked: tuple[int, int] | None) -> dict[str, tuple[int, int]]:
    """The size of the pictures of each layer."""
    own = network.contract.size
    # measured: of half the side a class is recognized less often
    head = network.head_layer.path if network.classifies and asked is None else None
    wanted = asked or (min(SIZE, own[0]), min(SIZE, own[1]))
    tried = [layer.path for layer in layers if layer.path != head]
    able = set(tried if wanted == own else _taking(network, tried, wanted))
    refused = next((path for path in tried if path not in able), None)
    if asked is not None and refused is not None:
        raise ValueError(
            f"{refused!r} cannot be computed from pictures of {asked[0]}×{asked[1]}: the network takes "
            f"{own[0]}×{own[1]}; leave out the size."
        )
    return {layer.path: wanted if layer.path in able else own for layer in layers}


def _taking(network: Network, paths: Sequence[str], size: tuple[int, int]) -> list[str]:
    """Those of some layers that can be computed from pictures of a size: they are traced, nothing is computed.

    All at once, as each alone would take minutes for a hundred layers; where that fails, half of them at a time.
    """
    if not paths:
        return []
    taps = [Tap(path) for path in paths]
    backbone = Backbone(network, taps)
    pictures = tf.TensorSpec((1, *size, network.contract.channels), tf.float32)

    def values(given: Any) -> list[Any]:
        found = backbone(given)
        return [found[tap] for tap in taps]

    try:
        traced = tf.function(values, autograph=False).get_concrete_function(pictures)
        shapes = [one.shape for one in traced.structured_outputs]
    except Exception:  # what a layer raises at another size is its own business
        half = len(paths) // 2
        return [] if not half else [*_taking(network, paths[:half], size), *_taking(network, paths[half:], size)]
    return [path for path, shape in zip(paths, shapes, strict=True) if all(length != 0 for length in shape)]


def _digest(facts: Any) -> str:
    text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
