"""Pictures: read and check them, fit them to a size, encode them, tile them.

A picture is a float32 array (height, width, channels) in 0..1; channels are grey, RGB, RGBA or any other
number that a network takes.
"""

from __future__ import annotations

import io
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

LARGEST_PIXELS = 64_000_000
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def as_picture(image: Any, channels: int) -> np.ndarray:
    """Turns what a person brings into a picture with that many channels.

    Args:
        image: path, bytes of an image file, PIL image, or array (H, W), (H, W, C), or (1, H, W, C), uint8
            or float in 0..1.
        channels: how many channels the picture must have.

    Returns:
        float32 (H, W, channels) in 0..1; a copy.

    Raises:
        TypeError: of no known type.
        ValueError: unreadable, empty, not finite, of the wrong range or number of channels.
    """
    if isinstance(image, str | os.PathLike | bytes):
        image = _opened(image)
    if isinstance(image, Image.Image):
        if channels not in _MODES:
            raise ValueError(f"an image file cannot have {channels} channels: give an array (H, W, {channels}).")
        image = _pixels(image, _MODES[channels])
    if not isinstance(image, np.ndarray):
        try:
            image = np.asarray(image)
        except Exception as error:
            raise TypeError(f"{type(image).__name__} is not an image: give a path, a PIL image or an array.") from error
    return _checked_array(image, channels)


def _opened(source: str | os.PathLike[str] | bytes) -> Image.Image:
    name = "this data" if isinstance(source, bytes) else repr(str(source))
    try:
        image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else Path(source))
    except FileNotFoundError:
        raise ValueError(f"there is no file {name}.") from None
    except Exception as error:
        raise _unreadable(name, error) from None
    if image.width * image.height > LARGEST_PIXELS:
        raise ValueError(
            f"{name}: {image.width}×{image.height} pixels are too many; at most {LARGEST_PIXELS:,} are read."
        )
    return image


def _pixels(image: Image.Image, mode: str) -> np.ndarray:
    """The pixels, upright; those of more than 8 bits a channel are not squeezed into 8."""
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I;16"):
            return np.asarray(upright).astype(np.float32) / 65535
        return np.asarray(upright if upright.mode in ("I", "F") else upright.convert(mode))
    except Exception as error:  # what a decoder raises at damaged data depends on the format
        name = getattr(image, "filename", "")
        raise _unreadable(repr(str(name)) if name else "this image", error) from None


def _unreadable(name: str, error: Exception) -> ValueError:
    return ValueError(f"{name} is not an image that can be read ({error}); JPEG, PNG or WebP would be.")


def _checked_array(array: np.ndarray, channels: int) -> np.ndarray:
    if array.dtype.kind not in "uifb":
        raise TypeError(f"an image array holds numbers, not {array.dtype}.")
    if array.ndim == 4 and array.shape[0] == 1:
        array = array[0]
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3:
        raise ValueError(f"an image array is (height, width, channels), not {array.shape}.")
    if 0 in array.shape:
        raise ValueError(f"the image is empty: its shape is {array.shape}.")
    if array.shape[2] == 1 and channels == 3:
        array = np.repeat(array, 3, axis=2)
    if array.shape[2] != channels:
        raise ValueError(f"the image has {array.shape[2]} channels; this network takes {channels}.")
    if array.dtype == np.uint8:
        return array.astype(np.float32) / 255
    picture = array.astype(np.float32)
    if not np.isfinite(picture).all():
        raise ValueError("the image holds NaN or infinity: replace them first (numpy.nan_to_num).")
    low, high = float(picture.min()), float(picture.max())
    if low < -1e-6 or high > 1 + 1e-6:
        raise ValueError(
            f"float images are in 0..1; this one runs from {low:g} to {high:g}"
            + (": divide it by 255, or give uint8." if 1 < high <= 255 and low >= 0 else ".")
        )
    return np.clip(picture, 0, 1)


def fitted(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resizes so that `size` (height, width) is covered, bicubic, and crops the centre."""
    height, width = size
    if picture.shape[:2] == (height, width):
        return picture
    rows, columns = picture.shape[:2]
    scale = max(height / rows, width / columns)
    # The part that will be seen, so that a long thin picture is never blown up as a whole.
    top, left = (rows - height / scale) / 2, (columns - width / scale) / 2
    box = (max(left, 0.0), max(top, 0.0), min(columns - left, columns), min(rows - top, rows))
    planes = [
        np.asarray(Image.fromarray(picture[:, :, channel]).resize((width, height), Image.Resampling.BICUBIC, box=box))
        for channel in range(picture.shape[2])
    ]
    return np.clip(np.stack(planes, axis=-1), 0, 1)


def to_uint8(picture: np.ndarray) -> np.ndarray:
    """0..1 to 0..255, rounded to the nearest, values outside clipped."""
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)


def to_pil(picture: np.ndarray) -> Image.Image:
    """A PIL image of a picture with 1, 3 or 4 channels."""
    channels = picture.shape[2]
    if channels not in _MODES:
        raise ValueError(f"pictures with 1, 3 or 4 channels can be shown; this one has {channels}.")
    pixels = picture if picture.dtype == np.uint8 else to_uint8(picture)
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels)


def encode_png(picture: np.ndarray) -> bytes:
    """Lossless PNG."""
    buffer = io.BytesIO()
    to_pil(picture).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def encode_jpeg(picture: np.ndarray, quality: int = 82) -> bytes:
    """JPEG, fast to make; an alpha channel is laid over mid-grey, as JPEG has none."""
    image = to_pil(picture)
    if image.mode == "RGBA":
        backdrop = Image.new("RGBA", image.size, (128, 128, 128, 255))
        image = Image.alpha_composite(backdrop, image).convert("RGB")
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def decode(data: bytes) -> np.ndarray:
    """The picture inside bytes that this module encoded."""
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    return (pixels[:, :, None] if pixels.ndim == 2 else pixels).astype(np.float32) / 255


def encode_animation(frames: Sequence[bytes], kind: str, seconds: float = 6.0) -> bytes:
    """An endless animation as "gif" or "webp"; frames are thinned to at most 120, the last is held for a second."""
    if not frames:
        raise ValueError("there are no frames to animate: run first.")
    if kind not in ("gif", "webp"):
        raise ValueError(f"animations are 'gif' or 'webp', not {kind!r}.")
    picks = sorted({round(k) for k in np.linspace(0, len(frames) - 1, min(120, len(frames)))})
    chosen = [Image.open(io.BytesIO(frames[k])).convert("RGB") for k in picks]  # only these are decoded
    each = max(20, round(seconds * 1000 / len(chosen)))
    durations = [each] * (len(chosen) - 1) + [1000]
    buffer = io.BytesIO()
    options: dict[str, Any] = {"quality": 85} if kind == "webp" else {"optimize": False}
    chosen[0].save(buffer, kind.upper(), save_all=True, append_images=chosen[1:], duration=durations, loop=0, **options)
    return buffer.getvalue()


def tile(pictures: np.ndarray, columns: int | None = None, gap: int = 2) -> np.ndarray:
    """Lays pictures (n, H, W, C) out as a grid, white in between; as square as possible by default."""
    count, height, width, channels = pictures.shape
    if not count:
        raise ValueError("there are no pictures to lay out: at least one is needed.")
    columns = columns or math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = np.ones((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), np.float32)
    for index, picture in enumerate(pictures):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


class Frames(Sequence[np.ndarray]):
    """The pictures of a run by step, kept encoded and bounded in memory.

    While the frames fit into `budget` bytes every step is kept; beyond that every second one is
    dropped, so that the whole run stays covered. `frames[k]` decodes.
    """

    def __init__(self, budget: int = 256_000_000) -> None:
        self.budget = budget
        self.every = 1
        self.bytes = 0
        self.offered = 0
        self._kept: dict[int, bytes] = {}

    def append(self, encoded: bytes) -> None:
        """Adds the encoded picture of the next step."""
        if self.offered % self.every == 0:
            self._kept[self.offered] = encoded
            self.bytes += len(encoded)
        self.offered += 1
        while self.bytes > self.budget and len(self._kept) > 1:
            self.every *= 2
            for step in [step for step in self._kept if step % self.every]:
                self.bytes -= len(self._kept.pop(step))

    def encoded(self, step: int) -> bytes:
        """The encoded picture of that step, or of the nearest kept one before it."""
        if not 0 <= step < self.offered:
            raise IndexError(f"step {step} is not among the {self.offered} steps of the run.")
        return self._kept[step - step % self.every]

    def __len__(self) -> int:
        return self.offered

    def __getitem__(self, step: Any) -> Any:
        if isinstance(step, slice):
            return [self[index] for index in range(*step.indices(len(self)))]
        return decode(self.encoded(step + len(self) if step < 0 else step))

    def kept(self) -> Iterator[bytes]:
        """The encoded pictures that are kept, in order."""
        yield from self._kept.values()
