"""A site of a catalogue: a folder whose `index.html` opens from a disk, without a server and without a network."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nbfeatviz.catalogue.exemplars import Exemplar
from nbfeatviz.catalogue.site_facts import Source, neighbours, of_unit, overview
from nbfeatviz.catalogue.store.records import DamagedError

_PAGE = Path(__file__).parent / "site_page" / "static"
_MARK = '<meta name="generator" content="nbfeatviz catalogue site">'
_OWN = {  # what a site consists of, and nothing else in its folder is ever removed
    "data": re.compile(r"(catalogue|photographs|layer-\d+)\.js"),
    "pictures": re.compile(r"\d+"),
    "photographs": re.compile(r"\d+\.webp"),
}
_OWN_PICTURE = re.compile(r"\d+(-\d+)?\.webp")
_LARGEST_PIXELS = 16_000_000


def write_site(
    source: Source,
    folder: str | os.PathLike[str],
    *,
    recipe: str,
    vectors: Callable[[str], np.ndarray | None],
    across: bool,
    photos: bool,
) -> Path:
    """Writes a site, or renews the one that is there.

    Args:
        source: the catalogue.
        folder: that will hold it; missing, empty, or an older site.
        recipe: name of the recipe.
        vectors, across: which units are alike, see `site_facts.neighbours`.
        photos: whether parts of photographs, and their names, are in it.

    Returns:
        Path of its `index.html`.

    Raises:
        ValueError: the folder is something else, or there are no photographs.
        TypeError: wrong types.
        OSError: it cannot be written.
    """
    if not isinstance(photos, bool):
        raise TypeError(f"photos is True or False, not {photos!r} ({type(photos).__name__}).")
    if not isinstance(folder, str | os.PathLike):
        raise TypeError(f"a site goes into a folder, given by its path, not into {folder!r}.")
    target = Path(folder)
    _check(target)
    target.mkdir(parents=True, exist_ok=True)
    for file in _PAGE.iterdir():  # the mark of a site first: what is interrupted here can be done again
        shutil.copyfile(file, target / file.name)
    site = _Site(target, photos)
    if not photos:
        site.tidy("photographs")  # those of an older site, before anything else
    site.write(source, recipe, neighbours(source.plan.layers, vectors, across))
    for name in _OWN:
        site.tidy(name)
    return target / "index.html"


def _check(target: Path) -> None:
    """ValueError where something lies in the way."""
    if target.exists() and not target.is_dir():
        raise ValueError(f"{str(target)!r} is a file: give a folder for the site.")
    index = target / "index.html"
    if not target.is_dir() or not any(target.iterdir()):
        return
    if not index.is_file() or _MARK not in index.read_text("utf-8", errors="replace")[:2000]:
        raise ValueError(f"the folder {str(target)!r} holds something else than a site: give a new or an empty one.")


class _Site:
    """A folder that is being written."""

    def __init__(self, folder: Path, photos: bool) -> None:
        self.folder, self.photos = folder, photos
        self._written: set[Path] = set()
        self._views: dict[tuple[int, int], int] = {}
        self._names: list[str] = []

    def write(self, source: Source, recipe: str, like: Any) -> None:
        """Writes pictures and data, the overview last."""
        about = overview(source, recipe, self.photos)
        for place, layer in enumerate(source.plan.layers):
            units = {}
            finished = about["layers"][place]["finished"]
            for unit in (unit for first, last in finished for unit in range(first, last + 1)):
                found = source[layer.path, unit]
                for row, one in enumerate(found.seeds):
                    name = f"{unit}.webp" if row == 0 else f"{unit}-{one.seed}.webp"
                    if one.webp:
                        self._put(f"pictures/{place}/{name}", checked(one.webp, f"unit {unit} of {layer.path!r}"))
                units[unit] = of_unit(found, like.get((place, unit), ()), self._photograph if self.photos else None)
            self._put(f"data/layer-{place}.js", assigned(f"(window.nbfeatvizLayers ??= {{}})[{place}]", units))
        if self.photos:
            self._put("data/photographs.js", assigned("window.nbfeatvizPhotographs", self._names))
        self._put("data/catalogue.js", assigned("window.nbfeatvizSite", about))

    def _photograph(self, exemplar: Exemplar) -> int:
        """The number of an exemplar's view, which is written once."""
        if exemplar.place not in self._views:
            number = self._views[exemplar.place] = len(self._names)
            self._names.append(exemplar.photo)
            self._put(f"photographs/{number}.webp", checked(exemplar.webp, f"the photograph {exemplar.photo!r}"))
        return self._views[exemplar.place]

    def _put(self, name: str, data: bytes) -> None:
        path = self.folder / name
        if path.parent not in self._written:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._written.add(path.parent)
        path.write_bytes(data)
        self._written.add(path)

    def tidy(self, name: str) -> None:
        """Removes what an older site left in one of its folders."""
        folder = self.folder / name
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path in self._written and path.is_file() or not _OWN[name].fullmatch(path.name):
                continue
            if path.is_dir():
                for file in path.iterdir():
                    if file not in self._written and _OWN_PICTURE.fullmatch(file.name):
                        file.unlink()
            else:
                path.unlink()
        for place in (*folder.glob("*/"), folder):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()


def assigned(name: str, value: Any) -> bytes:
    """A classic script that assigns a value; in ASCII, and with nothing in it that HTML could take for markup."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return f"{name} = {text};\n".encode("ascii")


def checked(data: bytes, what: str) -> bytes:
    """The bytes of a WebP picture, as they are (DamagedError where they are none, or too large a one)."""
    try:
        with Image.open(io.BytesIO(data), formats=["WEBP"]) as image:
            pixels = image.width * image.height
    except Exception as error:  # what a decoder raises at damaged data depends on it
        raise DamagedError(f"the picture of {what} cannot be read: {error}.") from None
    if pixels > _LARGEST_PIXELS:
        raise DamagedError(f"the picture of {what} cannot be read: {pixels:,} pixels are too many.")
    return data
