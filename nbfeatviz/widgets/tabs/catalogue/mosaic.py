"""The inside of a network as one picture: stored pictures of all its layers, from input to classes."""

from __future__ import annotations

import io
from functools import cache

import numpy as np
from PIL import Image

from nbfeatviz.widgets.tabs.catalogue.sources import Sources

_SIDE, _TILE = 9, 56  # tiles in a row, pixels of each


def mosaic(sources: Sources) -> bytes | None:
    """A square of pictures as WebP, the first layers at the top; None where there are too few for one."""
    for catalogue in sources.all():
        pairs = [(path, unit) for path in catalogue.layers() for unit in catalogue.units(path)]
        if len(pairs) >= _SIDE * _SIDE:
            places = np.linspace(0, len(pairs) - 1, _SIDE * _SIDE).round().astype(int)
            return _made(tuple(catalogue[pairs[place]].seeds[0].webp for place in places))
    return None


@cache
def _made(pictures: tuple[bytes, ...]) -> bytes:
    sheet, buffer = Image.new("RGB", (_SIDE * _TILE, _SIDE * _TILE)), io.BytesIO()
    for place, data in enumerate(pictures):
        one = Image.open(io.BytesIO(data), formats=["WEBP"]).convert("RGB").resize((_TILE, _TILE))
        sheet.paste(one, (place % _SIDE * _TILE, place // _SIDE * _TILE))
    sheet.save(buffer, "WEBP", quality=72)
    return buffer.getvalue()
