"""Catalogue: what a build has finished so far, to be looked at by layer and unit; no network is needed for it."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz.catalogue.exemplars import ExemplarReader
from nbfeatviz.catalogue.photo_pass import from_bytes
from nbfeatviz.catalogue.plan import Plan, PlannedLayer, plan_of
from nbfeatviz.catalogue.similarity import nearest
from nbfeatviz.catalogue.store.index import Row
from nbfeatviz.catalogue.store.records import Record
from nbfeatviz.catalogue.store.store import Store
from nbfeatviz.catalogue.trust import TrustReader, trust_owner
from nbfeatviz.catalogue.unit import CatalogueUnit, SeedPicture
from nbfeatviz.checks import is_whole
from nbfeatviz.synthesis import objectives
from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.visualization import Settings


class Catalogue:
    """A catalogue, open to be read; `nbfeatviz.catalogue.open(folder)`.

    While a build goes on it knows what is finished. `catalogue["block5c_add", 3]` is a `CatalogueUnit`.

    Args:
        folder: that `build` was given.

    Raises:
        ValueError: there is no catalogue, or one of a newer format.
        DamagedError: the index is damaged (a ValueError); building again mends it.

    Warns:
        UserWarning: a file is cut off, and what is lost is missing.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        self._store = Store(folder)
        owner = self._store.noted("build")
        record = self._store.get("build", owner) if owner else None
        if record is None:
            self._store.close()
            raise ValueError(f"the catalogue in {str(folder)!r} is empty: build it first.")
        self.plan: Plan = plan_of(record)
        self._layers = {layer.path: layer for layer in self.plan.layers}
        seen = self._store.noted("photos")
        self._seen = ExemplarReader(self._store, seen) if seen else None

    def __repr__(self) -> str:
        return f"<Catalogue of {self.plan.network['name']!r}: {len(self)} units of {len(self._layers)} layers>"

    def close(self) -> None:
        """Gives its files back."""
        self._store.close()

    def __enter__(self) -> Catalogue:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def layers(self) -> tuple[str, ...]:
        """Paths of the layers, in the order in which they are computed."""
        return tuple(self._layers)

    def layer(self, path: str) -> PlannedLayer:
        """What is known of a layer (ValueError where the catalogue has none such; the nearest are named)."""
        if not isinstance(path, str):
            raise TypeError(f"a layer is named by its path, a string, not by {path!r} ({type(path).__name__}).")
        found = self._layers.get(path)
        if found is None:
            near = difflib.get_close_matches(path, list(self._layers), n=3, cutoff=0.4) or list(self._layers)[:3]
            raise ValueError(f"no layer {path!r} in this catalogue; there are {', '.join(map(repr, near))}, ...")
        return found

    def __len__(self) -> int:
        """How many units are finished."""
        there = self._counts(self.plan.seeds[0])
        return sum(there[layer.owner].get(layer.path, 0) for layer in self.plan.layers)

    def _counts(self, seed: int) -> dict[str, dict[str, int]]:
        """By owner and layer, how many pictures of a seed there are."""
        return {owner: self._store.counts("unit", owner, seed) for owner in {one.owner for one in self.plan.layers}}

    def units(self, layer: str) -> tuple[int, ...]:
        """The units of a layer that are finished."""
        return tuple(dict.fromkeys(row.unit for row in self._rows(layer)))

    def scores(self, layer: str) -> dict[int, tuple[str, float | None]]:
        """Status and score of the finished units of a layer, without reading a picture."""
        found: dict[int, tuple[str, float | None]] = {}
        for row in self._rows(layer):
            known = found.get(row.unit)
            if known is None or _rank(row.score) > _rank(known[1]):
                found[row.unit] = row.status, row.score
        return found

    def _rows(self, layer: str, unit: int | None = None) -> list[Row]:
        planned = self.layer(layer)
        rows = self._store.rows("unit", planned.owner, planned.path, unit)
        return [row for row in rows if row.seed in self.plan.seeds]

    def missing(self) -> dict[str, tuple[int, ...]]:
        """By layer the units that were asked for and are not finished; layers that are finished are left out."""
        found = {}
        counts = [self._counts(seed) for seed in self.plan.seeds]
        for layer in self.plan.layers:
            if all(there[layer.owner].get(layer.path, 0) == layer.units for there in counts):
                continue  # of 100,000 units it would take a while to look at each
            places = self._store.places("unit", layer.owner, layer.path)
            by_seed = [{unit for unit, one in places if one == seed} for seed in self.plan.seeds]
            lacking = tuple(unit for unit in layer.wanted if not all(unit in there for there in by_seed))
            if lacking:
                found[layer.path] = lacking
        return found

    def __contains__(self, key: object) -> bool:
        """Whether a (layer, unit) is finished."""
        with contextlib.suppress(TypeError, ValueError):
            layer, unit = self._named(key)
            return bool(self._rows(layer.path, unit))
        return False

    def __getitem__(self, key: tuple[str, int]) -> CatalogueUnit:
        """A unit.

        Args:
            key: path of the layer and index (of a class also its name).

        Raises:
            KeyError: it is not finished yet.
            ValueError, TypeError: the catalogue has no such layer, or the layer no such unit.
        """
        layer, unit = self._named(key)
        rows = self._rows(layer.path, unit)
        if not rows:
            raise KeyError(f"unit {unit} of {layer.path!r} is not in the catalogue yet: build it.")
        pictures = sorted(map(self._picture, rows), key=lambda one: _rank(one.score), reverse=True)
        name = layer.names[unit] if layer.names else None
        settings = self._settings(layer, unit, pictures[0].seed)
        seen = self._seen
        trust = None if seen is None else TrustReader(self._store, trust_owner(layer.owner, seen.owner))
        positions = layer.positions is not None
        return CatalogueUnit(layer.path, unit, name, tuple(pictures), settings, seen, positions, trust)

    def _named(self, key: Any) -> tuple[PlannedLayer, int]:
        if not isinstance(key, tuple) or len(key) != 2:
            raise TypeError(f'a unit is a layer and an index, as in catalogue["block5c_add", 3], not {key!r}.')
        layer = self.layer(key[0])
        return layer, self._unit(layer, key[1])

    def _unit(self, layer: PlannedLayer, unit: Any) -> int:
        if isinstance(unit, str) and layer.names is not None:
            folded = [name.casefold() for name in layer.names]
            if unit.casefold() in folded:
                return folded.index(unit.casefold())
            near = difflib.get_close_matches(unit.casefold(), folded, n=3, cutoff=0.4)
            hint = ", ".join(repr(layer.names[folded.index(one)]) for one in near)
            raise ValueError(f"{layer.path!r} has no unit {unit!r}" + (f"; nearest: {hint}." if hint else "."))
        if not is_whole(unit):
            raise TypeError(f"a unit is a whole number, not {unit!r} ({type(unit).__name__}).")
        if not 0 <= unit < layer.units:
            raise ValueError(f"unit {unit} is out of range: {layer.path!r} has units 0 to {layer.units - 1}.")
        return int(unit)

    def _picture(self, row: Row) -> SeedPicture:
        record = self._store.read(row)
        return SeedPicture(row.seed, record.status, record.score, record.data, _shape(record, self.channels))

    @property
    def channels(self) -> int:
        """Of the network's pictures."""
        return int(self.plan.network["channels"])

    @cached_property
    def recipe(self) -> Recipe:
        """That all pictures were made by."""
        return Recipe.from_json(self.plan.recipe)

    def _settings(self, layer: PlannedLayer, unit: int, seed: int) -> Settings:
        own = tuple(self.plan.network["size"])
        return Settings(
            network=str(self.plan.network["source"] or f"... {self.plan.network['name']!r}"),
            objective=objectives.channel(layer.path, unit),
            recipe=self.recipe,
            steps=self.plan.steps,
            step_size=self.recipe.step_size,
            seed=seed,
            size=None if layer.size == own else layer.size,
            start=None,
            precision=self.plan.precision,
        )

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """(name, why) of photographs that could not be read."""
        return () if self._seen is None else self._seen.skipped

    def like(self, layer: str, unit: int | str, count: int = 12) -> list[tuple[str, int, float]]:
        """The units of all layers that do most nearly the same on photographs, as (layer, unit, cosine).

        Where no photographs were looked at: those of the same layer with the most similar weights; none where no
        weights lead to its units one by one.

        Args:
            layer, unit: as for `catalogue[layer, unit]`; it need not be finished.
            count: how many at most.
        """
        planned, place = self._named((layer, unit))
        if not is_whole(count, 1):
            raise ValueError(f"count {count!r} is out of range: give a whole number from 1.")
        own = self._vectors(planned.path)
        if own is None:
            return []
        paths = self.layers() if self._seen is not None else (planned.path,)
        others = ((path, found) for path in paths if (found := self._vectors(path)) is not None)
        return nearest(own[place], others, (planned.path, place), count)

    def sparsities(self, layer: str) -> dict[int, float]:
        """Treves and Rolls's sparseness of every unit of a layer on photographs; {} where none were looked at."""
        arrays = None if self._seen is None else self._seen.layer(self.layer(layer).path)
        return {} if arrays is None else dict(enumerate(arrays["sparsity"].tolist()))

    def likeness(self, layer: str, unit: int | str, other: str) -> dict[int, float]:
        """The cosine between what a unit and every unit of another layer do on photographs; {} if unknown."""
        planned, place = self._named((layer, unit))
        own, others = self._vectors(planned.path), self._vectors(self.layer(other).path)
        if own is None or others is None or own.shape[1] != others.shape[1]:
            return {}
        return dict(enumerate((others.astype(np.float32) @ own[place].astype(np.float32)).tolist()))

    def _vectors(self, path: str) -> np.ndarray | None:
        if self._seen is not None:
            return self._seen.vectors(path)
        record = self._store.get("vectors", str(self.plan.network["hash"]), path)
        return None if record is None else from_bytes(record.data)["vectors"]

    def export(self, folder: str | os.PathLike[str], *, photos: bool = False) -> Path:
        """Writes a site of all that is finished, to be opened in a browser from a disk or put on any server.

        A unit's address in it lasts: `index.html#block5c_add/3`.

        Args:
            folder: of the site; missing, empty, or an older site, which is renewed.
            photos: whether parts of photographs, and the names of their files, are in it; without it there is not one
                byte of them.

        Returns:
            Path of its `index.html`.

        Raises:
            ValueError: the folder holds something else, or there are no photographs.
            OSError: it cannot be written.
        """
        from nbfeatviz.catalogue.site import write_site

        if photos is True and self._seen is None:
            raise ValueError("this catalogue looked at no photographs: build it with photos, or export without them.")
        across = self._seen is not None
        return write_site(self, folder, recipe=self.recipe.name, vectors=self._vectors, across=across, photos=photos)

    def search(self, text: str, count: int = 100) -> list[tuple[str, int]]:
        """Finished and unfinished units by what is known of them, as (layer, unit), the best first.

        Args:
            text: the name of a class or a part of it, of a layer, or a layer and a number: "espresso", "block5c 3".
            count: how many at most.
        """
        if not isinstance(text, str):
            raise TypeError(f"what is searched for is a text, not {text!r} ({type(text).__name__}).")
        words = text.casefold().replace("/", " / ").split() if "/" not in text else [text.casefold()]
        return [(layer, unit) for _, layer, unit in sorted(self._matches(words, count))[:count]] if words else []

    def _matches(self, words: list[str], count: int) -> Iterator[tuple[tuple[int, int, int], str, int]]:
        """Rank, layer and unit of what fits; of a layer's units no more than so many."""
        numbers = {int(word) for word in words if word.isdecimal() and len(word) < 9}
        text = [word for word in words if not word.isdecimal()]
        for place, layer in enumerate(self.plan.layers):
            path = layer.path.casefold()
            if layer.names is not None and text:
                for unit, name in enumerate(layer.names):
                    folded = name.casefold()
                    if all(word in folded for word in words):
                        yield (0 if folded == " ".join(words) else 1, place, unit), layer.path, unit
            if all(word in path for word in text):
                chosen = sorted(unit for unit in numbers if unit < layer.units) if numbers else layer.wanted
                for unit in chosen[:count]:
                    yield (2 if path in text else 3, place, unit), layer.path, unit


def _rank(score: float | None) -> float:
    return -np.inf if score is None else score


def _shape(record: Record, channels: int) -> tuple[int, int, int]:
    given = record.facts.get("shape")
    sound = isinstance(given, list) and len(given) == 3 and all(type(one) is int and 0 < one <= 4096 for one in given)
    return (given[0], given[1], channels) if sound and given is not None else (1, 1, channels)
