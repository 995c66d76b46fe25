"""Pictures: what a person may bring, how it is fitted, encoded and kept."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nbfeatviz.encoding import Frames, decode, encode_animation, encode_jpeg, encode_png, tile, to_pil, to_uint8
from nbfeatviz.images import LARGEST_PIXELS, as_picture, crop_box, fitted, read_image

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
    data = path.read_bytes()
    ways = [path, str(path), data, bytearray(data), memoryview(data), image]
    ways += [PIXELS, PIXELS[None], PIXELS / 255, PIXELS.astype("f4") / 255]
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


def _png(depth: int, kind: int, rows: list[bytes], *, clear: bytes = b"") -> bytes:
    """A PNG two pixels wide of a kind that Pillow cannot write."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 2, len(rows), depth, kind, 0, 0, 0))]
    chunks += [(b"tRNS", clear)] if clear else []
    chunks += [(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks
    )


LUMA = np.array([0.299, 0.587, 0.114])
ALPHA = np.array([0, 51, 128, 204, 255], np.uint8)
COLOURS = np.random.default_rng(1).integers(0, 256, (4, 5, 4), dtype=np.uint8)
COLOURS[..., 3] = ALPHA
OVER_WHITE = COLOURS[..., :3] / 255 * (COLOURS[..., 3:] / 255) + 1 - COLOURS[..., 3:] / 255
GREYS = COLOURS[..., [0, 3]]
GREY_OVER_WHITE = OVER_WHITE[..., :1]


@pytest.mark.parametrize("kind", ["array", "float", "PIL", "PNG", "WEBP", "TIFF"])
def test_transparency_lies_over_white_whatever_brings_it(kind: str):
    image = Image.fromarray(COLOURS)
    ways = {"array": COLOURS, "float": COLOURS / 255, "PIL": image}
    settings = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    source = ways[kind] if kind in ways else _encoded(image, kind, **settings)
    np.testing.assert_allclose(as_picture(source, 3), OVER_WHITE, atol=1e-6)
    np.testing.assert_allclose(as_picture(source, 1)[..., 0], OVER_WHITE @ LUMA, atol=1e-6)
    np.testing.assert_allclose(as_picture(source, 4), COLOURS / 255, atol=1e-6)


@pytest.mark.parametrize("kind", ["array", "float", "PIL", "PNG"])
def test_grey_with_transparency_too(kind: str):
    image = Image.fromarray(GREYS, "LA")
    source = {"array": GREYS, "float": GREYS / 255, "PIL": image}.get(kind)
    source = _encoded(image) if source is None else source
    np.testing.assert_allclose(as_picture(source, 1), GREY_OVER_WHITE, atol=1e-6)
    np.testing.assert_allclose(as_picture(source, 3), GREY_OVER_WHITE.repeat(3, axis=2), atol=1e-6)
    np.testing.assert_allclose(as_picture(source, 4), GREYS[..., [0, 0, 0, 1]] / 255, atol=1e-6)


def test_two_channels_stay_two_for_a_network_of_two():
    assert _same(as_picture(GREYS, 2), GREYS)


def _palette(clear: int | bytes | None) -> Image.Image:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putdata([0, 1])
    if clear is not None:
        image.info["transparency"] = clear
    return image


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (_palette(None), [(1, 0, 0), (0, 0, 1)]),
        (_palette(0), [(1, 1, 1), (0, 0, 1)]),
        (_palette(bytes([255, 51])), [(1, 0, 0), (0.8, 0.8, 1)]),
        (_encoded(_palette(0)), [(1, 1, 1), (0, 0, 1)]),
        (_encoded(_palette(1), "GIF", transparency=1), [(1, 0, 0), (1, 1, 1)]),
        (_palette(0).convert("PA"), [(1, 1, 1), (0, 0, 1)]),
        (_png(8, 0, [b"\x00\x33"], clear=b"\0\0"), [(1, 1, 1), (0.2, 0.2, 0.2)]),
        (_png(8, 2, [b"\x00\x33\xff\0\0\0"], clear=b"\0\x00\0\x33\0\xff"), [(1, 1, 1), (0, 0, 0)]),
        (_png(1, 0, [b"\x40"], clear=b"\0\0"), [(1, 1, 1), (1, 1, 1)]),
        (_png(1, 0, [b"\x40"], clear=b"\0\1"), [(0, 0, 0), (1, 1, 1)]),
        (_png(1, 0, [b"\x40"]), [(0, 0, 0), (1, 1, 1)]),
        (_png(16, 0, [b"\x33\x33\x00\x00"], clear=b"\x00\x00"), [(0.2, 0.2, 0.2), (1, 1, 1)]),
        (_png(16, 2, [b"\x33\x33\x00\x00\xff\xff" * 2]), [(0.2, 0, 1)] * 2),
        (_png(16, 4, [b"\x33\x33\xff\xff\x00\x00\x00\x00"]), [(0.2, 0.2, 0.2), (1, 1, 1)]),
        (_png(16, 6, [b"\xff\xff\x00\x00\x00\x00\x33\x33" * 2]), [(1, 0.8, 0.8)] * 2),
    ],
)
def test_palettes_single_clear_colours_and_deep_files(image, expected: list):
    np.testing.assert_allclose(as_picture(image, 3)[0], expected, atol=1e-6)


def test_grey_is_the_luma_of_colour_for_files_as_for_arrays():
    for source in (PIXELS, PIXELS / 255, Image.fromarray(PIXELS), _encoded(Image.fromarray(PIXELS))):
        grey = as_picture(source, 1)
        np.testing.assert_allclose(grey[..., 0], PIXELS / 255 @ LUMA, atol=1e-6)
        # Pillow's own, which rounds to 8 bits
        assert np.abs(grey[..., 0] * 255 - np.asarray(Image.fromarray(PIXELS).convert("L"))).max() < 0.51
    even = PIXELS[..., :1].repeat(3, axis=2)
    assert _same(as_picture(even, 1), even[..., :1])


def test_four_channels_of_what_has_no_alpha_are_opaque():
    for source in (PIXELS, Image.fromarray(PIXELS)):
        assert _same(as_picture(source, 4), np.dstack([PIXELS, np.full((7, 5), 255, np.uint8)]))
    assert as_picture(PIXELS[..., 0], 4)[..., 3].min() == 1


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "lime", "blue")]
    for kind, settings in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})):
        data = _encoded(frames[0], kind, save_all=True, append_images=frames[1:], **settings)
        assert (as_picture(data, 3) == [1, 0, 0]).all()


@pytest.mark.parametrize("kind", ["BMP", "PNG", "TIFF", "WEBP", "PPM", "TGA"])
def test_lossless_formats_are_read_exactly(kind: str):
    data = _encoded(Image.fromarray(PIXELS), kind, **({"lossless": True} if kind == "WEBP" else {}))
    assert _same(as_picture(data, 3), PIXELS)


def test_a_print_photo_is_read_in_its_colours():
    cmyk = _encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG", quality=95)
    assert np.abs(as_picture(cmyk, 3) - [1, 0, 0]).max() < 0.03


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_way_to_hold_a_camera(orientation: int):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = _encoded(Image.fromarray(PIXELS), exif=exif)
    turned = PIXELS[:, ::-1] if orientation in (2, 4, 5, 7) else PIXELS
    quarters = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: -1, 7: -1, 8: 1}[orientation]
    assert _same(as_picture(data, 3), np.rot90(turned, quarters))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_damaged_or_senseless_exif_data_do_not_refuse_a_photo():
    exif = Image.Exif()
    exif[0x0112] = 9
    # The last is not even a header, at which Pillow raises.
    for data in (b"Exif\0\0" + b"II*\0\xff\xff\xff\xff", exif, b"Exif\0\0garbage"):
        assert _same(as_picture(_encoded(Image.fromarray(PIXELS), exif=data), 3), PIXELS)


# `read_image`


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_read_image_is_as_picture_and_fitted(channels: int):
    data = _encoded(Image.fromarray(PIXELS))
    np.testing.assert_array_equal(read_image(data), as_picture(data, 3))
    picture = as_picture(data, channels)
    np.testing.assert_array_equal(read_image(data, channels=channels), picture)
    np.testing.assert_array_equal(read_image(data, channels=channels, size=(4, 9)), fitted(picture, (4, 9)))
    squashed = read_image(data, channels=channels, size=(4, 9), fit="squash")
    np.testing.assert_array_equal(squashed, fitted(picture, (4, 9), fit="squash"))
    assert squashed.dtype == np.float32 and squashed.shape == (4, 9, channels)


# What is refused, each with a sentence


@pytest.mark.parametrize(
    ("array", "channels", "sentence"),
    [
        (np.zeros(5), 3, r"\(height, width, channels\), not \(5,\)"),
        (np.zeros((2, 4, 4, 3)), 3, r"\(height, width, channels\), not \(2, 4, 4, 3\)"),
        (np.zeros((0, 4, 3)), 3, r"the image is empty: its shape is \(0, 4, 3\)"),
        (np.zeros((4, 4, 0)), 3, r"the image is empty"),
        (np.zeros((4, 4, 5)), 3, r"the image has 5 channels; this network takes 3"),
        (np.zeros((4, 4, 3)), 5, r"the image has 3 channels; this network takes 5"),
        (np.zeros((4, 4, 7)), 1, r"the image has 7 channels; this network takes 1"),
        (np.zeros((4, 4, 3)), 2, r"the image has 3 channels; this network takes 2"),
        (np.full((4, 4, 3), np.nan), 3, r"NaN or infinity: replace them first"),
        (np.full((4, 4, 3), np.inf), 3, r"NaN or infinity"),
        (np.full((4, 4, 3), 255.0), 3, r"in 0\.\.1; .* from 255 to 255: divide it by 255, or give uint8"),
        (np.full((4, 4, 3), 200), 3, r"divide it by 255"),
        (np.full((4, 4, 3), -1.0), 3, r"in 0\.\.1; this one runs from -1 to -1\.$"),
        (np.full((4, 4, 3), 1000.0), 3, r"from 1000 to 1000\.$"),
        (np.full((4, 4, 3), 60000, np.uint16), 3, r"from 60000 to 60000: divide it by 65535\.$"),
        (np.full((4, 4, 3), 1e300), 3, r"from 1e\+300 to 1e\+300\.$"),
        (np.zeros((4, 0)), 3, r"the image is empty: its shape is \(4, 0, 1\)"),
        (Image.new("RGB", (0, 4)), 3, r"the image is empty"),
        (Image.new("RGB", (2, 2)), 5, r"cannot have 5 channels: give an array \(H, W, 5\)"),
        (b"not an image", 3, r"this data is not an image that can be read .*JPEG, PNG or WebP would be"),
        (b"%PDF-1.7", 3, r"this data is not an image that can be read \(it is of no known format\)"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n", 3, r"no known format"),
        (b"", 3, r"this data is not an image that can be read \(it is empty\); JPEG, PNG or WebP would be"),
        ("http://x.org/a.jpg", 3, r"'http://x\.org/a\.jpg' is an address: download it first, then give its path"),
        (Path("https://x.org/a.jpg"), 3, r"is an address: download it first"),
        ("file:///x/a.jpg", 3, r"is an address"),
        ("data:image/png;base64," + "A" * 9000, 3, r"^'data:image/png;base64,A{100,200}…' is an address"),
        ("no/such/file.png", 3, r"there is no file 'no/such/file\.png'"),
        ("nul\0.png", 3, r"not an image that can be read"),
    ],
)
def test_a_wrong_image_is_a_sentence(array, channels: int, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        as_picture(array, channels)


@pytest.mark.parametrize(
    "thing",
    [object(), {"a": 1}, np.array(["text"]), np.zeros((2, 2), complex), [[1], [2, 3]], np.full((2, 2), None)],
)
def test_something_else_is_refused(thing):
    with pytest.raises(TypeError, match=r"is not an image: give a path|an image array holds numbers, not"):
        as_picture(thing, 3)


@pytest.mark.parametrize("read", [lambda: as_picture(None, 3), lambda: read_image(None, channels=1, size=(2, 2))])
def test_none_is_said_to_be_what_opencv_gives_for_a_missing_file(read):
    with pytest.raises(
        TypeError, match=r"None is not an image: it is what cv2\.imread gives for a file that is missing"
    ):
        read()


def test_a_folder_is_not_an_image(tmp_path: Path):
    with pytest.raises(ValueError, match=rf"'{tmp_path}' is a folder: give the path of one image in it"):
        as_picture(tmp_path, 3)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
def test_a_file_that_was_cut_off_or_is_empty_is_a_sentence_with_its_name(kind: str, tmp_path: Path):
    whole = _encoded(Image.effect_noise((64, 64), 50), kind)
    path = tmp_path / "photo.jpg"
    for length, why in ((len(whole) // 2, "can be read"), (5, "of no known format"), (0, r"\(it is empty\)")):
        for source, name in ((whole[:length], "this data"), (path, "'.*photo.jpg'")):
            path.write_bytes(whole[:length])
            with pytest.raises(ValueError, match=f"^{name} is not an image .*{why}"):
                as_picture(source, 3)


def test_a_name_that_is_too_long_is_a_sentence_and_not_repeated_in_full():
    with pytest.raises(ValueError, match="too long") as caught:
        as_picture("x" * 9000, 3)
    assert len(str(caught.value)) < 400


def test_a_folder_that_looks_like_an_address_may_hold_photos(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "http:").mkdir()
    Image.fromarray(PIXELS).save(tmp_path / "http:" / "a.png")
    assert _same(as_picture("http://a.png", 3), PIXELS)


def test_no_other_program_is_started_for_a_file(monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "check_call", refuse)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    with pytest.raises(ValueError, match="no known format"):
        as_picture(_encoded(Image.fromarray(PIXELS), "EPS"), 3)


def test_a_file_is_closed_again(tmp_path: Path):
    path = tmp_path / "a.gif"
    frames = [Image.new("L", (4, 4), shade) for shade in (0, 255)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    script = "import sys\nfrom nbfeatviz.images import as_picture\nas_picture(sys.argv[1], 3)"
    command = [sys.executable, "-X", "dev", "-W", "always::ResourceWarning", "-c", script, str(path)]
    assert "unclosed file" not in subprocess.run(command, capture_output=True, text=True, check=True).stderr


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


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((8001, 8000), "8001×8000"), ((10000, 10000), "10000×10000"), ((40000, 40000), "1,600,000,000"),
        ((2**31 - 1, 2**31 - 1), f"{(2**31 - 1) ** 2:,}"),
    ],
)  # fmt: skip
def test_a_bomb_is_refused_before_it_is_decoded(size: tuple[int, int], said: str, monkeypatch):
    decoded: list = []
    load = Image.Image.load
    monkeypatch.setattr(Image.Image, "load", lambda self: (decoded.append(self), load(self))[1])
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=f"^this data: {said} pixels are too many; at most 64,000,000 are read"):
            as_picture(_png_that_announces(*size), 3)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not decoded
    assert peak < 10_000_000


@pytest.mark.filterwarnings("error:::PIL")
def test_a_bomb_that_is_only_warned_of_is_refused_in_the_same_words():
    with pytest.raises(ValueError, match="^this data: 100,000,000 pixels are too many; at most 64,000,000 are read"):
        as_picture(_png_that_announces(10000, 10000), 3)


def test_a_bomb_that_was_opened_elsewhere_or_lies_in_a_file_is_refused(tmp_path: Path):
    path = tmp_path / "bomb.png"
    path.write_bytes(_png_that_announces(8001, 8000))
    assert LARGEST_PIXELS < 8001 * 8000
    for source in (path, Image.open(path)):
        with pytest.raises(ValueError, match=r"bomb\.png': 8001×8000 pixels are too many"):
            as_picture(source, 3)


def test_an_icon_cannot_hide_a_larger_image():
    icon = bytearray(_encoded(Image.new("RGB", (64, 64)), "ICO", sizes=[(64, 64)]))
    with pytest.raises(ValueError, match="no known format"):
        as_picture(bytes(icon), 3)


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


def _fitted_by_the_centre(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What `fitted` did before it knew of anything else."""
    (height, width), (rows, columns) = size, picture.shape[:2]
    scale = max(height / rows, width / columns)
    top, left = (rows - height / scale) / 2, (columns - width / scale) / 2
    box = (max(left, 0.0), max(top, 0.0), min(columns - left, columns), min(rows - top, rows))
    planes = [
        np.asarray(Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC, box=box))
        for plane in np.moveaxis(picture, 2, 0)
    ]
    return np.clip(np.stack(planes, axis=-1), 0, 1)


def test_the_centre_crop_is_what_it_was_to_the_last_bit():
    random = np.random.default_rng(0)
    for _ in range(200):
        rows, columns, height, width = (int(side) for side in random.integers(1, 60, 4))
        picture = random.random((rows, columns, 1)).astype(np.float32)
        np.testing.assert_array_equal(
            fitted(picture, (height, width)), _fitted_by_the_centre(picture, (height, width)), strict=True
        )


def test_squash_shows_everything():
    picture = np.zeros((10, 30, 1), np.float32)
    picture[:, 15:] = 1
    squashed = fitted(picture, (10, 10), fit="squash")
    assert squashed.shape == (10, 10, 1)
    assert squashed[:, :4].max() < 0.01 and squashed[:, 6:].min() > 0.99
    assert crop_box((10, 30), (10, 10), "squash") == (0, 0, 1, 1)
    assert fitted(picture, (10, 30), fit="squash") is picture


@pytest.mark.parametrize(
    ("shape", "size", "centre", "box"),
    [
        ((10, 30), (10, 10), (0.5, 0.5), (0, 1 / 3, 1, 2 / 3)),
        ((10, 30), (10, 10), (0.5, 0.0), (0, 0, 1, 1 / 3)),
        ((10, 30), (10, 10), (0.0, 1.0), (0, 2 / 3, 1, 1)),
        ((10, 30), (10, 10), (0.5, 0.25), (0, 0.25 - 1 / 6, 1, 0.25 + 1 / 6)),
        ((10, 30), (10, 10), (-7, 99), (0, 2 / 3, 1, 1)),
        ((40, 10, 3), (5, 5), (0.75, 0.1), (0.625, 0, 0.875, 1)),
        ((40, 20), (224, 112), (0.1, 0.9), (0, 0, 1, 1)),
    ],
)
def test_the_crop_box_follows_its_centre_and_stays_inside(shape, size, centre, box):
    assert crop_box(shape, size, "crop", centre) == pytest.approx(box)


def test_fitted_shows_what_the_crop_box_says():
    picture = np.random.default_rng(0).random((20, 50, 3)).astype(np.float32)
    for centre in ((0.5, 0.2), (0.1, 0.5), (0.5, 0.9), (0.5, 0.62)):
        top, left, bottom, right = crop_box(picture.shape, (20, 20), centre=centre)
        assert 0 <= top < bottom <= 1 and 0 <= left < right <= 1
        assert (bottom - top) * 20 == pytest.approx((right - left) * 50)
        rows, columns = slice(round(top * 20), round(bottom * 20)), slice(round(left * 50), round(right * 50))
        np.testing.assert_allclose(fitted(picture, (20, 20), centre=centre), picture[rows, columns], atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"fit": "stretch"}, "fitted by 'crop' or by 'squash', not 'stretch'"),
        ({"centre": (0.5, float("nan"))}, r"a centre is \(y, x\) in fractions of the picture, not \(0\.5, nan\)"),
        ({"centre": (0.5,)}, r"a centre is \(y, x\) .* not \(0\.5,\)"),
        ({"centre": 0.5}, r"a centre is \(y, x\) .* not 0\.5"),
        ({"centre": ("0", "1")}, r"a centre is \(y, x\) .* not \('0', '1'\)"),
        ({"size": (0, 4)}, r"a size is \(height, width\) in whole pixels, not \(0, 4\)"),
        ({"size": (4.5, 4)}, r"a size is \(height, width\) in whole pixels, not \(4\.5, 4\)"),
        ({"size": 224}, r"a size is \(height, width\) in whole pixels, not 224"),
    ],
)
def test_a_wrong_way_to_fit_is_a_sentence(settings: dict, sentence: str):
    settings = {"size": (7, 5)} | settings
    with pytest.raises(ValueError, match=sentence):
        fitted(as_picture(PIXELS, 3), **settings)
    with pytest.raises(ValueError, match=sentence):
        crop_box((7, 5), **settings)


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
