"""Pictures: what a person may bring, how it is fitted, encoded and kept."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nbfeatviz.images import (
    Frames,
    as_picture,
    decode,
    encode_animation,
    encode_jpeg,
    encode_png,
    fitted,
    tile,
    to_pil,
    to_uint8,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 5, 3), dtype=np.uint8)


def _encoded(image: Image.Image, kind: str = "PNG", **settings) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def _same(picture: np.ndarray, pixels: np.ndarray) -> bool:
    return np.array_equal(picture, pixels.astype(np.float32) / 255)


# What a person may bring


def test_every_way_to_bring_an_image_gives_the_same_picture(tmp_path: Path):
    image = Image.fromarray(PIXELS)
    path = tmp_path / "image.png"
    image.save(path)
    ways = [path, str(path), path.read_bytes(), image, PIXELS, PIXELS[None], PIXELS / 255, PIXELS.astype("f4") / 255]
    for way in ways:
        picture = as_picture(way, 3)
        assert picture.dtype == np.float32
        assert picture.shape == (7, 5, 3)
        np.testing.assert_allclose(picture, PIXELS / np.float32(255), atol=1e-7)


def test_lists_and_booleans_are_arrays_too():
    assert as_picture([[0.0, 1.0]], 1).tolist() == [[[0.0], [1.0]]]
    assert as_picture(np.array([[True, False]]), 1).tolist() == [[[1.0], [0.0]]]


def test_the_picture_is_a_copy():
    source = np.full((2, 2, 3), 0.5, np.float32)
    as_picture(source, 3)[:] = 0
    assert (source == 0.5).all()


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_files_are_brought_to_the_networks_channels(channels: int):
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK"):
        assert as_picture(Image.fromarray(PIXELS).convert(mode), channels).shape == (7, 5, channels)


def test_grey_arrays_serve_colour_networks():
    picture = as_picture(PIXELS[..., 0], 3)
    assert all(_same(picture[..., k], PIXELS[..., 0]) for k in range(3))


@pytest.mark.parametrize("channels", [2, 5, 12])
def test_arrays_of_any_number_of_channels(channels: int):
    array = np.random.default_rng(0).random((4, 3, channels))
    np.testing.assert_allclose(as_picture(array, channels), array, atol=1e-7)


def test_a_photo_that_the_camera_held_sideways_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown a quarter turn clockwise
    data = _encoded(Image.fromarray(PIXELS), exif=exif)
    assert _same(as_picture(data, 3), np.rot90(PIXELS, -1))


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_a_pixel_keep_their_range(channels: int):
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    picture = as_picture(_encoded(Image.fromarray(ramp)), channels)
    np.testing.assert_allclose(picture[..., 0], ramp / 65535, atol=1e-6)


def test_float_files_keep_their_values():
    ramp = np.linspace(0, 1, 64, dtype=np.float32).reshape(8, 8)
    np.testing.assert_array_equal(as_picture(_encoded(Image.fromarray(ramp), "TIFF"), 1)[..., 0], ramp)


# What is refused, each with a sentence


@pytest.mark.parametrize(
    ("array", "channels", "sentence"),
    [
        (np.zeros(5), 3, r"\(height, width, channels\), not \(5,\)"),
        (np.zeros((2, 4, 4, 3)), 3, r"\(height, width, channels\), not \(2, 4, 4, 3\)"),
        (np.zeros((0, 4, 3)), 3, r"the image is empty: its shape is \(0, 4, 3\)"),
        (np.zeros((4, 4, 0)), 3, r"the image is empty"),
        (np.zeros((4, 4, 4)), 3, r"the image has 4 channels; this network takes 3"),
        (np.zeros((4, 4, 3)), 1, r"the image has 3 channels; this network takes 1"),
        (np.full((4, 4, 3), np.nan), 3, r"NaN or infinity: replace them first"),
        (np.full((4, 4, 3), np.inf), 3, r"NaN or infinity"),
        (np.full((4, 4, 3), 255.0), 3, r"in 0\.\.1; .* from 255 to 255: divide it by 255, or give uint8"),
        (np.full((4, 4, 3), 200), 3, r"divide it by 255"),
        (np.full((4, 4, 3), -1.0), 3, r"in 0\.\.1; this one runs from -1 to -1\.$"),
        (np.full((4, 4, 3), 1000.0), 3, r"from 1000 to 1000\.$"),
        (Image.new("RGB", (2, 2)), 5, r"cannot have 5 channels: give an array \(H, W, 5\)"),
        (b"not an image", 3, r"this data is not an image that can be read .*JPEG, PNG or WebP would be"),
        (b"", 3, r"not an image that can be read"),
        ("no/such/file.png", 3, r"there is no file 'no/such/file\.png'"),
        ("nul\0.png", 3, r"not an image that can be read"),
    ],
)
def test_a_wrong_image_is_a_sentence(array, channels: int, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        as_picture(array, channels)


@pytest.mark.parametrize(
    "thing", [None, object(), {"a": 1}, np.array(["text"]), np.zeros((2, 2), complex), [[1], [2, 3]]]
)
def test_something_else_is_refused(thing):
    with pytest.raises(TypeError, match=r"is not an image: give a path|an image array holds numbers, not"):
        as_picture(thing, 3)


def test_a_folder_is_not_an_image(tmp_path: Path):
    with pytest.raises(ValueError, match="not an image that can be read"):
        as_picture(tmp_path, 3)


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "DDS", "SGI"])
def test_damaged_files_give_a_picture_or_a_sentence(kind: str):
    random = np.random.default_rng(1)
    data = _encoded(Image.fromarray(PIXELS.repeat(4, axis=0)), kind)
    refused = 0
    for trial in range(120):
        damaged = bytearray(data[: random.integers(1, len(data))] if trial % 3 == 0 else data)
        for place in random.integers(0, min(len(damaged), 200), 4):
            damaged[place] = random.integers(256)
        try:
            assert as_picture(bytes(damaged), 3).ndim == 3
        except ValueError as error:
            refused += 1
            assert any(part in str(error) for part in ("can be read", "are too many", "0..1"))  # noqa: PT017
    assert refused > 10


def test_a_pil_image_that_cannot_be_decoded_is_a_sentence():
    lazy = Image.open(io.BytesIO(_encoded(Image.effect_noise((64, 64), 50))[:900]))
    with pytest.raises(ValueError, match="this image is not an image that can be read"):
        as_picture(lazy, 3)


def _png_that_announces(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be huge, and whose pixels are not there."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(8001, 8000), (30000, 30000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int], monkeypatch):
    decoded: list = []
    load = Image.Image.load
    monkeypatch.setattr(Image.Image, "load", lambda self: (decoded.append(self), load(self))[1])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="pixels are too many|exceeds limit"):
            as_picture(_png_that_announces(*size), 3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not decoded
    assert peak < 10_000_000


# Fitting


def test_a_picture_of_the_right_size_is_left_alone():
    picture = as_picture(PIXELS, 3)
    assert fitted(picture, (7, 5)) is picture


@pytest.mark.parametrize("size", [(4, 4), (20, 10), (3, 9), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3, 6])
def test_fitting_gives_the_size_and_keeps_the_range(size: tuple[int, int], channels: int):
    picture = np.random.default_rng(0).random((9, 13, channels)).astype(np.float32)
    result = fitted(picture, size)
    assert result.shape == (*size, channels)
    assert result.dtype == np.float32
    assert result.min() >= 0
    assert result.max() <= 1


def test_the_centre_stays_and_the_longer_side_loses_equally():
    picture = np.zeros((10, 30, 1), np.float32)
    picture[:, 10:20] = 1
    assert fitted(picture, (10, 10)).min() > 0.99
    np.testing.assert_allclose(
        fitted(picture, (10, 20))[0, :, 0].reshape(2, 10)[1, ::-1], fitted(picture, (10, 20))[0, :10, 0]
    )
    tall = picture.transpose(1, 0, 2)
    np.testing.assert_allclose(fitted(tall, (10, 20)[::-1]), fitted(picture, (10, 20)).transpose(1, 0, 2), atol=1e-6)


def test_proportions_are_kept():
    row, col = np.mgrid[:60, :90]
    disc = ((row - 30) ** 2 + (col - 45) ** 2 < 400).astype(np.float32)[..., None]
    small = fitted(disc, (30, 30))[..., 0] > 0.5
    assert abs(int(small.any(axis=0).sum()) - int(small.any(axis=1).sum())) <= 1
    assert abs(int(small.any(axis=0).sum()) - 20) <= 1


@pytest.mark.parametrize("shape", [(1, 20000, 3), (20000, 1, 3)])
def test_a_long_thin_picture_is_not_blown_up_as_a_whole(shape: tuple):
    tracemalloc.start()
    try:
        assert fitted(np.full(shape, 0.5, np.float32), (224, 224)).shape == (224, 224, 3)
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


# Encoding


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_png_is_lossless(channels: int):
    pixels = np.random.default_rng(0).integers(0, 256, (6, 9, channels), dtype=np.uint8)
    assert _same(decode(encode_png(pixels)), pixels)
    assert _same(decode(encode_png(pixels.astype(np.float32) / 255)), pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_near(channels: int):
    smooth = np.linspace(0, 1, 32 * 32, dtype=np.float32).reshape(32, 32, 1).repeat(channels, axis=2)
    assert np.abs(decode(encode_jpeg(smooth, 95)) - smooth).mean() < 0.01


def test_jpeg_lays_transparency_over_grey():
    clear = np.zeros((8, 8, 4), np.float32)
    assert np.abs(decode(encode_jpeg(clear)) - 128 / 255).max() < 0.02


def test_to_uint8_rounds_and_clips():
    values = np.array([-1.0, 0.0, 0.4999 / 255, 0.5001 / 255, 0.5, 1.0, 2.0])
    assert to_uint8(values).tolist() == [0, 0, 0, 1, 128, 255, 255]


@pytest.mark.parametrize("channels", [2, 5])
def test_pictures_that_cannot_be_shown_are_refused(channels: int):
    with pytest.raises(ValueError, match=f"1, 3 or 4 channels can be shown; this one has {channels}"):
        to_pil(np.zeros((4, 4, channels), np.float32))


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("count", [1, 7, 119, 121, 400])
def test_an_animation_is_thinned_endless_and_ends_with_the_last_frame(kind: str, count: int):
    # Blocks of four pixels, so that no two frames are alike even after lossy coding.
    blocks = np.random.default_rng(0).integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    pixels = blocks.repeat(4, axis=1).repeat(4, axis=2).repeat(3, axis=3)
    movie = Image.open(io.BytesIO(encode_animation([encode_png(frame) for frame in pixels], kind)))
    assert movie.n_frames == min(count, 120)

    def nearest(frame: int) -> int:
        movie.seek(frame)
        shown = np.asarray(movie.convert("RGB")).astype(int)
        return int(np.argmin(np.abs(pixels - shown).mean(axis=(1, 2, 3))))

    shown = [nearest(frame) for frame in range(movie.n_frames)]
    assert shown == sorted(set(shown))
    assert (shown[0], shown[-1]) == (0, count - 1)
    if count > 1:
        assert (movie.info["loop"], movie.info["duration"]) == (0, 1000)


def test_an_animation_of_nothing_or_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="there are no frames to animate: run first"):
        encode_animation([], "gif")
    with pytest.raises(ValueError, match="animations are 'gif' or 'webp', not 'mp4'"):
        encode_animation([b""], "mp4")


# Sheets


@pytest.mark.parametrize(("count", "columns", "rows_expected", "columns_expected"), [
    (6, None, 2, 3), (1, None, 1, 1), (5, 2, 3, 2), (4, None, 2, 2), (3, 3, 1, 3), (7, None, 3, 3),
])  # fmt: skip
def test_a_sheet_holds_every_picture_with_white_between(count, columns, rows_expected, columns_expected):
    pictures = np.random.default_rng(0).random((count, 4, 6, 3)).astype(np.float32) * 0.9
    sheet = tile(pictures, columns, gap=2)
    assert sheet.shape == (rows_expected * 6 - 2, columns_expected * 8 - 2, 3)
    seen = np.zeros(sheet.shape[:2], bool)
    for index, picture in enumerate(pictures):
        top, left = index // columns_expected * 6, index % columns_expected * 8
        np.testing.assert_array_equal(sheet[top : top + 4, left : left + 6], picture)
        seen[top : top + 4, left : left + 6] = True
    assert (sheet[~seen] == 1).all()


def test_a_sheet_of_nothing_is_refused():
    with pytest.raises(ValueError, match="no pictures"):
        tile(np.zeros((0, 4, 4, 3), np.float32))


# The frames of a run


def _frame(step: int) -> bytes:
    return encode_png(np.full((4, 4, 1), step % 256, np.uint8))


def _shade(picture: np.ndarray) -> int:
    return int(round(float(picture[0, 0, 0]) * 255))


def test_all_frames_are_kept_while_they_fit():
    frames = Frames()
    for step in range(50):
        frames.append(_frame(step))
    assert len(frames) == 50
    assert [_shade(picture) for picture in frames] == list(range(50))
    assert _shade(frames[-1]) == 49
    assert [_shade(picture) for picture in frames[10:20:5]] == [10, 15]
    assert list(frames.kept()) == [_frame(step) for step in range(50)]


def test_memory_is_bounded_and_the_whole_run_stays_covered():
    size = len(_frame(0))
    frames = Frames(budget=10 * size + 50)
    for step in range(200):
        frames.append(_frame(step))
        kept = list(frames.kept())
        assert sum(map(len, kept)) == frames.bytes <= frames.budget
    assert len(frames) == 200
    assert 5 <= len(kept) <= 10
    for step in range(200):
        nearest = _shade(frames[step])
        assert nearest <= step < nearest + frames.every
        assert nearest % frames.every == 0


def test_a_frame_larger_than_the_budget_still_shows_something():
    frames = Frames(budget=1)
    for step in range(5):
        frames.append(_frame(step))
    assert len(list(frames.kept())) == 1
    assert [_shade(picture) for picture in frames] == [0] * 5


@pytest.mark.parametrize("step", [3, -4, 100])
def test_a_step_that_was_not_run_is_an_index_error(step: int):
    frames = Frames()
    for number in range(3):
        frames.append(_frame(number))
    with pytest.raises(IndexError, match="is not among the 3 steps"):
        frames[step]
