"""The overview that ships with the package: some units of each layer of the default network.

Run as `python -m nbfeatviz.catalogue.overview`, which computes it anew (a quarter of an hour). It is an ordinary
catalogue without photographs.
"""

from __future__ import annotations

import dataclasses
import shutil
import sys
from pathlib import Path

from nbfeatviz.catalogue.plan import Job, Plan
from nbfeatviz.catalogue.planning import planned
from nbfeatviz.catalogue.store.records import Record
from nbfeatviz.catalogue.store.writer import writing
from nbfeatviz.catalogue.worker import finished, work
from nbfeatviz.networks.loading import load
from nbfeatviz.networks.network import Network

DEFAULT = "efficientnet-lite0"
OVERVIEW = Path(__file__).parents[1] / "data" / "overview.nbfv"
UNITS = 6
"""Of each layer."""
CLASSES = (980, 985, 986, 987, 992, 994)
"""All of one job, and easily recognized: volcano, daisy, lady's slipper, corn, agaric, and a neighbour."""


def overview_plan(network: Network) -> Plan:
    """What the overview holds: the first units of each layer, and some classes."""
    plan = planned(network, precision="float32")
    head = plan.network["head"]
    layers = []
    for layer in plan.layers:
        units = CLASSES if layer.path == head else range(UNITS)
        layers.append(dataclasses.replace(layer, asked=tuple((unit, unit) for unit in units)))
    return dataclasses.replace(plan, layers=tuple(layers))


def records_of(network: Network, plan: Plan, job: Job) -> list[Record]:
    """The pictures of a job that the overview keeps."""
    wanted = next(layer.wanted for layer in plan.layers if layer.path == job.layer)
    return [record for record in finished(work(network, job)) if record.unit in wanted]


def main() -> None:
    """Computes it, in place of the one that is there."""
    network = load(DEFAULT)
    plan = overview_plan(network)
    new = OVERVIEW.with_name("overview.new")
    shutil.rmtree(new, ignore_errors=True)
    with writing(new, print) as writer:
        writer.add([plan.record()])
        writer.note("build", plan.owner)
        for job in plan.jobs():
            records = records_of(network, plan, job)
            writer.add(dataclasses.replace(record, facts={"shape": record.facts["shape"]}) for record in records)
            print(job.layer, job.new[0], sum(len(record.data) for record in records), file=sys.stderr, flush=True)
    for rest in (new / "writing.lock", new / "waiting"):
        shutil.rmtree(rest) if rest.is_dir() else rest.unlink(missing_ok=True)
    shutil.rmtree(OVERVIEW, ignore_errors=True)
    new.rename(OVERVIEW)


if __name__ == "__main__":
    main()
