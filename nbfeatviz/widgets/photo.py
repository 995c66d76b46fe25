"""The photo that a person has brought: kept as it came, and cut to what the network sees."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nbfeatviz.encoding import encode_jpeg, to_uint8
from nbfeatviz.images import as_picture, crop_box, fitted
from nbfeatviz.networks.network import Network

FITS = ("crop", "squash")
LONGEST_PREVIEW = 640


@dataclass(frozen=True)
class Photo:
    """A photo, and how it is fitted to the network.

    Attributes:
        source: what was given: path, bytes, PIL image or array.
        name: shown to the person.
        credit: of a bundled sample, "" for others.
        channels: of the network that it was read for.
        fit: "crop" or "squash".
        centre: (y, x) of the crop box's centre in fractions of the photo.
        number: counts the photos of a panel.
    """

    source: Any = field(repr=False)
    channels: int
    name: str = "photo"
    credit: str = ""
    fit: str = "crop"
    centre: tuple[float, float] = (0.5, 0.5)
    number: int = 0

    @cached_property
    def pixels(self) -> np.ndarray:
        """The whole photo (H, W, C): uint8 where that loses nothing, else float32 in 0..1.

        Raises:
            ValueError, TypeError: the source is no photo, or not for that many channels.
        """
        picture = as_picture(self.source, self.channels)
        coarse = to_uint8(picture)
        return coarse if np.array_equal(coarse.astype(np.float32) / 255, picture) else picture

    def fitted_otherwise(self, **changes: Any) -> Photo:
        """The same photo with another fit or centre; its pixels are not read again."""
        other = dataclasses.replace(self, **changes)
        if other.channels == self.channels and other.source is self.source:
            other.__dict__["pixels"] = self.pixels
        return other

    def box(self, size: tuple[int, int]) -> tuple[float, float, float, float]:
        """(top, left, bottom, right) of what a network of that size sees, in fractions of the photo."""
        height, width = self.pixels.shape[:2]
        return crop_box((height, width), size, fit=self.fit, centre=self.centre)

    def seen(self, network: Network) -> np.ndarray:
        """What the network sees: float32 (H, W, C) in 0..1."""
        pixels = self.pixels
        picture = pixels.astype(np.float32) / 255 if pixels.dtype == np.uint8 else pixels
        return fitted(picture, network.contract.size, fit=self.fit, centre=self.centre)

    @property
    def preview(self) -> bytes:
        """JPEG of the whole photo, its longest side at most 640 pixels."""
        pixels = self.pixels
        height, width = pixels.shape[:2]
        scale = min(1.0, LONGEST_PREVIEW / max(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        picture = pixels.astype(np.float32) / 255 if pixels.dtype == np.uint8 else pixels
        return encode_jpeg(fitted(picture, size, fit="squash"))


def name_of(source: Any) -> str:
    """What to call a photo that came without a name."""
    if isinstance(source, str | os.PathLike):
        return os.path.basename(os.fspath(source))
    name = getattr(source, "filename", "")
    return os.path.basename(str(name)) if name else "photo"
