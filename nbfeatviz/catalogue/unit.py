"""CatalogueUnit: what a catalogue knows of one unit; pictures and photographs are decoded when looked at."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nbfeatviz.catalogue.exemplars import Activations, ExemplarReader, Exemplars
from nbfeatviz.catalogue.store.pictures import decoded
from nbfeatviz.catalogue.trust import Trust, TrustReader
from nbfeatviz.encoding import encode_png
from nbfeatviz.synthesis.visualization import Settings


@dataclass(frozen=True, eq=False)
class SeedPicture:
    """One picture of a unit.

    Attributes:
        seed: of its noise.
        status: "ok", "dead" (no gradient ever changed it) or "not finite" (there is no picture).
        score: activation of the unit on it: the mean over positions, of a class its logit.
        webp: the picture as it is stored; empty where there is none.
        shape: (H, W, C).
    """

    seed: int
    status: str
    score: float | None
    webp: bytes = field(repr=False)
    shape: tuple[int, int, int]

    @property
    def image(self) -> np.ndarray | None:
        """float32 (H, W, C) in 0..1, None where something was not finite."""
        return decoded(self.webp, self.shape[2]) if self.webp else None


@dataclass(frozen=True, eq=False)
class CatalogueUnit:
    """What is known of a unit.

    Attributes:
        layer: path.
        unit: index.
        name: of the unit, such as a class; None where it has none.
        seeds: a picture for each seed that is finished, the one of the highest score first.
        settings: what made the first of them.
    """

    layer: str
    unit: int
    name: str | None
    seeds: tuple[SeedPicture, ...]
    settings: Settings
    _seen: ExemplarReader | None = field(repr=False)
    _positions: bool = field(repr=False)
    _trust: TrustReader | None = field(default=None, repr=False)

    @property
    def exemplars(self) -> Exemplars | None:
        """The photographs that excite it most, middling and least; None where none were looked at."""
        return None if self._seen is None else self._seen.exemplars(self.layer, self.unit, self._positions)

    @property
    def activations(self) -> Activations | None:
        """How it answers photographs: a histogram, its mean, deviation and sparsity."""
        return None if self._seen is None else self._seen.activations(self.layer, self.unit)

    @property
    def trust(self) -> Trust | None:
        """How far `image` can be trusted; None where no photographs were looked at, or not yet."""
        return None if self._trust is None else self._trust.get(self.layer, self.unit, self.seeds[0].seed)

    @property
    def image(self) -> np.ndarray | None:
        """float32 (H, W, C) in 0..1: the picture of the seed that excites the unit most; None where there is none."""
        return self.seeds[0].image

    @property
    def score(self) -> float | None:
        """The activation on `image`."""
        return self.seeds[0].score

    @property
    def status(self) -> str:
        """Of `image`: "ok", "dead" or "not finite"."""
        return self.seeds[0].status

    def __repr__(self) -> str:
        score = "no score" if self.score is None else f"score {self.score:.4g}"
        name = f" ({self.name})" if self.name else ""
        return f"<unit {self.unit}{name} of {self.layer!r}: {score}, {self.status}>"

    def _repr_png_(self) -> bytes | None:
        image = self.image
        return encode_png(image) if image is not None and image.shape[2] in (1, 3, 4) else None
