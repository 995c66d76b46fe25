"""Figures of a catalogue's build: units a minute by layer, batches and sizes, photographs, processes and a cluster.

`python -m tests.benchmarks.catalogue [PART ...] [--layers N] [--photos N] [--jobs N]`, where a part is one of

layers     one job of each of Lite0's 27 layers with the default settings, and what that makes of all 5,112 units
batch      class units as one batch and one by one: the probability of the class
size       classes at 128 and at 224 pixels: the probability of the class
photos     one pass over so many photographs for all layers: seconds and the process's memory
processes  the same jobs in this process and in two
cluster    the same jobs on a LocalCluster of one worker and of two, of one thread each, and what the scheduler costs

All parts by default; it takes half an hour on two cores. Nothing here is a test.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

import nbfeatviz as nv
from nbfeatviz import objectives, samples
from nbfeatviz.catalogue.photo_pass import PhotoPass
from nbfeatviz.catalogue.photo_set import PhotoSet
from nbfeatviz.catalogue.planning import planned
from nbfeatviz.catalogue.worker import finished, work
from nbfeatviz.images import fitted
from nbfeatviz.synthesis.quality import crops
from tests.benchmarks.pictures import spread_classes

NETWORK = "efficientnet-lite0"


def layers(net: nv.Network, limit: int) -> None:
    """Units a minute by layer, and of all together."""
    plan = planned(net)
    print(f"{'layer':22} {'units':>6} {'batch':>5} {'size':>5} {'first s':>8} {'s a unit':>9} {'kB':>5}")
    total, units = 0.0, 0
    for layer in plan.layers[:limit]:
        job = next(one for one in plan.jobs() if one.layer == layer.path)
        begin = time.perf_counter()
        working = work(net, job)
        next(working)
        first = time.perf_counter() - begin
        begin = time.perf_counter()
        records = finished(working)
        each = (time.perf_counter() - begin) / len(job.units)
        kilobytes = np.mean([len(record.data) for record in records]) / 1000
        print(f"{layer.path:22} {layer.units:6} {len(job.units):5} {layer.size[0]:5} {first:8.1f} {each:9.2f} "
              f"{kilobytes:5.1f}", flush=True)  # fmt: skip
        total += first + each * layer.units
        units += layer.units
    print(f"{units} units in {total / 60:.0f} minutes: {60 * units / total:.0f} a minute; wanted 60")


def batch(net: nv.Network, _: int) -> None:
    """Batches beside single pictures."""
    classes = spread_classes(16)
    targets = [objectives.class_logit(one) for one in classes]
    together = nv.maximize_grid(net, net.head_layer.path, classes, steps=64, size=128).images
    alone = np.stack([nv.maximize(net, one, steps=64, size=128).image for one in targets])
    print(f"probability: a batch {_probability(net, together, classes):.3f}, one by one "
          f"{_probability(net, alone, classes):.3f}; wanted within .02")  # fmt: skip


def size(net: nv.Network, _: int) -> None:
    """Classes at two sizes."""
    classes = spread_classes(16)
    for side in (128, 224):
        begin = time.perf_counter()
        pictures = nv.maximize_grid(net, net.head_layer.path, classes, steps=64, size=side).images
        each = (time.perf_counter() - begin) / len(classes)
        print(f"{side} pixels: probability {_probability(net, pictures, classes):.3f}, {each:.2f} s a unit", flush=True)


def _probability(net: nv.Network, pictures: np.ndarray, classes: list[int]) -> float:
    """Mean probability of each picture's class, seen at the network's own size."""
    seen = np.stack([fitted(picture, net.contract.size) for picture in pictures])
    found = [dict((index, p) for index, _, p in row) for row in net.predict_batch(seen, top=net.classes)]
    return float(np.mean([row[one] for row, one in zip(found, classes, strict=True)]))


def photos(net: nv.Network, count: int) -> None:
    """A pass over photographs."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(sample.path) for sample in samples.ALL]
        for place, picture in enumerate(crops(paths, count, (384, 512))):
            Image.fromarray((picture * 255).astype(np.uint8)).save(Path(folder) / f"{place:05d}.jpg", quality=90)
        begin = time.perf_counter()
        looking = PhotoPass(net, planned(net).layers, PhotoSet(folder))
        while looking.step():
            pass
        seen = time.perf_counter() - begin
        size = sum(len(record.data) for record in looking.records())
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.perf_counter() - begin
    print(f"{count} photographs, 27 layers: {seconds:.0f} s ({seen:.0f} to look), {size / 1e6:.1f} MB kept, at most "
          f"{memory:.0f} MB of memory; wanted 90 s and 1,500 MB for 1,000")  # fmt: skip


def processes(net: nv.Network, jobs: int) -> None:
    """One process beside two."""
    for workers in (1, 2):
        print(f"{workers} process(es): {_built(net, jobs, workers=workers):.0f} s for {jobs} jobs", flush=True)


def cluster(net: nv.Network, jobs: int) -> None:
    """One worker of one thread beside two."""
    found = {}
    for workers in (1, 2):
        with _workers(workers) as client:
            client.submit(time.sleep, 0).result()
            found[workers] = _built(net, jobs, executor=client)
            begin = time.perf_counter()
            client.gather([client.submit(str, place, pure=False) for place in range(100)])
            overhead = (time.perf_counter() - begin) / 100
        print(f"{workers} worker(s): {found[workers]:.0f} s for {jobs} jobs; an empty task {1000 * overhead:.1f} ms, "
              f"{100 * overhead * jobs / found[workers]:.2f} % of the time", flush=True)  # fmt: skip
    print(f"two workers are {found[1] / found[2]:.2f} times as fast; wanted 1.6")


@contextmanager
def _workers(count: int) -> Iterator[object]:
    from dask.distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(n_workers=count, **options) as made, Client(made) as client:
        yield client


def _built(net: nv.Network, jobs: int, **how: object) -> float:
    """Seconds to build so many jobs of one layer, without photographs."""
    with tempfile.TemporaryDirectory() as folder:
        options = {"layers": "block5c_add", "photos": False, "progress": False, "steps": 32, **how}
        begin = time.perf_counter()
        nv.catalogue.build(net, folder, units=f"0-{16 * jobs - 1}", **options).close()  # type: ignore[arg-type]
        return time.perf_counter() - begin


PARTS: dict[str, tuple[Callable[[nv.Network, int], None], str]] = {
    "layers": (layers, "layers"), "batch": (batch, "jobs"), "size": (size, "jobs"), "photos": (photos, "photos"),
    "processes": (processes, "jobs"), "cluster": (cluster, "jobs"),
}  # fmt: skip


def main() -> None:
    """Prints the figures of the chosen parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    parser.add_argument("--layers", type=int, default=27)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=7)
    options = parser.parse_args()
    net = nv.load(NETWORK)
    for part in options.parts or PARTS:
        function, number = PARTS[part]
        print(f"\n{part}", flush=True)
        function(net, getattr(options, number))


if __name__ == "__main__":
    main()
