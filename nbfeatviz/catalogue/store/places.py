"""Where what lies in the folder of a store."""

from __future__ import annotations

from pathlib import Path

INDEX = "index.sqlite"


def shard_path(folder: Path, number: int) -> Path:
    """The file of a shard."""
    return folder / "shards" / f"{number:06d}.shard"


def waiting(folder: Path, name: str) -> Path:
    """The file in which records wait to be merged."""
    return folder / "waiting" / f"{name}.records"


def length_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0
