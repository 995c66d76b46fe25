"""How a network is computed fastest on this machine: measured on the spot, once, and remembered.

`mode(network, "auto")` times one gradient of the network in each way that the machine may be good at, takes the
fastest, and writes the times to a file, so that the choice, and with it every picture of a seed, stays what it was.
bfloat16 must win clearly to be taken, since float32 is exact.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import platform
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from nbfeatviz.engine import tf
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.networks.compute.fast_path import reducible
from nbfeatviz.networks.network import Network

PRECISIONS = ("auto", "float32", "bfloat16")
CLEAR_WIN = 0.9
"""bfloat16 is taken where it needs at most this share of float32's time."""
SMALL = 100_000_000
"""A network of fewer multiplications a picture is computed in float32 without asking: nothing could be gained."""
_ROUNDS = 2

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_found: weakref.WeakKeyDictionary[Network, dict[Mode, float]] = weakref.WeakKeyDictionary()


@dataclass(frozen=True)
class Mode:
    """One way to compute a network.

    Attributes:
        precision: "float32" or "bfloat16".
        xla: whether TensorFlow compiles it with XLA; only ever on a GPU, on processors that takes several times longer.
    """

    precision: str = "float32"
    xla: bool = False

    def __str__(self) -> str:
        return self.precision + ("+xla" if self.xla else "")


def checked_precision(precision: Any) -> str:
    """The precision that is asked for; ValueError where there is none such."""
    if not isinstance(precision, str) or precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r} is unknown: it is 'auto', 'float32' or 'bfloat16'.")
    return precision


def mode(network: Network, precision: str = "auto") -> Mode:
    """How to compute a network in the precision that is asked for; "auto" for the fastest."""
    asked = checked_precision(precision)
    if not reducible(network.graph):
        return Mode()  # the model has a precision of its own
    gpu = bool(tf.config.list_physical_devices("GPU"))
    if not gpu and (asked != "auto" or multiplications(network) < SMALL):
        return Mode("float32" if asked == "auto" else asked)
    times = _times(network, gpu)
    best = {
        name: min((one for one in times if one.precision == name), key=times.__getitem__) for name in PRECISIONS[1:]
    }
    if asked != "auto":
        return best[asked]
    half, full = best["bfloat16"], best["float32"]
    return half if times[half] < math.inf and times[half] <= CLEAR_WIN * times[full] else full


def multiplications(network: Network) -> int:
    """About how many multiplications its convolutions and dense layers need for one picture of its own size."""
    total = 0
    for call in network.graph.calls:
        kernel = getattr(call.operation, "kernel", None)
        if kernel is not None and call.shape:
            places = math.prod(length or 1 for length in call.shape[:-1])
            total += places * math.prod(kernel.shape)
    return total


def _times(network: Network, gpu: bool) -> dict[Mode, float]:
    """Milliseconds that one gradient takes in each mode: as they were found once, or else found now."""
    with _lock:
        if network not in _found:
            modes = [Mode(name, xla) for xla in ((False, True) if gpu else (False,)) for name in PRECISIONS[1:]]
            _found[network] = _remembered(network, modes, gpu)
        return _found[network]


def _remembered(network: Network, modes: list[Mode], gpu: bool) -> dict[Mode, float]:
    key, known = f"{_machine()} | {fingerprint(network)}", _read()
    row = known.get(key, {})
    if all(str(one) in row for one in modes):
        return {one: row[str(one)] for one in modes}
    times = measured(network, modes, compiled=gpu)
    _log.info("%s: %s", network.name, ", ".join(f"{one} {times[one]:.0f} ms" for one in modes))
    _write({**known, key: {str(one): round(value, 2) for one, value in times.items()}})
    return times


def measured(network: Network, modes: list[Mode], *, compiled: bool = False) -> dict[Mode, float]:
    """Milliseconds that one gradient of the output by the picture takes in each mode, infinity where it fails.

    Args:
        network: the network.
        modes: the ways.
        compiled: as TensorFlow functions. Without it nothing is traced: that is over in a second or two, and what it
            adds to every operation is the same for all precisions.
    """
    height, width = network.contract.size
    random = np.random.default_rng(0).uniform(0.4, 0.6, (1, height, width, network.contract.channels))
    picture = tf.constant(random, tf.float32)
    steps = {one: _gradient(network, one, compiled) for one in modes}
    times = dict.fromkeys(modes, math.inf)
    for turn in range(_ROUNDS + 1):
        for one, step in steps.items():
            begin = time.perf_counter()
            try:
                finite = bool(np.isfinite(step(picture).numpy()).all())
            except Exception as error:
                _log.info("%s cannot be computed in %s: %s", network.name, one, error)
                finite = False
            if turn and finite:  # the first one warms up
                times[one] = min(times[one], 1000 * (time.perf_counter() - begin))
    return times


def _gradient(network: Network, way: Mode, compiled: bool) -> Callable[[Any], Any]:
    tap = Tap(network.head_layer.path)
    backbone = Backbone(network, [tap], fast=True, precision=way.precision)

    def gradient(picture: Any) -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(picture)
            value = tf.reduce_mean(backbone(picture)[tap])
        return tape.gradient(value, picture)

    return tf.function(gradient, jit_compile=way.xla or None) if compiled else gradient


@cache
def _machine() -> str:
    """What computes: processor, its number, its abilities, GPUs, TensorFlow."""
    name, abilities = platform.processor() or platform.machine(), ""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        facts = {before.strip(): after.strip() for before, _, after in (line.partition(":") for line in lines)}
        name, abilities = facts.get("model name", name), facts.get("flags", facts.get("Features", ""))
    except OSError:
        pass  # another operating system
    gpus = [device.name for device in tf.config.list_physical_devices("GPU")]
    devices = ", ".join([f"{os.cpu_count()} × {name} ({_digest(abilities)})", *gpus])
    return f"{devices}, TensorFlow {tf.__version__}"


def fingerprint(network: Network) -> str:
    """What is computed: the kinds and shapes of all layers, not their weights."""
    calls = [(call.kind, call.shape, call.inputs) for call in network.graph.calls]
    size = "×".join(map(str, (*network.contract.size, network.contract.channels)))
    return f"{network.model.name}, {size} ({_digest(repr(calls))})"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def path() -> Path:
    """The file in which the times are kept; it may be removed."""
    return Path(platformdirs.user_cache_dir("nbfeatviz", appauthor=False)) / "precision.json"


def _read() -> dict[str, dict[str, float]]:
    """The times that were found before, by machine and network; what is not as we write it is left out."""
    try:
        text = path().read_text(encoding="utf-8")
        found = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return {}
    rows = found.items() if isinstance(found, dict) else ()
    return {key: row for key, row in rows if isinstance(row, dict) and all(map(_is_time, row.values()))}


def _is_time(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0


def _write(times: dict[str, dict[str, float]]) -> None:
    """Keeps them for the next time; where no file can be written they are found again then."""
    target = path()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_suffix(f".{os.getpid()}.new")
        new.write_text(json.dumps(times, indent=1), encoding="utf-8")
        new.replace(target)  # nobody reads half a file
    except OSError as error:
        _log.info("what was measured cannot be kept: %s", error)
