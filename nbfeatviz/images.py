"""Pictures: read and check them, fit them to a size.

A picture is a float32 array (height, width, channels) in 0..1; channels are grey, RGB, RGBA or any other
number that a network takes.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

LARGEST_PIXELS = 64_000_000
ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif", ".jp2")
"""Of the files that are looked for in a folder of photographs."""
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
# What may be opened: no format that starts another program (EPS), or hides a second image of another size (ICO, ICNS).
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF", "JPEG2000", "PPM", "TGA", "SGI", "PCX", "DDS")


def read_image(image: Any, *, channels: int = 3, size: tuple[int, int] | None = None, fit: str = "crop") -> np.ndarray:
    """Reads what a person brings, upright, as a picture.

    Args:
        image: path, bytes of an image file (JPEG, PNG, WebP, GIF's first frame, BMP, TIFF), PIL image, or array
            (H, W), (H, W, C), or (1, H, W, C), uint8 or float in 0..1. Alpha is laid over white unless the
            picture has it too; colour becomes grey by its luma (ITU-R 601), grey becomes colour.
        channels: 1 (grey), 3 (RGB), 4 (RGBA), or for arrays any number that they have.
        size: (height, width) to fit it to; None keeps its own.
        fit: how, as in `fitted`: "crop" or "squash".

    Returns:
        float32 (H, W, channels) in 0..1; a copy.

    Raises:
        TypeError: of no known type.
        ValueError: unreadable, too large, empty, not finite, of the wrong range or number of channels.
    """
    picture = as_picture(image, channels)
    return picture if size is None else fitted(picture, size, fit=fit)


def as_picture(image: Any, channels: int) -> np.ndarray:
    """`read_image` at its own size."""
    if image is None:
        raise TypeError(
            "None is not an image: it is what cv2.imread gives for a file that is missing or that it cannot read. "
            "Give the path itself, a PIL image or an array."
        )
    if isinstance(image, bytearray | memoryview):
        image = bytes(image)
    if isinstance(image, str | os.PathLike | bytes | Image.Image) and channels not in _MODES:
        raise ValueError(f"an image file cannot have {channels} channels: give an array (H, W, {channels}).")
    if isinstance(image, str | os.PathLike | bytes):
        image = _read(image)
    elif isinstance(image, Image.Image):
        filename = getattr(image, "filename", "")
        image = _pixels(image, repr(str(filename)) if filename else "this image")
    if not isinstance(image, np.ndarray):
        try:
            image = np.asarray(image)
        except Exception as error:
            raise TypeError(f"{type(image).__name__} is not an image: give a path, a PIL image or an array.") from error
    return _with_channels(_checked_array(image), channels)


def _read(source: str | os.PathLike[str] | bytes) -> np.ndarray:
    if isinstance(source, bytes):
        name, length = "this data", len(source)
    else:
        name, length = _checked_path(source)
    if not length:
        raise _unreadable(name, "it is empty")
    Image.init()
    formats = [kind for kind in _FORMATS if kind in Image.OPEN]
    try:
        opened = Image.open(io.BytesIO(source) if isinstance(source, bytes) else Path(source), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        count = re.search(r"\d+", str(error))  # Pillow does not say more of it
        raise _too_many(name, f"{int(count[0]):,}" if count else "so many") from None
    except UnidentifiedImageError:
        raise _unreadable(name, "it is of no known format") from None
    except Exception as error:  # what a decoder raises at damaged data depends on the format
        raise _unreadable(name, error) from None
    with opened:
        return _pixels(opened, name)


def _checked_path(path: str | os.PathLike[str]) -> tuple[str, int]:
    """How to call a file in a sentence, and its length in bytes."""
    text = str(path)
    name = repr(text if len(text) <= 200 else text[:200] + "…")
    try:
        if Path(path).is_dir():
            raise IsADirectoryError
        return name, Path(path).stat().st_size
    except IsADirectoryError:
        raise ValueError(f"{name} is a folder: give the path of one image in it.") from None
    except (OSError, ValueError) as error:
        if re.match(r"[A-Za-z][\w+.-]+:/{1,3}\w|data:", text):  # a Path has lost a slash
            raise ValueError(f"{name} is an address: download it first, then give its path or its bytes.") from None
        if isinstance(error, FileNotFoundError):
            raise ValueError(f"there is no file {name}.") from None
        raise _unreadable(name, getattr(error, "strerror", None) or error) from None


def _pixels(image: Image.Image, name: str) -> np.ndarray:
    """The pixels, upright, grey or colour, with alpha where there is any; more than 8 bits are not squeezed into 8."""
    if image.width * image.height > LARGEST_PIXELS:
        raise _too_many(name, f"{image.width}×{image.height}")
    try:
        image.load()
        with contextlib.suppress(Exception):  # damaged EXIF data is no reason to refuse the photo
            image = ImageOps.exif_transpose(image)
        if image.mode.startswith("I;16"):
            grey = np.asarray(image).astype(np.float32) / 65535
            clear = image.info.get("transparency")  # the one value that means "nothing here"
            return grey if clear is None else np.stack([grey, np.asarray(image) != clear], axis=-1)
        if image.mode in ("I", "F"):
            return np.asarray(image)
        grey_mode = image.mode in ("1", "L", "LA", "La")
        if image.has_transparency_data:
            return np.asarray(image.convert("LA" if grey_mode else "RGBA"))
        return np.asarray(image.convert("L" if grey_mode else "RGB"))
    except Exception as error:
        raise _unreadable(name, f"damaged or cut off: {error}") from None


def _unreadable(name: str, why: object) -> ValueError:
    return ValueError(f"{name} is not an image that can be read ({why}); JPEG, PNG or WebP would be.")


def _too_many(name: str, count: str) -> ValueError:
    return ValueError(
        f"{name}: {count} pixels are too many; at most {LARGEST_PIXELS:,} are read. Make it smaller first."
    )


def _checked_array(array: np.ndarray) -> np.ndarray:
    """The array as (H, W, C) float32 in 0..1; a copy."""
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
    if array.dtype == np.uint8:
        picture = array.astype(np.float32)
        picture /= 255
        return picture
    if not np.isfinite(array).all():
        raise ValueError("the image holds NaN or infinity: replace them first (numpy.nan_to_num).")
    low, high = float(array.min()), float(array.max())
    if low < -1e-6 or high > 1 + 1e-6:
        whole = 255 if high <= 255 else 65535 if high <= 65535 and array.dtype.kind in "ui" else None
        hint = "" if low < 0 or not whole else f": divide it by {whole}" + (", or give uint8" if whole == 255 else "")
        raise ValueError(f"float images are in 0..1; this one runs from {low:g} to {high:g}{hint}.")
    return np.clip(array.astype(np.float32), 0, 1)


def _with_channels(picture: np.ndarray, channels: int) -> np.ndarray:
    """Grey, grey with alpha, RGB and RGBA brought to another of them; any other number must be right already."""
    given = picture.shape[2]
    if given == channels:
        return picture
    if given > 4 or channels not in _MODES:
        raise ValueError(f"the image has {given} channels; this network takes {channels}.")
    if given in (2, 4) and channels != 4:
        alpha = picture[:, :, -1:]
        picture = picture[:, :, :-1] * alpha + (1 - alpha)
    if picture.shape[2] == 3 and channels == 1:
        red, green, blue = np.split(picture, 3, axis=2)
        return green + np.float32(0.299) * (red - green) + np.float32(0.114) * (blue - green)  # exact where it is grey
    if channels == 4:
        alpha = picture[:, :, 1:] if given == 2 else np.ones_like(picture[:, :, :1])
        colour = picture if given == 3 else np.repeat(picture[:, :, :1], 3, axis=2)
        return np.concatenate([colour, alpha], axis=2)
    return np.repeat(picture, channels, axis=2) if picture.shape[2] != channels else picture


def crop_box(
    shape: Sequence[int], size: tuple[int, int], fit: str = "crop", centre: tuple[float, float] = (0.5, 0.5)
) -> tuple[float, float, float, float]:
    """The part of a picture that `fitted` shows.

    Args:
        shape: (height, width) of the picture, or its shape.
        size: (height, width) that it is fitted to.
        fit: "crop" for the largest box of that aspect, "squash" for the whole picture.
        centre: (y, x) of the box in fractions of the picture; moved as far as the box needs to lie inside.

    Returns:
        (top, left, bottom, right) in fractions 0..1 of the picture.

    Raises:
        ValueError: an unknown fit, a size without pixels, a centre that is no point.
    """
    top, left, bottom, right = _box(shape, size, fit, centre)
    return top / shape[0], left / shape[1], bottom / shape[0], right / shape[1]


def _box(
    shape: Sequence[int], size: tuple[int, int], fit: str, centre: tuple[float, float]
) -> tuple[float, float, float, float]:
    """`crop_box` in pixels."""
    if fit not in ("crop", "squash"):
        raise ValueError(f"a picture is fitted by 'crop' or by 'squash', not {fit!r}.")
    if np.shape(size) != (2,) or not all(isinstance(side, int | np.integer) and side > 0 for side in size):
        raise ValueError(f"a size is (height, width) in whole pixels, not {size!r}.")
    if (
        np.shape(centre) != (2,)
        or not np.issubdtype(np.asarray(centre).dtype, np.number)
        or not np.isfinite(centre).all()
    ):
        raise ValueError(f"a centre is (y, x) in fractions of the picture, not {centre!r}.")
    rows, columns = shape[:2]
    if fit == "squash":
        return 0.0, 0.0, float(rows), float(columns)
    scale = max(size[0] / rows, size[1] / columns)

    def span(length: int, side: int, middle: float) -> tuple[float, float]:
        rest = max(length - side / scale, 0.0)
        before = min(max((length * middle - side / scale / 2) / rest, 0.0), 1.0) if rest else 0.5
        return rest * before, length - rest * (1 - before)

    (top, bottom), (left, right) = span(rows, size[0], centre[0]), span(columns, size[1], centre[1])
    return top, left, bottom, right


def fitted(
    picture: np.ndarray, size: tuple[int, int], *, fit: str = "crop", centre: tuple[float, float] = (0.5, 0.5)
) -> np.ndarray:
    """Resizes the part that `crop_box` gives to `size` (height, width), bicubic; the picture itself if it has it.

    Args:
        picture: (H, W, C) in 0..1.
        size: (height, width).
        fit: "crop" keeps the aspect and loses edges, "squash" keeps all and loses the aspect.
        centre: (y, x) of the crop in fractions of the picture.

    Returns:
        float32 (height, width, C) in 0..1.

    Raises:
        ValueError: an unknown fit, a size without pixels, a centre that is no point.
    """
    # Only the part that will be seen is resized, so that a long thin picture is never blown up as a whole.
    top, left, bottom, right = _box(picture.shape, size, fit, centre)
    height, width = size
    if picture.shape[:2] == (height, width):
        return picture
    planes = [
        np.asarray(
            Image.fromarray(picture[:, :, channel]).resize(
                (width, height), Image.Resampling.BICUBIC, box=(left, top, right, bottom)
            )
        )
        for channel in range(picture.shape[2])
    ]
    return np.clip(np.stack(planes, axis=-1), 0, 1)
