"""What has to be measured in a process of its own: first steps, and memory.

`python -m tests.benchmarks.speed.alone first|memory WAY network layer` prints one line of JSON; WAY is plain, float32,
bfloat16 or default-recipe.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import Any

MEMORY_STEPS = 20
DEFAULT = "default-recipe"  # as the panel begins, in float32


def asked_for(what: str, way: str, network: str, layer: str) -> dict[str, float]:
    """Runs this module in another process and returns what it measured."""
    command = [sys.executable, "-m", __name__, what, way, network, layer]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found


def main(what: str, way: str, name: str, layer: str) -> None:
    """Measures, and prints."""
    import tensorflow as tf

    from tests.benchmarks.speed import timing

    net = timing.loaded(name)

    def made() -> Any:
        if way == "plain":
            return timing.plain_way(net, tf.function(timing.plain_step(net, layer)))
        if way == DEFAULT:
            return timing.our_way(net, timing.objective(layer), recipe="default")
        return timing.our_way(net, timing.objective(layer), way)

    if what == "first":
        tf.function(lambda x: x @ x)(tf.ones((64, 64))).numpy()  # TensorFlow itself has been used
        seconds = timing.timed(lambda: made()()) / 1000
        print(json.dumps({"seconds": seconds}))
        return
    step = made()
    for _ in range(MEMORY_STEPS):
        step()
    print(json.dumps({"megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))


if __name__ == "__main__":
    main(*sys.argv[1:])
