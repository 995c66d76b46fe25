"""What is damaged in a store is found, and forgotten, so that a build makes it again."""

from __future__ import annotations

from pathlib import Path

from nbfeatviz.catalogue.store.index import TOGETHER, Index, Row
from nbfeatviz.catalogue.store.places import INDEX, length_of, shard_path
from nbfeatviz.catalogue.store.records import NOTE, DamagedError, Record, scanned


def check_shards(folder: Path, index: Index) -> list[str]:
    """Reads all shards; forgets what is not there as the index says, and says so."""
    said = []
    if strays := index.strays():
        index.forget(strays, {})
        said.append(f"the index names files that there are not: {_named(strays)}.")
    for shard, end in index.ends().items():
        path = shard_path(folder, shard)
        sound = {}
        if path.is_file():
            sound = {(offset, length): _facts(record) for offset, length, record in scanned(path, end)}
        lost = [row for row in index.in_shard(shard) if sound.get((row.offset, row.length)) != _facts(row)]
        length = min(end, length_of(path))
        if lost or length < end:
            index.forget(lost, {shard: length})
            said.append(f"{path.name} was {'damaged' if length == end else 'cut off'}: {_named(lost)}.")
    return said


def _facts(one: Record | Row) -> tuple[object, ...]:
    """What an index must say of a record."""
    return one.kind, one.owner, one.layer, one.unit, one.seed, one.status, one.score


def _named(lost: list[Row]) -> str:
    """What is lost, in words."""
    layers = dict.fromkeys(row.layer for row in lost if row.layer)
    where = f" of {', '.join(list(layers)[:5])}{', ...' if len(layers) > 5 else ''}" if layers else ""
    return f"{len(lost)} record{'' if len(lost) == 1 else 's'}{where} {'is' if len(lost) == 1 else 'are'} made again"


def mended_index(folder: Path) -> list[str]:
    """Makes an index again where that is damaged or missing, of what the shards say; returns what was done, in words.

    Raises:
        ValueError: something was written by a newer version.
        OSError: it cannot be written.
    """
    path, shards = folder / INDEX, sorted(one for one in (folder / "shards").glob("*.shard") if one.stem.isdecimal())
    why = "was missing"
    if path.is_file():
        try:
            index = Index(path)
            try:
                index.check()
            finally:
                index.close()
            return []
        except DamagedError as error:
            why = f"was damaged ({error})"
    elif not shards:
        return []
    new = path.with_name(f"{INDEX}.new")
    for stale in (new, _journal(new)):
        stale.unlink(missing_ok=True)
    _index_of(shards, new)
    for damaged in (path, _journal(path)):
        if damaged.exists():
            damaged.replace(damaged.with_name(f"{damaged.name}.damaged"))
    new.replace(path)
    return [f"the index {why}; it was made again of {len(shards)} shards."]


def _journal(index: Path) -> Path:
    """The file in which SQLite keeps what it is about to write over."""
    return index.with_name(f"{index.name}-journal")


def _index_of(shards: list[Path], new: Path) -> None:
    index = Index(new, write=True)
    try:
        last: dict[str, str] = {}
        whole = True
        for shard in shards:
            end, rows = 0, []
            for offset, length, record in scanned(shard):
                whole, end = whole and offset == end, offset + length
                rows.append((record, int(shard.stem), offset, length))
                if record.kind == NOTE:
                    last[record.owner] = str(record.facts.get("value"))
                elif record.kind in ("build", "photos"):
                    last[record.kind] = record.owner
            whole = whole and end == length_of(shard)
            index.add(rows, {int(shard.stem): length_of(shard)})
        if not whole:  # nobody knows what was there
            index.forget_kinds(set(TOGETHER.values()))
        for name, value in last.items():
            index.note(name, value)
    finally:
        index.close()
