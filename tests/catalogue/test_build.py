"""build(): what is there is taken, what is missing is made, and every setting that changes a picture is in its name."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.catalogue.dispatch import Decided, tasks_of
from nbfeatviz.catalogue.planning import planned
from nbfeatviz.catalogue.store.store import Store
from nbfeatviz.catalogue.store.writer import writing
from nbfeatviz.engine import keras
from nbfeatviz.networks.network import Network

STEPS = 3
Pictures = dict[tuple[str, int, int], tuple[str, float | None, bytes]]


@pytest.fixture(scope="module")
def net() -> Network:
    return nv.load("mnist-cnn")


def build(net: Network, folder: Path, **options: Any) -> int:
    """Builds in this process; returns how many jobs were done."""
    before = len(log(folder, "job"))
    settings = {"photos": False, "progress": False, "steps": STEPS, "workers": 1, "layers": "conv2"} | options
    nv.catalogue.build(net, folder, **settings).close()
    return len(log(folder, "job")) - before


def log(folder: Path, event: str) -> list[dict[str, Any]]:
    if not (folder / "log.jsonl").is_file():
        return []
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [line for line in map(json.loads, lines) if line["event"] == event]


def pictures(folder: Path) -> Pictures:
    with nv.catalogue.open(folder) as catalogue:
        return {
            (layer, unit, one.seed): (one.status, one.score, one.webp)
            for layer in catalogue.layers()
            for unit in catalogue.units(layer)
            for one in catalogue[layer, unit].seeds
        }


@pytest.fixture(scope="module")
def sound(net: Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound") / "a.nbfv"
    assert build(net, folder, layers=["conv2", "conv3"]) == 6
    return folder


def test_jobs_do_not_depend_on_what_is_missing(net: Network, sound: Path, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    both = {"layers": ["conv2", "conv3"]}
    assert build(net, folder, units="0-7", **both) == 2
    assert len(pictures(folder)) == 32  # a job is done as a whole
    assert build(net, folder, layers="conv3", units=[20, *range(40, 50)]) == 3
    assert build(net, folder, **both) == 1 + 0
    assert pictures(folder) == pictures(sound)
    assert build(net, folder, **both) == 0


def test_pictures_are_those_of_maximize_grid(net: Network, sound: Path):
    alone = nv.maximize_grid(net, "conv3", units=range(16), steps=STEPS, seed=0)
    with nv.catalogue.open(sound) as catalogue:
        for place in range(16):
            np.testing.assert_allclose(catalogue["conv3", place].image, alone.images[place], atol=0.5 / 255 + 1e-6)


@pytest.mark.parametrize(
    "other",
    [
        {"steps": STEPS + 1},
        {"size": 20},
        {"recipe": "tutorial13-mnist"},
        {"precision": "bfloat16"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_other_settings_are_other_pictures_beside_the_old_ones(net: Network, tmp_path: Path, other: dict[str, Any]):
    folder = tmp_path / "a.nbfv"
    assert build(net, folder, units="0", layers="conv1") == 1
    before = pictures(folder)
    assert build(net, folder, units="0", layers="conv1", **other) == 1
    after = pictures(folder)
    assert after.keys() == before.keys()
    assert after != before
    assert build(net, folder, units="0", layers="conv1", precision="float32") == 0
    assert pictures(folder) == before
    store = Store(folder)
    assert len(store.rows("unit")) == 32
    store.close()


def test_another_seed_is_one_more_picture(net: Network, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    build(net, folder, layers="conv1")
    before = pictures(folder)
    assert build(net, folder, layers="conv1", seeds=3) == 2
    after = pictures(folder)
    assert {key: after[key] for key in before} == before
    assert len(after) == 48
    with nv.catalogue.open(folder) as catalogue:
        assert sorted(one.seed for one in catalogue["conv1", 2].seeds) == [0, 1, 2]
        assert len(catalogue) == 16


def own_model() -> keras.Model:
    keras.utils.set_random_seed(5)
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((16, 16, 1)),
            layers.Conv2D(9, 3, activation="relu", name="first"),
            layers.GlobalAveragePooling2D(name="pool"),
            layers.Dense(3, activation="softmax", name="head"),
        ]
    )


def test_other_weights_are_other_pictures(tmp_path: Path):
    folder, model = tmp_path / "a.nbfv", own_model()
    network = nv.load(model, input_range=(0, 1))
    assert build(network, folder, layers="first") == 1
    before = pictures(folder)
    old = model.layers[0].get_weights()
    model.layers[0].set_weights([-old[0], old[1]])
    assert build(network, folder, layers="first") == 1
    assert pictures(folder) != before
    model.layers[0].set_weights(old)
    assert build(network, folder, layers="first") == 0
    assert pictures(folder) == before


def faulty() -> Network:
    """Unit 3 is not a number; unit 5 never answers."""
    model = own_model()
    kernel, bias = (np.array(value) for value in model.layers[0].get_weights())
    bias[3], kernel[..., 5], bias[5] = np.nan, 0, -1
    model.layers[0].set_weights([kernel, bias])
    return nv.load(model, input_range=(0, 1), class_names=["a", "b", "c"])


@pytest.mark.filterwarnings("ignore")
def test_units_that_are_not_finite_or_dead_are_noted_and_not_tried_again(tmp_path: Path):
    folder, network = tmp_path / "a.nbfv", faulty()
    one_by_one = {"layers": "first", "recipe": "tutorial13-mnist"}  # the default asks the other units of the layer too
    assert build(network, folder, **one_by_one) == 1
    found = {unit: value for (_, unit, _), value in pictures(folder).items()}
    assert [unit for unit, value in found.items() if value[0] == "not finite"] == [3]
    assert found[5][0] == "dead"
    assert [value[0] for value in found.values()].count("ok") >= 5
    assert found[3][1:] == (None, b"")
    with nv.catalogue.open(folder) as catalogue:
        assert catalogue["first", 3].image is None
        assert catalogue["first", 5].image is not None
        assert catalogue.missing() == {}
    assert build(network, folder, **one_by_one) == 0
    assert log(folder, "failed") == []


def test_a_job_that_cannot_be_written_ends_the_build_and_costs_no_other(net: Network, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    plan = planned(net, layers="conv2", steps=STEPS)
    first = next(plan.jobs())
    (folder / "waiting" / f"{first.name}.records").mkdir(parents=True)  # in the way of what it would write
    with pytest.raises(OSError, match="cannot be written"):
        build(net, folder)
    (folder / "waiting" / f"{first.name}.records").rmdir()
    assert build(net, folder) == 2


def test_what_was_decided_is_taken_again_also_from_a_mended_index(net: Network, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    build(net, folder, layers="conv1", precision="bfloat16", units="0")
    (folder / "index.sqlite").unlink()
    build(net, folder, layers="conv1", workers=None)
    assert [(one["precision"], one["workers"]) for one in log(folder, "decided")] == [("bfloat16", 1)]
    with nv.catalogue.open(folder) as catalogue:
        assert catalogue.plan.precision == "bfloat16"
    assert "made again" in log(folder, "said")[0]["words"]


@pytest.mark.parametrize(
    "noted", ["", "[]", "null", "3", '{"precision": "float8", "workers": 10000000, "threads": "2"}', "[" * 100_000]
)
def test_a_decision_that_is_none_is_none(tmp_path: Path, noted: str):
    with writing(tmp_path, print) as writer:
        writer.note("decided x", noted)
        assert Decided.read(writer, "x") == Decided()
        writer.note("decided x", '{"precision": "bfloat16", "workers": 2, "threads": 1, "kind": "process"}')
        assert Decided.read(writer, "x") == Decided("bfloat16", 2, 1)


def test_a_damaged_catalogue_is_mended_by_building_again(net: Network, sound: Path, tmp_path: Path):
    folder = tmp_path / "a.nbfv"
    both = {"layers": ["conv2", "conv3"]}
    build(net, folder, **both)
    shard = folder / "shards" / "000001.shard"
    raw = bytearray(shard.read_bytes())
    raw[len(raw) // 2] ^= 1
    shard.write_bytes(raw)
    assert build(net, folder, **both) == 1
    assert "000001.shard was damaged: 1 record of conv" in log(folder, "said")[0]["words"]
    assert pictures(folder) == pictures(sound)


def test_nothing_grows_when_nothing_is_missing(net: Network, sound: Path):
    size = (sound / "shards" / "000001.shard").stat().st_size
    assert build(net, sound, layers=["conv2", "conv3"]) == 0
    assert (sound / "shards" / "000001.shard").stat().st_size == size


def test_tasks_are_of_one_layer(net: Network):
    tasks = tasks_of(list(planned(net, layers=["conv1", "conv3"], seeds=3).jobs()))
    assert [len({job.layer for job in task}) for task in tasks] == [1] * len(tasks)
    assert [len(task) for task in tasks] == [3, 8, 4]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"workers": 0}, ValueError, "workers 0 is out of range: give a number of processes from 1 to 1,024"),
        ({"workers": 2000}, ValueError, "workers 2000 is out of range"),
        ({"workers": True}, TypeError, "workers is a whole number, not True"),
        ({"workers": "two"}, TypeError, "workers is a whole number, not 'two'"),
        ({"photos": "no-such-folder"}, (ValueError, OSError), "no-such-folder"),
        ({"units": "999"}, ValueError, "999"),
    ],
)
def test_wrong_arguments_are_sentences_and_leave_nothing(net: Network, tmp_path: Path, options, error, words: str):
    with pytest.raises(error, match=words):
        build(net, tmp_path / "a.nbfv", **options)
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_no_folder(net: Network, tmp_path: Path):
    (tmp_path / "a.nbfv").write_text("mine")
    with pytest.raises(ValueError, match=r"a\.nbfv' is a file: a catalogue is a folder"):
        nv.catalogue.build(net, tmp_path / "a.nbfv", progress=False)
    assert (tmp_path / "a.nbfv").read_text() == "mine"


def test_looking_at_a_catalogue_does_not_load_tensorflow(sound: Path):
    program = (
        "import sys; import nbfeatviz.catalogue as catalogues\n"
        "with catalogues.open(sys.argv[1]) as cat:\n"
        "    unit = cat['conv3', 3]\n"
        "    print(len(cat), unit.image.shape, unit.settings.steps, cat.missing(), len(cat.search('conv3')), "
        "len(cat.like('conv3', 3)), unit.exemplars)\n"
        "print(sorted({'tensorflow', 'keras', 'ipywidgets'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program, sound], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["96 (28, 28, 1) 3 {} 64 12 None", "[]"]
