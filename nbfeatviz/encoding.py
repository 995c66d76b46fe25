"""Pictures leave: as bytes of an image or an animation, or laid out as a grid. `nbfeatviz.images` says what one is."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


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
    # a picture may have grown during its run
    chosen = [image if image.size == chosen[-1].size else image.resize(chosen[-1].size) for image in chosen]
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
