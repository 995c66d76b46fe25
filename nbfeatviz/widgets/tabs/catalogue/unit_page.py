"""One unit of a catalogue as the page shows it large: words and numbers, and pictures as buffers."""

from __future__ import annotations

import io
import math
from typing import Any

from PIL import Image

from nbfeatviz.catalogue.exemplars import Activations, Exemplar
from nbfeatviz.catalogue.unit import CatalogueUnit

PATCHES = 9


def as_page(
    unit: CatalogueUnit, neighbours: list[tuple[str, int, float]], read: list[tuple[str, int, float]]
) -> tuple[dict[str, Any], list[bytes]]:
    """What is said of a unit, and its pictures: its own first, then those of the photographs.

    Args:
        unit: the unit.
        neighbours: units that are like it.
        read: units of earlier layers that it reads most.
    """
    settings, best = unit.settings, unit.seeds[0]
    patches, buffers = patches_as_page(unit)
    facts = {
        "layer": unit.layer,
        "unit": unit.unit,
        "name": unit.name or "",
        "score": best.score,
        "status": best.status,
        "size": list(best.shape[:2]),
        "seeds": [{"seed": one.seed, "score": one.score, "status": one.status} for one in unit.seeds],
        "settings": f"{settings.recipe.name}, {settings.steps} steps, seed {best.seed}, {settings.precision}",
        "patches": patches,
        "histogram": histogram_as_page(unit.activations, unit.score),
        "neighbours": [list(one) for one in neighbours],
        "read": [list(one) for one in read],
        "trust": trust_as_page(unit),
    }
    return facts, [best.webp, *buffers]


def patches_as_page(unit: CatalogueUnit) -> tuple[list[dict[str, Any]], list[bytes]]:
    """The strongest photographs of a unit, and what the network saw of each."""
    exemplars = unit.exemplars
    found = () if exemplars is None else exemplars.strongest[:PATCHES]
    return [patch_as_page(one) for one in found], [one.webp for one in found]


def patch_as_page(one: Exemplar) -> dict[str, Any]:
    """A photograph's patch: its name, the activation, and the part that the unit sees, in fractions of the view."""
    width, height = Image.open(io.BytesIO(one.webp), formats=["WEBP"]).size
    top, left, bottom, right = one.box
    return {
        "photo": one.photo,
        "value": one.value,
        "box": [top / height, left / width, bottom / height, right / width],
        "aspect": width / height,
    }


def histogram_as_page(found: Activations | None, mark: float | None) -> dict[str, Any] | None:
    """How often photographs excite a unit how much, and where its picture lies (`mark`)."""
    if found is None:
        return None
    return {
        "counts": found.counts.tolist(),
        "low": float(found.edges[0]),
        "high": float(found.edges[-1]),
        "mark": mark,
        "sparsity": None if math.isnan(found.sparsity) else found.sparsity,
        "views": found.views,
    }


def trust_as_page(unit: CatalogueUnit) -> dict[str, Any] | None:
    """How far the picture can be trusted: the gauge, and its parts in words."""
    found = unit.trust
    if found is None:
        return None
    parts = [[name, part.value, part.sentence] for name, part in found.parts.items()]
    return {"gauge": found.gauge, "parts": parts}
