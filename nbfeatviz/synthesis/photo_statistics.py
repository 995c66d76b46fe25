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
PHOTO_CHANNELS = (1, 3, 4)
_MOST = 200  # pictures of a folder
_KEPT = 64  # of a network: a panel moves from layer to layer
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif")

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_known: weakref.WeakKeyDictionary[Network, dict[Any, NaturalStatistics | None]] = weakref.WeakKeyDictionary()

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
        The statistics; None where no layer below the objectives has channels with positions, or where there are no
        photographs of as many channels as the network's pictures have.

    Raises:
        ValueError, TypeError: a source that is none of these.
    """
    targets = tuple(sorted({network.call(tap.path).index for item in resolved for _, tap in item.structure}))
    network.refresh()
    with _lock:
        known = _known.setdefault(network, {})
        pictures = PHOTOGRAPHS if source is None else _pictures(source, network.contract.channels)
        which = pictures if isinstance(pictures, str) else _digest_of(pictures)
        key = (network.version, source is None, which, targets)
        if key not in known:
            while len(known) >= _KEPT:
                del known[next(iter(known))]
            known[key] = _found(network, targets, source is None, which, pictures)
        return known[key]


def _found(
    network: Network, targets: tuple[int, ...], own: bool, which: str, pictures: str | list[np.ndarray]
) -> NaturalStatistics | None:
    """The statistics below some targets; the network's `own`, if it has any."""
    if own and (stored := statistics_of_norms(network, targets)) is not None:
        return stored
    whole = _shipped(network) if own else None
    if whole is None and own and network.contract.channels not in PHOTO_CHANNELS:
        return None  # there are no photographs of so many channels
    whole = whole or _measured(network, which, pictures)
    needed = set(network.graph.ancestors(targets))
    kept = [place for place, tap in enumerate(whole.taps) if network.call(tap.path).index in needed]
    if not kept:
        return None
    taps = tuple(whole.taps[place] for place in kept)
    values = tuple(whole.values[place] for place in kept)
    return NaturalStatistics(taps, values, whole.source, whole.whole)


def _shipped(network: Network) -> NaturalStatistics | None:
    """Those that came with a network's weights, as long as it has these."""
    if not network.natural or network.version:
        return None
    taps = tuple(Tap(path, True) for path in network.natural)
    return from_moments(taps, list(network.natural.values()), "shipped")


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
        given: list[Any] = sorted(str(path) for path in folder.iterdir() if path.suffix.lower() in _ENDINGS)
        if not given:
            raise ValueError(f"there are no pictures ({', '.join(_ENDINGS)}) in the folder {str(source)!r}.")
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


def _measured(network: Network, which: str, pictures: str | list[np.ndarray]) -> NaturalStatistics:
    """The statistics of pictures at all places of a network: read from a file, or measured now."""
    if isinstance(pictures, str):
        colour = [sample for sample in samples.ALL if sample.name != "camera"]  # that one is grey
        pictures = [as_picture(str(sample.path), network.contract.channels) for sample in colour]
    taps = places(network)
    count = max(_crops(network), len(pictures))
    name = _name_of(network, f"{taps} {which} {count}")
    found = _read(name, len(taps))
    if found is None:
        contract = network.contract
        parts = crops(pictures, count, contract.size, channels=contract.channels, least=0.5)
        found = pooled(network, taps, parts)
        _write(name, found)
    return from_moments(taps, found, name)


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


def _path(name: str) -> Path:
    """The file in which statistics are kept; it may be removed."""
    return precision.path().with_name(f"statistics-{name}.npz")


def _read(name: str, count: int) -> Moments | None:
    """What was measured before; None where that is not to be had, or is not as we write it."""
    try:
        with zipfile.ZipFile(_path(name)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > 64_000_000:
                return None
        with np.load(_path(name), allow_pickle=False) as file:
            found = [(file[f"mean{k}"], file[f"deviation{k}"]) for k in range(count)]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return found if all(_is_sound(mean, deviation) for mean, deviation in found) else None


def _is_sound(mean: np.ndarray, deviation: np.ndarray) -> bool:
    alike = mean.dtype == deviation.dtype == np.float32 and mean.shape == deviation.shape and mean.ndim == 1
    return alike and bool(np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation >= 0).all())


def _write(name: str, found: Moments) -> None:
    """Keeps them for the next time; where no file can be written they are measured again then."""
    target = _path(name)
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
