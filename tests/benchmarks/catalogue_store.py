"""A store of 100,000 units: how long it takes to open it and to look at a unit, and how much memory that needs.

Run as `python -m tests.benchmarks.catalogue_store [UNITS]`; the pictures are small and at random, nothing is computed.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz.catalogue.plan import Plan, PlannedLayer
from nbfeatviz.catalogue.store.pictures import encoded
from nbfeatviz.catalogue.store.records import Record
from nbfeatviz.catalogue.store.writer import writing
from nbfeatviz.synthesis import recipes

UNITS = 100_000
LAYER = 512
LIMITS = {
    "open, s": 0.2, "a unit, ms": 5.0, "len, s": 0.2, "missing, s": 0.2, "search a class, s": 0.2,
    "search a layer, s": 0.2, "all scores of a layer, s": 0.2, "memory, MB": 50.0,
}  # fmt: skip


def plan_of(units: int) -> Plan:
    """Of as many units, in layers of 512, the last of them 1,000 classes with names."""
    names = tuple(f"class number {number}" for number in range(1000))
    layers = []
    while (left := units - sum(layer.units for layer in layers) - len(names)) > 0:
        count, path = min(LAYER, left), f"stage{len(layers) // 40}_block{len(layers)}_add"
        layers.append(PlannedLayer(path, "Add", count, ((0, count - 1),), (128, 128), "owner", None, (14, 14)))
    layers.append(PlannedLayer("head", "Dense", 1000, ((0, 999),), (224, 224), "head", names, None))
    network = {"name": "large", "source": None, "hash": "0" * 16, "size": [224, 224], "channels": 3, "head": "head"}
    return Plan(network, tuple(layers), recipes.get(recipes.DEFAULT).to_json(), 64, (0,), "float32")


def records(plan: Plan, pictures: list[bytes]) -> Iterator[Record]:
    """All units, each with one of some pictures."""
    for place, layer in enumerate(plan.layers):
        for unit in layer.wanted:
            data = pictures[(place + unit) % len(pictures)]
            facts = {"shape": [64, 64, 3], "first": 0.1, "seconds": 0.5}
            yield Record("unit", layer.owner, layer.path, unit, 0, "ok", unit / 7, facts, data)


def make(folder: Path, units: int) -> None:
    """Writes the store in bulk."""
    random, plan = np.random.default_rng(0), plan_of(units)
    pictures = [encoded(random.random((64, 64, 3), np.float32)) for _ in range(16)]
    with writing(folder, print) as writer:
        writer.add([plan.record()])
        writer.note("build", plan.owner)
        batch: list[Record] = []
        for record in records(plan, pictures):
            batch.append(record)
            if len(batch) == 2000:
                writer.add(batch)
                batch.clear()
        writer.add(batch)


def look(folder: str) -> dict[str, float]:
    """Measures an open store, in a process of its own."""
    import nbfeatviz.catalogue as catalogues

    before = _megabytes()
    found = {}
    begin = time.perf_counter()
    catalogue = catalogues.open(folder)
    found["open, s"] = time.perf_counter() - begin
    random = np.random.default_rng(1)
    layers = [catalogue.layer(path) for path in catalogue.layers()]
    chosen = [layers[place] for place in random.integers(0, len(layers), 300)]
    seconds = []
    for layer in chosen:
        begin = time.perf_counter()
        image = catalogue[layer.path, int(random.integers(layer.units))].image
        seconds.append(time.perf_counter() - begin)
        assert image is not None
    found["a unit, ms"] = 1000 * float(np.quantile(seconds, 0.95))
    found["len, s"] = _seconds(lambda: len(catalogue))
    found["missing, s"] = _seconds(catalogue.missing)
    found["search a class, s"] = _seconds(lambda: catalogue.search("number 7"))
    found["search a layer, s"] = _seconds(lambda: catalogue.search("block"))
    found["all scores of a layer, s"] = _seconds(lambda: catalogue.scores(layers[0].path))
    found["memory, MB"] = _megabytes() - before
    found["TensorFlow was loaded"] = float("tensorflow" in sys.modules)
    found["units"] = float(len(catalogue))
    return found


def _seconds(function: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def _megabytes() -> float:
    """Resident memory of this process."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main(units: int = UNITS) -> None:
    """Makes a store, measures it and prints the figures beside what is wanted."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "large.nbfv"
        begin = time.perf_counter()
        make(folder, units)
        print(f"written in {time.perf_counter() - begin:.1f} s")
        command = [sys.executable, "-m", "tests.benchmarks.catalogue_store", "--look", str(folder)]
        found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        for name, value in found.items():
            limit = LIMITS.get(name)
            print(f"{name:26} {value:10.3f}" + (f"   (at most {limit:g})" if limit is not None else ""))
        begin = time.perf_counter()
        with writing(folder, print) as writer:
            print(f"{'a build checks it in, s':26} {time.perf_counter() - begin:10.3f}")
            assert writer.mended == []
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        index = (folder / "index.sqlite").stat().st_size
        print(f"{'bytes, MB':26} {size / 1e6:10.3f}   of which the index {index / 1e6:.3f}")
        (folder / "index.sqlite").unlink()
        begin = time.perf_counter()
        with writing(folder, print) as writer:
            print(f"{'index made again in, s':26} {time.perf_counter() - begin:10.3f}   {writer.mended}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--look"]:
        print(json.dumps(look(sys.argv[2])))
    else:
        main(*map(int, sys.argv[1:2]))
