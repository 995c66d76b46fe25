"""The natural statistics of a network: its batch norms', or those of photographs, measured once and kept in a file."""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import weakref
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nbfeatviz import samples
from nbfeatviz.images import as_picture
from nbfeatviz.networks import precision
from nbfeatviz.networks.natural_statistics import (
    NaturalStatistics,
    from_moments,
    places,
    pooled,
    statistics_of_norms,
)
from nbfeatviz.networks.network import Network
from nbfeatviz.networks.tap import Tap
from nbfeatviz.synthesis.objectives import Objective
from nbfeatviz.synthesis.quality import crops

PHOTOGRAPHS = "photographs"
"""The word for those that come with the package."""
CROPS = 84
_MOST = 200
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_known: weakref.WeakKeyDictionary[Network, dict[str, NaturalStatistics]] = weakref.WeakKeyDictionary()

Moments = list[tuple[np.ndarray, np.ndarray]]


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
        The statistics; None where no layer below the objectives has channels with positions.

    Raises:
        ValueError, TypeError: a source that is none of these.
    """
    targets = sorted({network.call(tap.path).index for item in resolved for _, tap in item.structure})
    if source is None:
        found = statistics_of_norms(network, targets)
        if found is not None:
            return found
    whole = _shipped(network) if source is None else None
    whole = whole or _measured(network, _pictures(source))
    needed = set(network.graph.ancestors(targets))
    kept = [place for place, tap in enumerate(whole.taps) if network.call(tap.path).index in needed]
    if not kept:
        return None
    taps = tuple(whole.taps[place] for place in kept)
    values = tuple(whole.values[place] for place in kept)
    return NaturalStatistics(taps, values, whole.source, whole.whole)


def _shipped(network: Network) -> NaturalStatistics | None:
    """Those that came with a network's weights, as long as it has these."""
    network.refresh()
    if not network.natural or network.version:
        return None
    taps = tuple(Tap(path, True) for path in network.natural)
    return from_moments(taps, list(network.natural.values()), "shipped")


def _pictures(source: Any) -> list[Any]:
    """The pictures that a source stands for (paths, or what `images.as_picture` takes)."""
    if source is None or (isinstance(source, str) and source == PHOTOGRAPHS):
        return [str(sample.path) for sample in samples.ALL if sample.name != "camera"]  # that one is grey
    if isinstance(source, str | os.PathLike):
        folder = Path(source)
        if not folder.is_dir():
            raise ValueError(
                f"statistics {str(source)!r} is no folder: give a folder of pictures, several pictures, "
                f"{PHOTOGRAPHS!r} for those of the package, or None for the network's own."
            )
        found: list[Any] = sorted(str(path) for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)
        if not found:
            raise ValueError(f"there are no pictures ({', '.join(_ENDINGS)}) in the folder {str(source)!r}.")
        return found[:_MOST]
    if isinstance(source, bytes) or not isinstance(source, Iterable):
        raise TypeError(
            f"statistics {source!r} ({type(source).__name__}) is neither a folder nor several pictures: give a folder "
            f"of pictures, a list of pictures, {PHOTOGRAPHS!r}, or None for the network's own."
        )
    given = list(source)[:_MOST]
    if not given:
        raise ValueError("statistics of no pictures: give at least one, better fifty.")
    return given


def _measured(network: Network, given: list[Any]) -> NaturalStatistics:
    """The statistics of pictures at all places of a network: known, or read from a file, or measured now."""
    channels = network.contract.channels
    taps = places(network)
    with _lock:
        pictures = [as_picture(one, channels) for one in given]
        digest = _digest_of(network, pictures, taps)
        known = _known.setdefault(network, {})
        if digest not in known:
            found = _read(digest, len(taps))
            if found is None:
                found = _moments(network, pictures, taps)
                _write(digest, found)
            known[digest] = from_moments(taps, found, digest)
        return known[digest]


def _moments(network: Network, pictures: list[np.ndarray], taps: tuple[Tap, ...]) -> Moments:
    """Mean and deviation of each channel at each place, pooled over random parts of all pictures."""
    contract, count = network.contract, max(CROPS, len(pictures))
    return pooled(network, taps, crops(pictures, count, contract.size, channels=contract.channels, least=0.5))


def _digest_of(network: Network, pictures: list[np.ndarray], taps: tuple[Tap, ...]) -> str:
    """What the statistics depend on: the network, its weights, where it is read, and the pictures."""
    network.refresh()
    made = hashlib.sha256(f"{precision.fingerprint(network)} {taps} {CROPS}".encode())
    for weight in network.model.weights:
        made.update(np.ascontiguousarray(np.asarray(network.derived.live(weight))).tobytes())
    for picture in pictures:
        made.update(repr(picture.shape).encode())
        made.update(np.ascontiguousarray(picture, np.float32).tobytes())
    return made.hexdigest()[:24]


def _path(digest: str) -> Path:
    """The file in which statistics are kept; it may be removed."""
    return precision.path().with_name(f"statistics-{digest}.npz")


def _read(digest: str, count: int) -> Moments | None:
    """What was measured before; None where that is not to be had, or is not as we write it."""
    try:
        with zipfile.ZipFile(_path(digest)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > 64_000_000:
                return None
        with np.load(_path(digest), allow_pickle=False) as file:
            found = [(file[f"mean{k}"], file[f"deviation{k}"]) for k in range(count)]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return found if all(_is_sound(mean, deviation) for mean, deviation in found) else None


def _is_sound(mean: np.ndarray, deviation: np.ndarray) -> bool:
    alike = mean.dtype == deviation.dtype == np.float32 and mean.shape == deviation.shape and mean.ndim == 1
    return alike and bool(np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation >= 0).all())


def _write(digest: str, found: Moments) -> None:
    """Keeps them for the next time; where no file can be written they are measured again then."""
    target = _path(digest)
    arrays = {
        f"{name}{k}": pair[place] for k, pair in enumerate(found) for place, name in enumerate(("mean", "deviation"))
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        new = target.with_suffix(f".{os.getpid()}.new.npz")
        np.savez(new, **arrays)  # type: ignore[arg-type]
        new.replace(target)  # nobody reads half a file
    except OSError as error:
        _log.info("what was measured cannot be kept: %s", error)
