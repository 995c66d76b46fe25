"""A catalogue's site, as files: what is in it, what is never in it, how large it is, and what it may replace."""

from __future__ import annotations

import io
import json
import re
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nbfeatviz as nv
from nbfeatviz.catalogue import site_facts
from nbfeatviz.catalogue.site import assigned, checked
from nbfeatviz.catalogue.store.records import DamagedError
from nbfeatviz.networks.zoo import mnist

EVIL = "</script><img src=x onerror=alert(1)>"
NAMES = [EVIL, *"123456789"]
PHOTO = "my <holiday> & aunt.png"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A catalogue of a file's network with a class of an evil name, from a folder of the user's photographs."""
    root = tmp_path_factory.mktemp("somebody-at-home")
    mnist.load_model().save(root / "digits.keras")
    net = nv.load(root / "digits.keras", class_names=NAMES, input_range=(0, 1), head="softmax")
    (root / "holidays").mkdir()
    random = np.random.default_rng(0)
    for number in range(4):
        name = PHOTO if number == 0 else f"photograph-{number}.png"
        Image.fromarray(random.integers(0, 256, (60, 80), np.uint8)).save(root / "holidays" / name)
    options = {"layers": ["conv1", "conv2", "logits"], "steps": 2, "workers": 1, "progress": False}
    nv.catalogue.build(net, root / "c.nbfv", photos=root / "holidays", units="0-11", **options).close()
    return root / "c.nbfv"


@pytest.fixture
def catalogue(folder):
    with nv.catalogue.open(folder) as opened:
        yield opened


def read(path: Path) -> object:
    """What a data file assigns."""
    name, _, value = path.read_text("ascii").partition(" = ")
    assert name.startswith(("window.nbfeatviz", "(window.nbfeatviz")) and value.endswith(";\n")
    return json.loads(value[:-2])


def everything(site: Path) -> bytes:
    return b"\n".join(f"{path.relative_to(site)}\n".encode() + path.read_bytes() for path in site.rglob("*.*"))


def test_the_site_says_what_the_catalogue_knows(catalogue, tmp_path):
    index = catalogue.export(tmp_path / "site")
    assert index == tmp_path / "site" / "index.html" and index.is_file()
    about = read(tmp_path / "site/data/catalogue.js")
    assert [layer["path"] for layer in about["layers"]] == list(catalogue.layers()) == ["conv1", "conv2", "logits"]
    assert about["network"]["name"] == "digits" and about["network"]["hash"] == catalogue.plan.network["hash"]
    assert (about["recipe"], about["steps"], about["version"]) == ("default", 2, catalogue.plan.version)
    for place, layer in enumerate(about["layers"]):
        units = [unit for first, last in layer["finished"] for unit in range(first, last + 1)]
        assert tuple(units) == catalogue.units(layer["path"])
        known = read(tmp_path / f"site/data/layer-{place}.js")
        for unit in units:
            there, said = catalogue[layer["path"], unit], known[str(unit)]
            assert (tmp_path / f"site/pictures/{place}/{unit}.webp").read_bytes() == there.seeds[0].webp
            seed, status, score, picture = said["seeds"][0]
            assert (seed, status, picture) == (there.seeds[0].seed, there.status, True)
            assert score == pytest.approx(there.score, rel=1e-4)
            assert layer["marks"].get(str(unit), "ok") == there.status
            assert said["code"].endswith(there.settings.code())
            assert said["activations"]["counts"] == there.activations.counts.tolist()
            assert said["activations"]["sparsity"] == pytest.approx(there.activations.sparsity, rel=1e-4, nan_ok=True)


def test_the_neighbours_are_those_of_like(catalogue, tmp_path):
    catalogue.export(tmp_path)
    paths = catalogue.layers()
    for place, path in enumerate(paths):
        known = read(tmp_path / f"data/layer-{place}.js")
        for unit in catalogue.units(path):
            expected, said = catalogue.like(path, unit), known[str(unit)]["like"]
            assert len(said) == len(expected) == site_facts.NEIGHBOURS
            np.testing.assert_allclose([one[2] for one in said], [one[2] for one in expected], atol=1e-4)
            cosines = {(layer, other): cosine for layer, other, cosine in catalogue.like(path, unit, count=200)}
            for layer, other, cosine in said:
                assert cosines[paths[layer], other] == pytest.approx(cosine, abs=1e-4)


def test_without_photographs_neighbours_are_of_the_own_layer_alone(catalogue):
    vectors = {layer.path: np.eye(layer.units, 64, dtype=np.float16) for layer in catalogue.plan.layers}
    apart = site_facts.neighbours(catalogue.plan.layers, vectors.get, across=False)
    together = site_facts.neighbours(catalogue.plan.layers, vectors.get, across=True)
    assert {place for place, _, _ in apart[0, 3]} == {0}
    assert together[0, 3][0] == (1, 3, 1.0) and together[0, 3][1] == (2, 3, 1.0)


def test_python_of_a_page_makes_the_picture_again(tmp_path):
    net = nv.load("mnist-cnn")
    cat = nv.catalogue.build(net, tmp_path / "c", layers="conv1", units="0-7", steps=2, workers=1, photos=False,
                             precision="float32", progress=False)  # fmt: skip
    cat.export(tmp_path / "site")
    code = read(tmp_path / "site/data/layer-0.js")["5"]["code"]
    lines = code.splitlines()
    names: dict = {}
    exec("\n".join([*lines[:-1], f"made = {lines[-1]}"]), names)
    # WebP of a small picture loses nothing but the rounding to 256 steps
    np.testing.assert_allclose(names["made"].image, cat["conv1", 5].image, atol=0.02)


def test_no_byte_of_a_photograph_and_no_name_of_the_users(catalogue, folder, tmp_path):
    catalogue.export(tmp_path / "site")
    written = everything(tmp_path / "site")
    assert not (tmp_path / "site/photographs").exists()
    for word in ("holiday", "photograph-1", "somebody-at-home", str(folder.parent), "aunt"):
        assert word.encode() not in written, word
    for one in catalogue["conv1", 0].exemplars.strongest:
        assert one.webp not in written
    assert b"nv.load('digits.keras'" in written


def test_photographs_enter_when_they_are_asked_for_each_once_and_leave_again(catalogue, tmp_path):
    site = tmp_path / "site"
    catalogue.export(site, photos=True)
    names, known = read(site / "data/photographs.js"), read(site / "data/layer-0.js")
    assert sorted(names) == sorted({PHOTO, *(f"photograph-{number}.png" for number in (1, 2, 3))})
    assert len(list((site / "photographs").iterdir())) == len(names)
    exemplars = catalogue["conv1", 2].exemplars
    for kind in ("strongest", "weakest"):
        for (photo, value, box), one in zip(known["2"][kind], getattr(exemplars, kind), strict=True):
            assert names[photo] == one.photo and box == list(one.box)
            assert value == pytest.approx(one.value, rel=1e-4)
            assert (site / f"photographs/{photo}.webp").read_bytes() == one.webp
    catalogue.export(site)
    assert not (site / "photographs").exists() and not (site / "data/photographs.js").exists()
    assert b"holiday" not in everything(site)


def test_photographs_are_gone_also_when_the_export_without_them_fails(catalogue, tmp_path):
    catalogue.export(tmp_path, photos=True)
    (tmp_path / "data/layer-0.js").unlink()
    (tmp_path / "data/layer-0.js").mkdir()
    with pytest.raises(OSError, match=r"layer-0\.js"):
        catalogue.export(tmp_path)
    assert not (tmp_path / "photographs").exists()


def test_the_box_of_an_exemplar_is_the_receptive_field(catalogue):
    net = nv.load("mnist-cnn")
    for path in ("conv1", "conv2"):
        one = catalogue[path, 4].exemplars.strongest[0]
        assert one.box == nv.receptive_field(net, path).box(*one.position)
        top, left, bottom, right = one.box
        np.testing.assert_array_equal(one.patch, one.view[top:bottom, left:right])
        assert one.patch.shape[0] in range(1, {"conv1": 4, "conv2": 9}[path])
    whole = catalogue["logits", 4].exemplars.strongest[0]
    assert whole.box == (0, 0, 28, 28) and whole.position is None


def test_names_are_data_and_never_markup(catalogue, tmp_path):
    catalogue.export(tmp_path, photos=True)
    assert read(tmp_path / "data/catalogue.js")["layers"][2]["names"][0] == EVIL
    for file in (tmp_path / "data").iterdir():
        assert not re.search(rb"[<>&\x80-\xff]", file.read_bytes()), file.name
    assert EVIL not in (tmp_path / "index.html").read_text("utf-8")
    assert assigned("x", "\u2028</script>\ud800") == b'x = "\\u2028\\u003c/script\\u003e\\ud800";\n'


def test_the_page_asks_for_nothing_from_elsewhere(catalogue, tmp_path):
    index = catalogue.export(tmp_path).read_text("utf-8")
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', index)[1]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy and "http" not in policy
    assert 'type="module"' not in index
    assert set(re.findall(r'(?:src|href)="([^"]*)"', index)) == {
        "site.css",
        "index.html",
        "data/catalogue.js",
        "site.js",
    }
    script = (tmp_path / "site.js").read_text("utf-8")
    assert not re.search(r"\bfetch\(|innerHTML|\bimport\(|XMLHttpRequest|https?://(?!www\.w3\.org/2000/svg)", script)


class Halting:
    """An executor that does the first task and fails at all others."""

    def __init__(self) -> None:
        self.done = 0

    def submit(self, function, *arguments) -> Future:
        future: Future = Future()
        self.done += 1
        if self.done == 1:
            future.set_result(function(*arguments))
        else:
            future.set_exception(RuntimeError("the machine went away"))
        return future


def test_units_that_are_not_finished_have_a_place(tmp_path):
    options = {"layers": ["conv1", "conv2"], "steps": 2, "photos": False, "progress": False}
    cat = nv.catalogue.build(nv.load("mnist-cnn"), tmp_path / "c", executor=Halting(), **options)
    assert set(cat.missing()) == {"conv2"}
    cat.export(tmp_path / "site")
    first, second = read(tmp_path / "site/data/catalogue.js")["layers"]
    assert first["shown"] == first["finished"] == [[0, 15]]
    assert second["shown"] == [[0, 31]] and second["finished"] == []
    assert read(tmp_path / "site/data/layer-1.js") == {} and not (tmp_path / "site/pictures/1").exists()
    assert site_facts.ranges({9, 3, 1, 2, 8}) == [(1, 3), (8, 9)]


def test_a_folder_that_is_no_site_is_left_alone(catalogue, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/index.html").write_text("mine")
    for wrong in ("thesis", "thesis/index.html"):
        with pytest.raises(ValueError, match=re.escape(repr(str(tmp_path / wrong)))):
            catalogue.export(tmp_path / wrong)
    with pytest.raises(ValueError, match="something else"):
        catalogue.export(catalogue.folder)
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["index.html"]
    assert (tmp_path / "thesis/index.html").read_text() == "mine"
    (tmp_path / "empty").mkdir()
    assert catalogue.export(str(tmp_path / "empty")).is_file()


def test_a_site_is_renewed_and_what_is_not_its_own_stays(catalogue, tmp_path):
    catalogue.export(tmp_path)
    before = everything(tmp_path)
    (tmp_path / "pictures/7").mkdir()
    for stale in ("pictures/7/1.webp", "pictures/0/99.webp", "data/layer-9.js", "photographs.txt", "pictures/notes.md"):
        (tmp_path / stale).write_bytes(b"x")
    (tmp_path / "pictures/0/1.webp").write_bytes(b"old")
    catalogue.export(tmp_path)
    assert (tmp_path / "photographs.txt").is_file() and (tmp_path / "pictures/notes.md").is_file()
    (tmp_path / "photographs.txt").unlink()
    (tmp_path / "pictures/notes.md").unlink()
    assert not (tmp_path / "pictures/7").exists()
    assert everything(tmp_path) == before


@pytest.mark.parametrize(("given", "error"), [({"photos": 1}, TypeError), ({"photos": "all"}, TypeError)])
def test_wrong_photos_are_named(catalogue, tmp_path, given, error):
    with pytest.raises(error, match=repr(given["photos"])):
        catalogue.export(tmp_path / "site", **given)
    with pytest.raises(TypeError, match="7"):
        catalogue.export(7)
    assert not (tmp_path / "site").exists()


def test_photographs_that_were_never_looked_at_cannot_be_asked_for(tmp_path):
    options = {"layers": "conv1", "units": "0-7", "steps": 2, "workers": 1, "photos": False, "progress": False}
    cat = nv.catalogue.build(nv.load("mnist-cnn"), tmp_path / "c", **options)
    with pytest.raises(ValueError, match="no photographs"):
        cat.export(tmp_path / "site", photos=True)
    cat.export(tmp_path / "site")
    known = read(tmp_path / "site/data/layer-0.js")["0"]
    assert "activations" not in known
    assert {place for place, _, _ in known["like"]} == {0}, "by weights, in its own layer"


def test_a_unit_costs_few_bytes(catalogue, tmp_path):
    catalogue.export(tmp_path)
    data = sum(path.stat().st_size for path in (tmp_path / "data").glob("layer-*.js"))
    assert data / len(catalogue) < 2000
    page = sum((tmp_path / name).stat().st_size for name in ("index.html", "site.css", "site.js"))
    # pictures of 128 pixels have at most 6 kB each, so that 5,112 units are below 60 MB
    assert page < 100_000 and page + 5112 * (6000 + data / len(catalogue)) < 60e6


def test_a_picture_that_is_none_is_named():
    with pytest.raises(DamagedError, match=r"unit 3 of 'conv1'"):
        checked(b"<svg onload=alert(1)>", "unit 3 of 'conv1'")
    buffer = io.BytesIO()
    Image.new("L", (16000, 1001)).save(buffer, "WEBP")
    with pytest.raises(DamagedError, match="16,016,000 pixels"):
        checked(buffer.getvalue(), "unit 3 of 'conv1'")


@pytest.mark.parametrize(
    ("source", "call"),
    [
        ("'mnist-cnn'", "nv.load('mnist-cnn')"),
        ("'InceptionV3', weights=None", "nv.load('InceptionV3', weights=None)"),
        ("'/home/me/nets/a b.keras', input_range=(0, 255)", "nv.load('a b.keras', input_range=(0, 255))"),
        (r"'C:\\me\\net.h5', allow_lambda=True", "nv.load('net.h5', allow_lambda=True)"),
        ("... 'mine'", "...  # the network, which has no name or file to load it by"),
    ],
)
def test_a_network_is_loaded_without_the_users_folder(source, call):
    assert site_facts.loading(source) == call
