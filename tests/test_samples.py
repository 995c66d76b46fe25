"""Samples: the photographs are there, credited, small, light to import, and what the network takes them for."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from nbfeatviz import samples

if TYPE_CHECKING:
    from nbfeatviz import Network

ROOT = Path(__file__).parent.parent
NAMES = ("chelsea", "coffee", "camera", "astronaut", "rocket", "china", "flower")


@pytest.fixture(scope="module")
def lite0() -> Network:
    import nbfeatviz

    return nbfeatviz.load("efficientnet-lite0")


def test_the_samples_are_these():
    assert samples.names() == NAMES == tuple(sample.name for sample in samples.ALL)
    assert all(samples.get(name).name == name for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_sample_is_a_small_upright_jpeg_in_srgb(name: str):
    sample = samples.get(name)
    with Image.open(sample.path) as image:
        assert image.format == "JPEG"
        assert max(image.size) <= 640 and min(image.size) >= 224
        assert image.mode == ("L" if name == "camera" else "RGB")
        assert image.getexif().get(0x0112, 1) == 1
        # A browser applies a profile, Python does not: other than sRGB, they would see different colours.
        assert b"sRGB" in image.info.get("icc_profile", b"sRGB")
        image.load()


def test_together_they_are_light_and_nothing_else_lies_there():
    files = {file.name: file.stat().st_size for file in samples.ALL[0].path.parent.iterdir()}
    assert set(files) == {"credits.json", *(f"{name}.jpg" for name in NAMES)}
    assert sum(files.values()) < 900_000


@pytest.mark.parametrize("name", NAMES)
def test_every_sample_may_be_passed_on_and_says_whose_it_is(name: str):
    sample = samples.get(name)
    assert sample.licence in ("CC0 1.0", "CC BY 2.0", "public domain")
    assert sample.author and sample.title
    assert sample.source.startswith("https://")
    for part in (sample.title, sample.author, sample.licence):
        assert part in sample.credit
    assert "\n" not in sample.credit


def test_attribution_that_a_licence_demands_is_kept():
    assert {s.name: (s.author, s.licence) for s in samples.ALL if s.licence.startswith("CC BY ")} == {
        "china": ("danielbuechele", "CC BY 2.0"),
        "flower": ("vultilion", "CC BY 2.0"),
    }
    entries = json.loads((samples.ALL[0].path.parent / "credits.json").read_text(encoding="utf-8"))
    assert all(entry["changes"] for entry in entries)


def test_a_sample_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        samples.ALL[0].name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("chelsae", "no sample 'chelsae'; nearest: 'chelsea'; there are chelsea, coffee"),
        ("Coffee", "no sample 'Coffee'; nearest: 'coffee'; there are"),
        ("zzzzzz", "no sample 'zzzzzz'; there are chelsea, .*flower"),
        (3, "no sample 3; there are"),
    ],
)
def test_a_sample_that_is_not_there_names_the_nearest(name, sentence: str):
    with pytest.raises(ValueError, match=sentence):
        samples.get(name)


def test_samples_load_neither_tensorflow_nor_widgets():
    script = "import sys, nbfeatviz.samples; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"tensorflow", "keras", "ipywidgets", "PIL"} & set(done.stdout.split())


def test_the_wheel_brings_the_photographs(tmp_path: Path):
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, capture_output=True, check=True, cwd=ROOT)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for sample in samples.ALL:
            assert archive.read(f"nbfeatviz/data/photos/{sample.path.name}") == sample.path.read_bytes()
        assert "nbfeatviz/data/photos/credits.json" in archive.namelist()


# What EfficientNet-Lite0 says of the originals, with the short side at 256 and the central 224 pixels (bicubic).
@pytest.mark.parametrize(
    ("name", "first", "probability"),
    [
        ("coffee", "espresso", 0.95), ("camera", "tripod", 0.94), ("chelsea", "tiger cat", 0.39),
        ("china", "palace", 0.32), ("flower", "daisy", 0.36), ("rocket", "missile", 0.30),
    ],
)  # fmt: skip
def test_saving_as_jpeg_left_the_predictions(lite0: Network, name: str, first: str, probability: float):
    with Image.open(samples.get(name).path) as image:
        scale = 256 / min(image.size)
        sized = image.convert("RGB").resize((round(image.width * scale), round(image.height * scale)), 3)
    left, top = (sized.width - 224) // 2, (sized.height - 224) // 2
    best = lite0.predict(sized.crop((left, top, left + 224, top + 224)), top=1)[0]
    assert best[1] == first
    assert best[2] == pytest.approx(probability, abs=0.03)


# The same with the whole short side, as `predict` fits a path.
@pytest.mark.parametrize(
    ("name", "expected", "probability"),
    [
        ("coffee", "espresso", 0.94), ("camera", "tripod", 0.95), ("chelsea", "tiger cat", 0.32),
        ("china", "palace", 0.30), ("flower", "daisy", 0.21), ("rocket", "missile", 0.20),
    ],
)  # fmt: skip
def test_the_network_knows_the_samples(lite0: Network, name: str, expected: str, probability: float):
    found = {label: value for _, label, value in lite0.predict(samples.get(name).path, top=2)}
    assert found[expected] == pytest.approx(probability, abs=0.03)
