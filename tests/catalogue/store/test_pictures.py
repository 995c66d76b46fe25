"""Pictures as bytes: what goes in comes out nearly, and nothing else is ever unpacked."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nbfeatviz.catalogue.store.pictures import decoded, encoded
from nbfeatviz.catalogue.store.records import DamagedError


def smooth(height: int, width: int, channels: int) -> np.ndarray:
    rows, columns = np.mgrid[0:height, 0:width]
    waves = [np.sin(rows / (5 + one)) * np.cos(columns / (7 + one)) for one in range(channels)]
    return (np.stack(waves, axis=2) / 2 + 0.5).astype(np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_picture_comes_back_nearly_in_few_bytes(channels: int):
    picture = smooth(128, 96, channels)
    data = encoded(picture)
    assert len(data) < 6000
    back = decoded(data, channels)
    assert (back.shape, back.dtype) == (picture.shape, np.float32)
    assert np.sqrt(np.mean((back - picture) ** 2)) < 0.02


@pytest.mark.parametrize(
    ("shape", "channels"), [((28, 28), 1), ((40, 48), 3), ((60, 50), 2), ((60, 50), 4), ((70, 9), 7)]
)
def test_small_pictures_and_other_channels_lose_nothing(shape: tuple[int, int], channels: int):
    picture = smooth(*shape, channels)
    np.testing.assert_allclose(decoded(encoded(picture), channels), picture, atol=0.5 / 255 + 1e-6)


def test_the_same_picture_is_the_same_bytes():
    assert encoded(smooth(64, 64, 3)) == encoded(smooth(64, 64, 3))


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"\0" * 500,
        png(),
        encoded(smooth(64, 64, 3))[:200],
        b"RIFF\xff\xff\xff\xffWEBPVP8L" + b"\xff" * 64,
    ],
    ids=["nothing", "four", "zeros", "png", "half", "lengths"],
)
def test_other_bytes_are_damage(data: bytes):
    with pytest.raises(DamagedError, match="a picture of the catalogue cannot be read"):
        decoded(data, 3)


def test_planes_that_do_not_fit_are_damage():
    with pytest.raises(DamagedError):
        decoded(encoded(smooth(5, 5, 4)), 3 * 7)


def test_a_picture_of_gigapixels_is_refused_without_memory(tmp_path: Path):
    buffer = io.BytesIO()
    Image.new("RGB", (16383, 8191)).save(buffer, "WEBP", lossless=True, method=0)
    (tmp_path / "huge.webp").write_bytes(buffer.getvalue())
    assert len(buffer.getvalue()) < 1000
    program = (
        "import sys; from pathlib import Path; "
        "from nbfeatviz.catalogue.store.pictures import decoded\n"
        "status = lambda: dict(line.split(':', 1) for line in Path('/proc/self/status').read_text().splitlines())\n"
        "peak = lambda: int(status()['VmHWM'].split()[0]) // 1024\n"
        "before = peak()\n"
        "try: decoded(Path(sys.argv[1]).read_bytes(), 3)\n"
        "except ValueError as error: print(error)\n"
        "print(peak() - before)"
    )
    command = [sys.executable, "-W", "error", "-c", program, str(tmp_path / "huge.webp")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    said, grown = done.stdout.splitlines()
    assert "cannot be read" in said
    assert int(grown) < 20
