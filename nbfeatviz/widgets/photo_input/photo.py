"""The photo that a person has brought: kept as it came, and cut to what the network sees."""

from __future__ import annotations

import dataclasses
import os
import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from nbfeatviz.encoding import encode_jpeg, to_uint8
from nbfeatviz.images import as_picture, crop_box, fitted
from nbfeatviz.networks.network import Network

FITS = ("crop", "squash")
LONGEST_PREVIEW = 640
LONGEST_NAME = 200


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

    def as_page(self, network: Network) -> dict[str, Any]:
        """What the page is told of the photo, beside its pictures."""
        return {
            "number": self.number,
            "name": self.name,
            "credit": self.credit,
            "channels": self.channels,
            "size": self.pixels.shape[:2],
            "seen": network.contract.size,
            "fit": self.fit,
            "box": self.box(network.contract.size),
        }

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
        return clean_name(os.path.basename(os.fsdecode(source)))
    name = getattr(source, "filename", "")
    return clean_name(os.path.basename(os.fsdecode(name)) if isinstance(name, str | bytes) else "")


def clean_name(name: str) -> str:
    """A name as it can be sent and shown on one line: of at most 200 characters, all of which are characters."""
    shown = name[:LONGEST_NAME].encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[\x00-\x1f\x7f]+", " ", shown).strip() or "photo"


def file_stem(name: str) -> str:
    """What a file about a photo of that name is called after: no folder, no ending, nothing that a disk refuses."""
    stem = re.split(r"[/\\]", name)[-1].rsplit(".", 1)[0]
    return re.sub(r"[^\w.-]+", "_", stem).strip("._-")[:80] or "photo"


def own(source: Any) -> Any:
    """The source itself, or a copy of an array, which its owner may go on changing."""
    return source.copy() if isinstance(source, np.ndarray) else source
