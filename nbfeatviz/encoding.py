"""Pictures leave: as bytes of an image or an animation, or laid out as a grid. `nbfeatviz.images` says what one is."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from nbfeatviz.checks import is_whole

NORMALIZATIONS = ("each", "together")
DISPLAYS = ("as it is", "stretched")
_STRETCHED = "nbfeatviz-stretched"  # the comment of a frame that is encoded so
_FLAT = 1e-6  # less than this is one colour
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
    buffer = io.BytesIO()
    _opaque(to_pil(picture)).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _opaque(image: Image.Image) -> Image.Image:
    if image.mode == "RGBA":
        backdrop = Image.new("RGBA", image.size, (128, 128, 128, 255))
        return Image.alpha_composite(backdrop, image).convert("RGB")
    return image


def decode(data: bytes) -> np.ndarray:
    """The picture inside bytes that this module encoded; a stretched frame's as it is."""
    image = Image.open(io.BytesIO(data))
    pixels = np.asarray(image)
    picture = (pixels[:, :, None] if pixels.ndim == 2 else pixels).astype(np.float32) / 255
    low, high = _bounds(image) or (0.0, 1.0)
    return (picture * (high - low) + low).astype(np.float32)


def encode_frame(picture: np.ndarray, display: str) -> bytes:
    """A JPEG as it is displayed; of a stretched one `decode` still finds the picture, in finer levels than eight bits.

    Args:
        picture: float32 (H, W, C).
        display: one of `DISPLAYS`.
    """
    if display == "as it is":
        return encode_jpeg(picture)
    shown, buffer = displayed(picture, display), io.BytesIO()
    finite = _finite(picture)
    low, high = float(finite.min()), float(finite.max())
    comment = f"{_STRETCHED} {low!r} {high!r}" if high - low >= _FLAT else f"{_STRETCHED} 0.0 1.0"
    _opaque(to_pil(shown)).save(buffer, "JPEG", quality=82, comment=comment.encode())
    return buffer.getvalue()


def redisplayed(frame: bytes, display: str) -> bytes:
    """An encoded frame as it is displayed: the same one where it is encoded so, else another JPEG."""
    if (_bounds(Image.open(io.BytesIO(frame))) is not None) == (display == "stretched"):
        return frame
    return encode_jpeg(displayed(decode(frame), display))


def _bounds(image: Image.Image) -> tuple[float, float] | None:
    """What black and white of a stretched frame stand for."""
    word, *bounds = bytes(image.info.get("comment", b"")).decode("ascii", "ignore").split() or [""]
    return (float(bounds[0]), float(bounds[1])) if word == _STRETCHED and len(bounds) == 2 else None


def encode_animation(frames: Sequence[bytes], kind: str, seconds: float = 6.0, display: str = "as it is") -> bytes:
    """An endless animation as "gif" or "webp"; frames are thinned to at most 120, the last is held for a second.

    Args:
        frames: encoded by this module.
        kind: "gif" or "webp".
        seconds: how long it is, about.
        display: one of `DISPLAYS`, for every frame.
    """
    if not frames:
        raise ValueError("there are no frames to animate: run first.")
    if kind not in ("gif", "webp"):
        raise ValueError(f"animations are 'gif' or 'webp', not {kind!r}.")
    picks = sorted({round(k) for k in np.linspace(0, len(frames) - 1, min(120, len(frames)))})
    chosen = [to_pil(displayed(decode(frames[k]), display)).convert("RGB") for k in picks]  # only these are decoded
    # a picture may have grown during its run
    chosen = [image if image.size == chosen[-1].size else image.resize(chosen[-1].size) for image in chosen]
    each = max(20, round(seconds * 1000 / len(chosen)))
    durations = [each] * (len(chosen) - 1) + [1000]
    buffer = io.BytesIO()
    options: dict[str, Any] = {"quality": 85} if kind == "webp" else {"optimize": False}
    chosen[0].save(buffer, kind.upper(), save_all=True, append_images=chosen[1:], duration=durations, loop=0, **options)
    return buffer.getvalue()


def stretched(pictures: np.ndarray, together: bool = False) -> np.ndarray:
    """Pictures (n, H, W, C) with their smallest value at 0 and their largest at 1.

    Args:
        pictures: float32.
        together: by the smallest and largest value of all pictures, and not of each. One colour stays what it is.
            What is not finite is mid-grey.
    """
    pictures = _finite(pictures)
    axes = None if together else (1, 2, 3)
    low, high = pictures.min(axes, keepdims=True), pictures.max(axes, keepdims=True)
    flat = high - low < _FLAT
    return np.where(flat, pictures, (pictures - low) / np.where(flat, 1, high - low)).astype(np.float32)


def displayed(picture: np.ndarray, display: str) -> np.ndarray:
    """A picture (H, W, C) as it is displayed: "as it is", or "stretched" to 0..1 by its own smallest and largest value.

    Raises:
        ValueError: another `display`.
    """
    return stretched(picture[None])[0] if checked_display(display) == "stretched" else picture


def checked_display(display: Any) -> str:
    """The display (ValueError in a sentence where there is none such)."""
    if not isinstance(display, str) or display not in DISPLAYS:
        raise ValueError(f"display {display!r} is unknown: it is 'as it is' or 'stretched'.")
    return display


def _finite(pictures: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(pictures), pictures, 0.5)


def presented(pictures: np.ndarray, normalize: str | None = None, show_size: int | None = None) -> np.ndarray:
    """Pictures (n, H, W, C) as a sheet shows them: cut, and then stretched.

    Args:
        pictures: float32.
        normalize: "each" for every picture stretched on its own, "together" for all alike, None for neither.
        show_size: only so many rows and columns from the upper left corner; None for all.

    Raises:
        ValueError, TypeError: another `normalize` or `show_size`.
    """
    check_presentation(normalize, show_size)
    cut = pictures if show_size is None else pictures[:, :show_size, :show_size]
    return cut if normalize is None else stretched(cut, together=normalize == "together")


def check_presentation(normalize: Any, show_size: Any, columns: Any = None) -> None:
    """ValueError, TypeError where pictures cannot be `presented` so, or laid out in so many columns."""
    if normalize not in (None, *NORMALIZATIONS):
        raise ValueError(f"normalize {normalize!r} is unknown: it is 'each', 'together' or None.")
    for name, value in {"show_size": show_size, "columns": columns}.items():
        if value is None:
            continue
        if not is_whole(value):
            of = " of pixels" * (name == "show_size")
            raise TypeError(f"{name} is a whole number{of}, not {value!r} ({type(value).__name__}).")
        if value < 1:
            raise ValueError(f"{name} {value!r} is out of range: give a whole number from 1.")


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


def overlay(
    picture: np.ndarray,
    attribution: np.ndarray,
    *,
    opacity: float = 0.6,
    colours: str | None = None,
    signed: bool | None = None,
) -> np.ndarray:
    """Lays a heat map over a picture.

    Args:
        picture: float32 (H, W, C) in 0..1 with 1 or 3 channels, as `read_image` gives it.
        attribution: map (H, W), or (H, W, C), of which the mean magnitude of the channels is shown.
        opacity: of the map: 0 shows the picture alone, 1 the map alone.
        colours: name of a matplotlib colour map; None for "inferno", or "RdBu_r" if the map is signed.
        signed: whether colours diverge around zero; None: if the map has negative values.

    Returns:
        float32 (H, W, 3) in 0..1. The colours end at the 99.5th percentile of the magnitudes, so that a few pixels
        do not leave all others dark.

    Raises:
        ValueError: map and picture are not of the same size, or an opacity or colour map that does not exist.
    """
    import matplotlib

    values = np.asarray(attribution, np.float32)
    values = np.abs(values).mean(axis=-1) if values.ndim == 3 else values
    if values.shape != picture.shape[:2]:
        raise ValueError(f"a map of {values.shape} does not fit a picture of {picture.shape[:2]}.")
    if not 0 <= opacity <= 1:
        raise ValueError(f"opacity {opacity!r} is out of range: give a number from 0 to 1.")
    signed = bool(values.min() < 0) if signed is None else signed
    colours = colours or ("RdBu_r" if signed else "inferno")
    if colours not in matplotlib.colormaps:
        raise ValueError(f"matplotlib has no colour map {colours!r}: 'inferno', 'viridis' or 'RdBu_r' are some it has.")
    limit = float(np.percentile(np.abs(values), 99.5)) or float(np.abs(values).max()) or 1.0
    places = (values / limit + 1) / 2 if signed else values / limit
    heat = matplotlib.colormaps[colours](np.clip(places, 0, 1))[:, :, :3]
    return np.clip((1 - opacity) * picture[:, :, :3] + opacity * heat, 0, 1).astype(np.float32)
