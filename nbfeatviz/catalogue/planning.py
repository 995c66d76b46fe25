"""planned() -> Plan: the settings of a build, checked against a network."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterable, Sequence
from typing import Any

from nbfeatviz.catalogue.plan import Plan, PlannedLayer, digest_of
from nbfeatviz.catalogue.store.records import FORMAT
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
            entries.append(PlannedLayer(layer.path, layer.kind, layer.units, wanted, side, digest_of(settings),
                                        layer.unit_names, grid))  # fmt: skip
    if not entries:
        raise ValueError(f"none of the chosen layers has a unit of {units!r}.")
    return Plan(identity, tuple(entries), text, count, tuple(range(seeds)), found)


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
