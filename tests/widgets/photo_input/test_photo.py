"""Photo: whatever a person brings is kept as it came, and cut to what the network sees."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nbfeatviz as nv
from nbfeatviz.encoding import decode
from nbfeatviz.widgets.photo_input.photo import Photo, clean_name, file_stem, name_of, own


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).random(shape, dtype=np.float32)


def encoded(kind: str = "PNG", size: tuple[int, int] = (20, 30), mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray((noise(*size, 3) * 255).astype(np.uint8)).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG whose header promises 40,000 × 40,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    body = b"IDAT" + zlib.compress(b"\0" * 100)
    chunks = [struct.pack(">I", len(one) - 4) + one + struct.pack(">I", zlib.crc32(one)) for one in (header, body)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_what_came_in_bytes_is_kept_in_bytes():
    photo = Photo(encoded(), 3)
    assert photo.pixels.dtype == np.uint8
    assert np.array_equal(photo.pixels.astype(np.float32) / 255, nv.read_image(encoded()))


def test_what_is_finer_than_bytes_loses_nothing(net):
    given = noise(16, 16, 3)
    photo = Photo(given, 3)
    assert np.array_equal(photo.pixels, given)
    assert np.array_equal(photo.seen(net), given)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P"])
def test_any_mode_for_any_network_that_a_panel_shows(channels: int, mode: str):
    photo = Photo(encoded(mode=mode), channels)
    assert photo.pixels.shape == (20, 30, channels)
    assert decode(photo.preview).shape == (20, 30, 1 if channels == 1 else 3)


def test_the_network_sees_what_the_headless_functions_see(net):
    assert np.array_equal(Photo(encoded(), 3).seen(net), nv.read_image(encoded(), size=(16, 16)))
    squashed = Photo(encoded(), 3, fit="squash").seen(net)
    assert np.array_equal(squashed, nv.read_image(encoded(), size=(16, 16), fit="squash"))


def test_the_box_is_the_part_that_is_seen():
    photo = Photo(noise(10, 40, 3), 3)
    assert photo.box((16, 16)) == pytest.approx((0, 0.375, 1, 0.625))
    assert photo.fitted_otherwise(centre=(0.5, 0.0)).box((16, 16)) == pytest.approx((0, 0, 1, 0.25))
    assert photo.fitted_otherwise(fit="squash").box((16, 16)) == (0, 0, 1, 1)


def test_another_fit_does_not_read_the_pixels_again(monkeypatch):
    photo = Photo(encoded(), 3)
    pixels = photo.pixels
    monkeypatch.setattr("nbfeatviz.widgets.photo_input.photo.as_picture", lambda *_: pytest.fail("read again"))
    assert photo.fitted_otherwise(fit="squash", centre=(0, 0), number=7).pixels is pixels


def test_other_channels_are_read_from_the_source_and_so_lose_nothing():
    photo = Photo(encoded(), 1)
    assert photo.pixels.shape == (20, 30, 1)
    assert np.array_equal(photo.fitted_otherwise(channels=3).pixels, Photo(encoded(), 3).pixels)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3000), (3000, 2), (1300, 650)])
def test_the_preview_is_at_most_640_long_and_never_empty(shape: tuple[int, int]):
    height, width = decode(Photo(noise(*shape, 3), 3).preview).shape[:2]
    assert 1 <= min(height, width) <= max(height, width) <= 640
    if min(shape) > 600:
        assert height / width == pytest.approx(shape[0] / shape[1], rel=0.01)


BAD = {
    "empty": (b"", "it is empty"),
    "no image": (b"hello" * 100, "not an image that can be read"),
    "truncated": (encoded("JPEG", (200, 200))[:2000], "not an image that can be read|damaged or cut off"),
    "a bomb": (bomb(), "1,600,000,000 pixels are too many|40000×40000 pixels are too many"),
    "NaN": (np.full((4, 4, 3), np.nan), "NaN or infinity"),
    "0..255": (np.full((4, 4, 3), 200.0), "divide it by 255"),
    "channels": (np.zeros((4, 4, 5)), "5 channels; this network takes 3"),
    "no pixels": (np.zeros((0, 4, 3)), "is empty"),
    "missing": ("nowhere.png", "no file 'nowhere.png'"),
    "address": ("https://example.org/cat.png", "download it first"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_photo_is_a_sentence(case: str):
    source, sentence = BAD[case]
    with pytest.raises(ValueError, match=sentence):
        _ = Photo(source, 3).pixels


def test_an_array_is_copied_so_that_its_owner_may_change_it():
    given = noise(4, 4, 3)
    kept = own(given)
    given[:] = np.nan
    assert np.isfinite(kept).all()
    data = b"x"
    assert own(data) is data


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (b"bytes", "photo"),
        ("folder/cat.png", "cat.png"),
        (Path("folder") / "cat.png", "cat.png"),
        ("folder/", "photo"),
        (noise(2, 2, 3), "photo"),
        (Image.new("RGB", (2, 2)), "photo"),
    ],
)
def test_a_photo_is_called_after_its_file(source: Any, name: str):
    assert name_of(source) == name


def test_a_picture_opened_with_pillow_is_called_after_its_file(tmp_path):
    (tmp_path / "dog.png").write_bytes(encoded())
    with Image.open(tmp_path / "dog.png") as image:
        assert name_of(image) == "dog.png"


HOSTILE = [
    "../../etc/passwd",
    "a\\b\\c.png",
    "x" * 10_000,
    "\ud800.png",
    "a\nb\0c",
    "",
    "   ",
    "/",
    "..",
    ".png",
    "日本.jpg",
]


@pytest.mark.parametrize("name", [*HOSTILE, "<img src=x onerror=alert(1)>"], ids=lambda name: ascii(name)[:20])
def test_any_name_can_be_sent_shown_and_saved_under(name: str):
    shown = clean_name(name)
    assert 1 <= len(shown) <= 200
    assert shown.encode("utf-8")
    assert not any(ord(character) < 32 for character in shown)
    stem = file_stem(shown)
    assert 1 <= len(stem) <= 80
    assert not set(stem) & set('/\\<>:"|?*\0\n ')
    assert not stem.startswith(".")


def test_a_plain_name_stays_as_it_is():
    assert clean_name("My cat <3 é.jpg") == "My cat <3 é.jpg"
    assert file_stem("My cat.tar.jpg") == "My_cat.tar"
