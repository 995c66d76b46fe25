"""What leaves the panel: files of the right kind and name, and code that makes the same picture again."""

from __future__ import annotations

import ast
import io
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import nbfeatviz as nv
from nbfeatviz.encoding import decode, encode_jpeg, encode_png
from nbfeatviz.synthesis.run.batch_run import BatchRun, Case
from nbfeatviz.widgets import export


def picture(value: float, size: int = 16) -> np.ndarray:
    return np.full((size, size, 3), value, np.float32)


def test_a_png_is_the_still_as_it_is():
    still = encode_png(picture(0.5))
    assert export.picture_file("png", still, [], "tiny-conv1-3") == ("tiny-conv1-3.png", "image/png", still)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_animation_ends_with_the_still(kind: str):
    frames = [encode_jpeg(picture(k / 10)) for k in range(4)]
    name, mime, data = export.picture_file(kind, encode_png(picture(1)), frames, "a")
    assert (name, mime) == (f"a.{kind}", f"image/{kind}")
    with Image.open(io.BytesIO(data)) as animation:
        assert (animation.format, animation.n_frames) == (kind.upper(), 5)
        animation.seek(4)
        assert np.asarray(animation.convert("RGB")).min() > 250


def test_nothing_to_save_is_a_sentence():
    with pytest.raises(ValueError, match="no picture to save yet"):
        export.picture_file("png", b"", [], "a")
    with pytest.raises(ValueError, match="'gif' or 'webp', not 'bmp'"):
        export.picture_file("bmp", encode_png(picture(1)), [], "a")


@pytest.mark.parametrize(
    ("name", "file"),
    [("base/block1_conv1-3", "base_block1_conv1-3"), ("<script>", "script"), ("../..", ".._.."), ("ü/", "nbfeatviz")],
)
def test_file_names_are_plain(name: str, file: str):
    assert export.picture_file("png", encode_png(picture(1)), [], name)[0] == f"{file}.png"


def test_a_small_picture_is_enlarged_with_square_pixels_and_a_large_one_is_not():
    small = np.zeros((28, 28, 1), np.float32)
    small[0, 0] = 1
    shown = decode(export.enlarged(small))
    assert shown.shape == (224, 224, 1)
    assert (shown[:8, :8] == 1).all()
    assert shown.sum() == 64
    assert decode(export.enlarged(picture(0.5, 300))).shape == (300, 300, 3)


def test_the_code_makes_the_picture_again(net):
    settings = {"recipe": "tutorial13", "steps": 2}
    first = nv.maximize(net, nv.objectives.channel("conv1", 1), seed=3, **settings)
    second = nv.maximize(net, nv.objectives.channel("conv1", 2), start=first, **settings)
    lines = export.code(second.settings).splitlines()
    assert [line for line in lines if "result1 =" in line]
    assert "net = nv.load(...)  # the network that the panel was given: 'tiny'" in lines
    text = export.code(second.settings, given="explorer.network")
    assert "nv.load" not in text
    names = {"explorer": SimpleNamespace(network=net)}
    exec(text.rpartition("\n")[0], names)
    assert np.array_equal(eval(text.rpartition("\n")[2], names).image, second.image), "it ends in the picture"


@pytest.mark.parametrize(
    "differing",
    [{}, {"seed": [1, 2]}, {"steps": [1, 3]}, {"recipe": ["tutorial13", "lucid"]}, {"step_size": 0.25}],
    ids=lambda one: "".join(one) or "nothing",
)
def test_the_code_of_a_sheet_makes_its_pictures_again(net, differing: dict):
    units = [nv.objectives.channel("conv1", unit) for unit in (1, 2)]
    given = {"recipe": ["tutorial13"] * 2, "steps": [2] * 2, "seed": [0] * 2} | differing
    cases = [
        Case(unit, recipe, seed, steps)
        for unit, recipe, seed, steps in zip(units, given["recipe"], given["seed"], given["steps"], strict=True)
    ]
    runs = BatchRun(net, cases, step_size=differing.get("step_size"))
    assert len(list(runs)) == max(given["steps"])
    text = export.sheet_code(runs, given="net")
    assert max(map(len, text.splitlines())) <= 100
    names = {"net": net}
    exec(text, names)
    for made, result in zip(names["result"], runs.results(), strict=True):
        assert np.array_equal(made.image, result.image)


def test_code_for_a_named_network_and_a_given_picture():
    net = nv.load("mnist-cnn")
    unit = nv.objectives.channel(net.convolutions[0].path, 0)
    given = np.full((28, 28, 1), 0.5, np.float32)
    result = nv.maximize(net, unit, recipe="tutorial13-mnist", steps=1, start=given)
    text = export.code(result.settings)
    ast.parse(text)
    assert "net = nv.load('mnist-cnn')" in text
    assert "picture = ...  # the picture that the panel was given" in text
    assert "start=picture" in text
