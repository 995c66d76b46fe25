"""The files in which statistics of photographs are kept beside `precision`'s decisions, one for each network."""

from __future__ import annotations

import logging
import os
import zipfile
from pathlib import Path

import numpy as np

from nbfeatviz.networks import precision

Moments = list[tuple[np.ndarray, np.ndarray]]
"""At each place mean and deviation of its channels, float32 (channels,)."""

_LARGEST = 64_000_000  # bytes, unpacked

_log = logging.getLogger(__name__)


def path(name: str) -> Path:
    """The file in which statistics are kept; it may be removed."""
    return precision.path().with_name(f"statistics-{name}.npz")


def read(name: str, count: int) -> Moments | None:
    """What was measured before; None where that is not to be had, or is not as we write it."""
    try:
        with zipfile.ZipFile(path(name)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
                return None
        with np.load(path(name), allow_pickle=False) as file:
            found = [(file[f"mean{k}"], file[f"deviation{k}"]) for k in range(count)]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return found if all(_is_sound(mean, deviation) for mean, deviation in found) else None


def write(name: str, found: Moments) -> None:
    """Keeps them for the next time; where no file can be written they are measured again then."""
    target = path(name)
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


def _is_sound(mean: np.ndarray, deviation: np.ndarray) -> bool:
    alike = mean.dtype == deviation.dtype == np.float32 and mean.shape == deviation.shape and mean.ndim == 1
    return alike and bool(np.isfinite(mean).all() and np.isfinite(deviation).all() and (deviation >= 0).all())
