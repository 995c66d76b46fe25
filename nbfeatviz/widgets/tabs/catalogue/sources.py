"""The catalogues that a panel looks into: the user's, what the panel has filled in itself, and the one that ships."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz.catalogue.catalogue import Catalogue
from nbfeatviz.catalogue.overview import DEFAULT, OVERVIEW
from nbfeatviz.catalogue.plan import Job, Plan
from nbfeatviz.catalogue.planning import planned
from nbfeatviz.catalogue.store.records import DamagedError, Record
from nbfeatviz.catalogue.store.writer import Writer, put, writing
from nbfeatviz.catalogue.unit import CatalogueUnit
from nbfeatviz.networks.identity import network_hash
from nbfeatviz.networks.network import Network

SORTS = {"index": "by index", "score": "by score", "sparsity": "by sparsity", "similarity": "by likeness"}


class Sources:
    """What is pictured of the network in use; from any thread.

    Args:
        given: folder of a catalogue, or an open one; None for none.

    Raises:
        ValueError, TypeError: there is no catalogue.
    """

    def __init__(self, given: Any = None) -> None:
        self._lock = threading.RLock()
        self._own_folder: Path | None = None
        self._filled: Catalogue | None = None
        self._hash: str | None = None  # of the network in use, None before it is known
        self._default = True  # whether that is the default network as it ships
        self._given = given if given is None or isinstance(given, Catalogue) else Catalogue(given)
        self._closes = not isinstance(given, Catalogue)
        self._overview = None
        with contextlib.suppress(ValueError), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._overview = Catalogue(OVERVIEW)

    def use(self, network: Network) -> bool:
        """Another network is in use, or it has other weights; returns whether what is pictured is another."""
        found = network_hash(network)
        with self._lock:
            self._default = network.source == repr(DEFAULT) and not network.version
            if found == self._hash:
                return False
            self._hash = found
            self._forget_filled()
            return True

    def _forget_filled(self) -> None:
        if self._filled is not None:
            self._filled.close()
        self._filled = None
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)
        self._own_folder = None

    def all(self) -> list[Catalogue]:
        """Those of the network in use, the user's first; before one is loaded, those that are there."""
        with self._lock:
            known = [one for one in (self._given, self._filled) if one is not None]
            fitting = [one for one in known if self._hash in (None, one.plan.network["hash"])]
            return [*fitting, self._overview] if self._overview is not None and self._default else fitting

    @property
    def mismatch(self) -> str | None:
        """A sentence where the user's catalogue is one of another network."""
        if self._given is None or self._hash in (None, self._given.plan.network["hash"]):
            return None
        return (
            f"the catalogue in {str(self._given.folder)!r} is of {self._given.plan.network['name']!r} with other "
            "weights or layers: it is not shown for this network."
        )

    def paths(self) -> tuple[str, ...]:
        """The layers of which something is pictured, from input to classes."""
        found: dict[str, None] = {}
        for one in self.all():
            found |= dict.fromkeys(one.layers())
        return tuple(found)

    def rows(self, network: Network | None) -> list[dict[str, Any]]:
        """A row a layer for the page, in the order in which they are computed."""
        paths = self.paths()
        if network is not None:
            places = {call.path: call.index for call in network.graph.calls}
            paths = tuple(sorted(paths, key=lambda path: places.get(path, 0)))
        rows = []
        for path in paths:
            layer = next(one.layer(path) for one in self.all() if path in one.layers())
            done = len(self.units(path))
            rows.append({"path": path, "kind": layer.kind, "units": layer.units, "done": done})
        return rows

    def units(self, path: str) -> list[int]:
        """The units of a layer that are pictured."""
        found: set[int] = set()
        for one in self.all():
            if path in one.layers():
                found.update(one.units(path))
        return sorted(found)

    def unit(self, path: str, unit: int) -> CatalogueUnit | None:
        """A unit of the first catalogue that has it; None where none has."""
        for one in self.all():
            with contextlib.suppress(KeyError, ValueError):
                return one[path, unit]
        return None

    def order(self, path: str, sort: str, chosen: tuple[str, int] | None) -> list[int]:
        """The pictured units of a layer in order.

        Args:
            path: of the layer.
            sort: one of `SORTS`.
            chosen: the unit that others are like.
        """
        units = self.units(path)
        values: dict[int, float] = {}
        for one in reversed([one for one in self.all() if path in one.layers()]):
            if sort == "score":
                values |= {unit: -np.inf if score is None else score for unit, (_, score) in one.scores(path).items()}
            elif sort == "sparsity":
                values |= one.sparsities(path)
            elif sort == "similarity" and chosen is not None:
                with contextlib.suppress(ValueError):
                    values |= one.likeness(*chosen, path)
        return units if not values else sorted(units, key=lambda unit: (-values.get(unit, -np.inf), unit))

    def like(self, path: str, unit: int, count: int) -> list[tuple[str, int, float]]:
        """The units that are most alike, of the first catalogue that knows."""
        for one in self.all():
            with contextlib.suppress(ValueError):
                if found := one.like(path, unit, count):
                    return found
        return []

    def search(self, text: str, count: int = 60) -> list[tuple[str, int]]:
        """The pictured units that a text finds."""
        found: dict[tuple[str, int], None] = {}
        for one in self.all():
            found |= dict.fromkeys(pair for pair in one.search(text, 10 * count) if pair in one)
        return list(found)[:count]

    # Filling in

    def plan(self, network: Network, path: str) -> Plan:
        """How a layer is pictured that is not: as the user's catalogue is, else by the defaults."""
        given = self._given
        if given is None or given.plan.network["hash"] != self._hash:
            return planned(network, layers=[path], precision="auto")
        like = {"recipe": given.recipe, "steps": given.plan.steps, "seeds": len(given.plan.seeds),
                "precision": given.plan.precision}  # fmt: skip
        size = given.layer(path).size if path in given.layers() else None
        return planned(network, layers=[path], size=size, **like)  # type: ignore[arg-type]

    def jobs(self, plan: Plan) -> Iterator[Job]:
        """The jobs of a plan of which a unit is not there."""
        path = plan.layers[0].path
        there = set(self.units(path))
        return (job for job in plan.jobs() if not there.issuperset(job.new))

    def take(self, plan: Plan, job: Job, records: list[Record]) -> None:
        """Takes what a job has made: into the user's catalogue, else into a folder that ends with the panel."""
        with self._lock:
            given = self._given
            if given is not None and given.plan.network["hash"] == self._hash and job.layer in given.layers():
                put(given.folder, job.name, records)
                with contextlib.suppress(TimeoutError), writing(given.folder, lambda words: None, 0) as writer:
                    writer.merge()  # else a build is at work, and merges it
                return
            if self._own_folder is None:
                self._own_folder = Path(tempfile.mkdtemp(prefix="nbfeatviz-"))
            with writing(self._own_folder, lambda words: None) as writer:
                writer.add(records)
                self._describe(writer, plan)
            if self._filled is not None:
                self._filled.close()
            self._filled = Catalogue(self._own_folder)

    def _describe(self, writer: Writer, plan: Plan) -> None:
        """Adds a layer to what the panel's own folder says of itself."""
        before = () if self._filled is None else self._filled.plan.layers
        layers = {layer.path: layer for layer in (*before, *plan.layers)}
        whole = replace(plan, layers=tuple(layers.values()))
        writer.add([whole.record()])
        writer.note("build", whole.owner)

    def close(self) -> None:
        """Gives files back."""
        with self._lock:
            self._forget_filled()
            for one in (self._overview, self._given if self._closes else None):
                if one is not None:
                    with contextlib.suppress(DamagedError):
                        one.close()
            self._overview = self._given = None
