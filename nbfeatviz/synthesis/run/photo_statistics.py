"""The natural statistics of a network: its batch norms', or those of photographs, measured once and kept in a file."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz import samples
from nbfeatviz.images import ENDINGS, as_picture
from nbfeatviz.networks import precision
from nbfeatviz.networks.graph.tap import Tap
from nbfeatviz.networks.natural_statistics import (
    NaturalStatistics,
    Values,
    places,
    pooled,
    statistics_of_norms,
    values_of,
)
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.quality import crops
from nbfeatviz.synthesis.run import statistics_file
from nbfeatviz.synthesis.run.statistics_file import Moments

PHOTOGRAPHS = "photographs"
"""The word for those that come with the package."""
PHOTO_CHANNELS = (1, 3, 4)
_MOST = 200  # pictures of a folder

_lock = threading.Lock()


def natural_statistics(network: Network, resolved: Sequence[Objective], source: Any = None) -> NaturalStatistics | None:
    """What a picture of some objectives is compared with, in the layers that they need.

    Args:
        network: the network.
        resolved: the objectives.
        source: None for the network's own batch norms; where it has none that are trained, what came with its weights
            or else photographs;
            "photographs" for those that come with the package; a folder of pictures; or pictures (paths, PIL images,
            arrays).

    Returns:
        The statistics; None where no layer below the objectives has channels with positions, or where there are no
        photographs of as many channels as the network's pictures have.

    Raises:
        ValueError, TypeError: a source that is none of these.
    """
    targets = tuple(sorted({network.call(tap.path).index for item in resolved for _, tap in item.structure}))
    network.refresh()
    with _lock:
        pictures = PHOTOGRAPHS if source is None else _pictures(source, network.contract.channels)
        which = pictures if isinstance(pictures, str) else _digest_of(pictures)
        key = (network.version, source is None, which)
        for older in [one for one in network.known_statistics if one[0] != network.version]:
            del network.known_statistics[older]
        if (*key, targets) not in network.known_statistics:
            own = statistics_of_norms(network, targets) if source is None else None
            if own is None:
                if key not in network.known_statistics:
                    network.known_statistics[key] = _whole(network, source is None, which, pictures)
                whole = network.known_statistics[key]
                own = None if whole is None else whole.below(network, targets)
            network.known_statistics[(*key, targets)] = own
        found: NaturalStatistics | None = network.known_statistics[(*key, targets)]
        return found


def source_in_settings(source: Any) -> str | None:
    """Where statistics come from, as the settings of a run say it: pictures by the name of a variable."""
    if source is None or isinstance(source, str | os.PathLike):
        return None if source is None else repr(os.fspath(source))
    return "pictures"


def _whole(network: Network, own: bool, which: str, pictures: str | list[np.ndarray]) -> NaturalStatistics | None:
    """At all places of a network: what came with its weights, if its `own` is asked for, or that of pictures."""
    if own and network.natural and not network.version:
        taps, moments = tuple(Tap(path, True) for path in network.natural), list(network.natural.values())
        return NaturalStatistics(taps, "shipped", len(taps), lambda: values_of(moments))
    if own and network.contract.channels not in PHOTO_CHANNELS:
        return None  # there are no photographs of so many channels
    taps = places(network)
    count = max(_crops(network), 0 if isinstance(pictures, str) else len(pictures))
    what = f"{taps} {which} {count}"
    name = _name_of(network, what)

    def find() -> Values:
        found = statistics_file.read(name, len(taps))
        if found is None:
            found = _measured(network, taps, count, pictures)
            if _name_of(network, what) == name:  # the weights may have changed since it was asked for
                statistics_file.write(name, found)
        return values_of(found)

    return NaturalStatistics(taps, name, len(taps), find)


def _pictures(source: Any, channels: int) -> str | list[np.ndarray]:
    """The pictures that a source stands for; the word for those of the package."""
    if isinstance(source, str) and source == PHOTOGRAPHS:
        return PHOTOGRAPHS
    if isinstance(source, str | os.PathLike):
        folder = Path(source)
        if not folder.is_dir():
            raise ValueError(
                f"statistics {str(source)!r} is no folder: give a folder of pictures, several pictures, "
                f"{PHOTOGRAPHS!r} for those of the package, or None for the network's own."
            )
        given: list[Any] = sorted(str(path) for path in folder.iterdir() if path.suffix.lower() in ENDINGS)
        if not given:
            raise ValueError(f"there are no pictures ({', '.join(ENDINGS)}) in the folder {str(source)!r}.")
    elif isinstance(source, bytes) or not isinstance(source, Iterable):
        raise TypeError(
            f"statistics {source!r} ({type(source).__name__}) is neither a folder nor several pictures: give a folder "
            f"of pictures, a list of pictures, {PHOTOGRAPHS!r}, or None for the network's own."
        )
    else:
        given = list(source)
        if not given:
            raise ValueError("statistics of no pictures: give at least one, better fifty.")
    return [as_picture(one, channels) for one in given[:_MOST]]


def _measured(network: Network, taps: tuple[Tap, ...], count: int, pictures: str | list[np.ndarray]) -> Moments:
    """Mean and deviation at each place, pooled over parts of pictures."""
    contract = network.contract
    if isinstance(pictures, str):
        colour = [str(sample.path) for sample in samples.ALL if sample.name != "camera"]  # that one is grey
        pictures = [as_picture(path, contract.channels) for path in colour]
    return pooled(network, taps, crops(pictures, count, contract.size, channels=contract.channels, least=0.5))


def _crops(network: Network) -> int:
    """How many parts of photographs are looked at: a few seconds' worth; fewer where random weights see them."""
    if not network.trained:
        return 12
    return 84 if precision.multiplications(network) < 1_000_000_000 else 36


def _digest_of(pictures: list[np.ndarray]) -> str:
    made = hashlib.sha256()
    for picture in pictures:
        made.update(repr(picture.shape).encode())
        made.update(np.ascontiguousarray(picture, np.float32).tobytes())
    return made.hexdigest()


def _name_of(network: Network, what: str) -> str:
    """The name under which statistics are kept: what they are, the network, and its weights."""
    made = hashlib.sha256(f"{precision.fingerprint(network)} {what}".encode())
    for weight in network.model.weights:
        made.update(np.ascontiguousarray(np.asarray(network.derived.live(weight))).tobytes())
    return made.hexdigest()[:24]
