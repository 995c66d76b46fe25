"""What a site says of a catalogue, as plain JSON objects: the network and its layers, each unit, which are alike."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PureWindowsPath
from typing import Any, Protocol

import numpy as np

from nbfeatviz.catalogue.exemplars import Activations, Exemplar, Exemplars
from nbfeatviz.catalogue.plan import Plan, PlannedLayer
from nbfeatviz.synthesis.visualization import Settings

NEIGHBOURS = 12
_BLOCK = 1024  # units that are compared with all others at a time
_TYPICAL_PHOTOS = ("strongest", "weakest")


class Picture(Protocol):
    """One of a unit's pictures, as `SeedPicture`."""

    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def status(self) -> str: ...  # noqa: D102
    @property
    def score(self) -> float | None: ...  # noqa: D102
    @property
    def webp(self) -> bytes: ...  # noqa: D102


class Unit(Protocol):
    """What is read of a unit, as `CatalogueUnit`."""

    @property
    def seeds(self) -> Sequence[Picture]: ...  # noqa: D102
    @property
    def settings(self) -> Settings: ...  # noqa: D102
    @property
    def exemplars(self) -> Exemplars | None: ...  # noqa: D102
    @property
    def activations(self) -> Activations | None: ...  # noqa: D102


class Source(Protocol):
    """What is read of a catalogue, as `Catalogue`."""

    plan: Plan

    def scores(self, layer: str) -> Mapping[int, tuple[str, float | None]]: ...  # noqa: D102
    def __getitem__(self, key: tuple[str, int], /) -> Unit: ...  # noqa: D105


Neighbours = Mapping[tuple[int, int], Sequence[tuple[int, int, float]]]
"""Of a unit, (place of the layer, index), those like it with the cosine, the nearest first."""


def overview(source: Source, recipe: str, photos: bool) -> dict[str, Any]:
    """The network, its settings and layers, and which units there are: all that the map and the search need."""
    plan = source.plan
    layers = [_layer(layer, source.scores(layer.path)) for layer in plan.layers]
    network = {key: plan.network[key] for key in ("name", "hash", "size", "channels")}
    return {
        "network": network, "version": plan.version, "recipe": recipe, "steps": plan.steps,
        "precision": plan.precision, "photographs": photos, "layers": layers,
    }  # fmt: skip


def _layer(layer: PlannedLayer, found: Mapping[int, tuple[str, float | None]]) -> dict[str, Any]:
    return {
        "path": layer.path, "kind": layer.kind, "units": layer.units, "size": layer.size,
        "positions": layer.positions, "names": layer.names,
        "shown": ranges({*layer.wanted, *found}), "finished": ranges(found),
        "marks": {unit: status for unit, (status, _) in found.items() if status != "ok"},
    }  # fmt: skip


def ranges(units: Iterable[int]) -> list[tuple[int, int]]:
    """Indices as pairs of first and last, in order."""
    found: list[tuple[int, int]] = []
    for unit in sorted(units):
        if found and unit == found[-1][1] + 1:
            found[-1] = found[-1][0], unit
        else:
            found.append((unit, unit))
    return found


def of_unit(
    unit: Unit, like: Sequence[tuple[int, int, float]], photograph: Callable[[Exemplar], int] | None
) -> dict[str, Any]:
    """What the page of a unit says.

    Args:
        unit: the unit.
        like: its neighbours.
        photograph: the number under which the site has an exemplar's view; None for no photographs at all.
    """
    found: dict[str, Any] = {
        "seeds": [(one.seed, one.status, number(one.score), bool(one.webp)) for one in unit.seeds],
        "code": code(unit.settings),
        "like": [(layer, other, number(cosine)) for layer, other, cosine in like],
    }
    seen = unit.activations
    if seen is not None:
        found["activations"] = {
            "counts": [int(count) for count in seen.counts], "ends": [number(seen.edges[0]), number(seen.edges[-1])],
            "mean": number(seen.mean), "deviation": number(seen.deviation), "sparsity": number(seen.sparsity),
            "views": seen.views,
        }  # fmt: skip
    exemplars = unit.exemplars if photograph is not None else None
    if exemplars is not None and photograph is not None:
        for kind in _TYPICAL_PHOTOS:
            found[kind] = [(photograph(one), number(one.value), one.box) for one in getattr(exemplars, kind)]
    return found


def number(value: Any) -> float | None:
    """With five digits; None for none, and for one that is not finite, which JSON does not know."""
    return None if value is None or not math.isfinite(value) else float(f"{float(value):.5g}")


def code(settings: Settings) -> str:
    """The Python that makes a picture again, all of it."""
    return "\n".join(
        [
            "import nbfeatviz as nv",
            "from nbfeatviz import objectives",
            "",
            f"net = {loading(settings.network)}",
            settings.code(),
        ]
    )


def loading(source: str) -> str:
    """The call that loads a network, of a file its name alone: its folder is nobody else's business."""
    try:
        call = ast.parse(f"load({source})", mode="eval").body
    except (SyntaxError, ValueError):
        call = None
    first = call.args[0] if isinstance(call, ast.Call) and call.args else None
    if not (isinstance(first, ast.Constant) and isinstance(first.value, str)):
        return "...  # the network, which has no name or file to load it by"
    written = ast.get_source_segment(f"load({source})", first) or ""
    return f"nv.load({PureWindowsPath(first.value).name!r}{source[len(written) :]})"


def neighbours(layers: Sequence[PlannedLayer], vectors: Callable[[str], np.ndarray | None], across: bool) -> Neighbours:
    """For each unit those whose vectors point most nearly where its own does.

    Args:
        layers: of the catalogue.
        vectors: (units, n) of length 1 of a layer's units; None where it has none.
        across: whether units of all layers are compared, or those of one layer.
    """
    given = [(place, found) for place, layer in enumerate(layers) if (found := vectors(layer.path)) is not None]
    if not across:
        return {key: like for one in given for key, like in _nearest([one]).items()}
    widths = sorted({found.shape[1] for _, found in given})
    groups = ([one for one in given if one[1].shape[1] == width] for width in widths)
    return {key: like for group in groups for key, like in _nearest(group).items()}


def _nearest(group: Sequence[tuple[int, np.ndarray]]) -> dict[tuple[int, int], list[tuple[int, int, float]]]:
    keys = [(place, unit) for place, vectors in group for unit in range(len(vectors))]
    stacked = np.concatenate([vectors for _, vectors in group]).astype(np.float32)
    found = {}
    for begin in range(0, len(stacked), _BLOCK):
        rows = np.arange(begin, min(begin + _BLOCK, len(stacked)))
        cosines = stacked[rows] @ stacked.T
        cosines[rows - begin, rows] = -np.inf
        count = min(NEIGHBOURS, len(stacked) - 1)
        near = np.argpartition(-cosines, count - 1, axis=1)[:, :count] if count else np.zeros((len(rows), 0), int)
        for row, own, others in zip(rows, cosines, near, strict=True):
            others = others[np.argsort(-own[others], kind="stable")]
            found[keys[row]] = [(*keys[other], float(own[other])) for other in others if np.isfinite(own[other])]
    return found
