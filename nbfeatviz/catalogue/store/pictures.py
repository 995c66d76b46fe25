"""Pictures as bytes: WebP of some kilobytes, whatever the number of channels."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from nbfeatviz.catalogue.store.records import DamagedError
from nbfeatviz.encoding import to_pil, to_uint8

QUALITY = 75
_SMALL = 48  # pixels of a side up to which nothing is lost: it would show, and costs little
_LARGEST_PIXELS = 16_000_000


def encoded(picture: np.ndarray) -> bytes:
    """A picture (H, W, C) as WebP; other than grey and colour as its channels one below the other, without loss."""
    channels, buffer = picture.shape[2], io.BytesIO()
    small = max(picture.shape[:2]) <= _SMALL
    if channels in (1, 3):
        to_pil(picture).save(buffer, "WEBP", quality=QUALITY, method=4, lossless=small)
    else:
        planes = to_uint8(picture).transpose(2, 0, 1).reshape(-1, picture.shape[1])
        Image.fromarray(planes).save(buffer, "WEBP", lossless=True)
    return buffer.getvalue()


def decoded(data: bytes, channels: int) -> np.ndarray:
    """The picture, float32 (H, W, channels) in 0..1.

    Raises:
        DamagedError: the bytes are no such picture.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=["WEBP"])
        if image.width * image.height > _LARGEST_PIXELS:
            raise ValueError(f"{image.width}×{image.height} pixels are too many")
        pixels = np.asarray(image.convert("RGB" if channels == 3 else "L"), np.float32) / 255
        if channels in (1, 3):
            return pixels.reshape(*pixels.shape[:2], channels)
        return np.moveaxis(pixels.reshape(channels, -1, pixels.shape[1]), 0, 2)
    except Exception as error:  # what a decoder raises at damaged data depends on it
        raise DamagedError(f"a picture of the catalogue cannot be read: {error}.") from None
