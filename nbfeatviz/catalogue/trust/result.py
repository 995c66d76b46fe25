"""Trust: how far a unit's picture can be trusted, as a catalogue keeps it; `trust_pass` finds it out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from nbfeatviz.catalogue.store.records import DamagedError, Record
from nbfeatviz.catalogue.store.store import Store

_LONGEST_SENTENCE = 400


@dataclass(frozen=True)
class TrustPart:
    """One reason to trust a picture or not.

    Attributes:
        value: 0 (none) to 1 (as much as can be); None where it cannot be known.
        sentence: what was found, or why it cannot be known.
    """

    value: float | None
    sentence: str


@dataclass(frozen=True)
class Trust:
    """How far the picture of a unit can be trusted; each part is a function of `nbfeatviz.quality`.

    Attributes:
        selectivity: whether the picture raises this unit above the others of its layer (`raised_above_others`).
        seeds: whether pictures of several seeds do the same to the network (`seed_agreement`).
        judge: the probability that another network gives to the class (`class_probability`).
        path: whether it goes through the layers as photographs do that excite the unit (`natural_path`).
        match: whether it is nearer to the photographs that excite the unit than to those that do not (`two_choice`).
    """

    selectivity: TrustPart
    seeds: TrustPart
    judge: TrustPart
    path: TrustPart
    match: TrustPart

    @property
    def parts(self) -> dict[str, TrustPart]:
        """All parts by name."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @property
    def gauge(self) -> float | None:
        """0 to 1: the mean of the parts that are known; None where none is."""
        known = [part.value for part in self.parts.values() if part.value is not None]
        return sum(known) / len(known) if known else None

    def __str__(self) -> str:
        gauge = "unknown" if self.gauge is None else f"{self.gauge:.0%}"
        return "\n".join([f"trust {gauge}", *(f"{name}: {part.sentence}" for name, part in self.parts.items())])

    def as_facts(self) -> dict[str, Any]:
        """As JSON objects."""
        return {name: [part.value, part.sentence] for name, part in self.parts.items()}


def trust_owner(layer: str, photos: str) -> str:
    """The owner of trust records: a digest of the layer's settings and of the pass over photographs."""
    return hashlib.sha256(repr(("trust", layer, photos)).encode()).hexdigest()[:16]


def trust_of(record: Record) -> Trust:
    """The trust that a record holds (DamagedError where it is none)."""
    found = record.facts.get("parts")
    try:
        if not isinstance(found, Mapping):
            raise TypeError("there are no parts")
        return Trust(**{one.name: _part(found[one.name]) for one in fields(Trust)})
    except (TypeError, ValueError, KeyError) as error:
        raise DamagedError(
            f"the trust of unit {record.unit} of {record.layer!r} is damaged ({error}): build the catalogue again."
        ) from None


def _part(found: Any) -> TrustPart:
    value, sentence = found
    sound = value is None or (type(value) in (int, float) and math.isfinite(value) and 0 <= value <= 1)
    if not sound or not isinstance(sentence, str):
        raise ValueError(f"{value!r} is no part of it")
    return TrustPart(None if value is None else float(value), sentence[:_LONGEST_SENTENCE])


@dataclass(frozen=True, eq=False)
class TrustReader:
    """Reads the trust of one picture when it is asked for.

    Attributes:
        store: the store.
        owner: see `trust_owner`.
    """

    store: Store
    owner: str

    def get(self, layer: str, unit: int, seed: int) -> Trust | None:
        """The trust of a picture; None where it was not found out."""
        record = self.store.get("trust", self.owner, layer, unit, seed)
        return None if record is None else trust_of(record)
