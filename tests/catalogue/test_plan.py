"""The plan of a build: each unit in one job, the same jobs whatever is there, and every wrong setting a sentence."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

import nbfeatviz as nv
from nbfeatviz.catalogue.plan import blocks, plan_of
from nbfeatviz.catalogue.planning import planned
from nbfeatviz.catalogue.store.records import Record, packed, unpacked
from nbfeatviz.engine import keras
from nbfeatviz.networks.network import Network


@pytest.fixture(scope="module")
def net() -> Network:
    return nv.load("mnist-cnn")


@pytest.mark.parametrize("units", [*range(1, 140), 192, 320, 1000, 1280, 2048, 4096])
def test_blocks_hold_every_unit_once_in_batches_of_one_size(units: int):
    found = blocks(units)
    assert [unit for batch, count in found for unit in batch[:count]] == list(range(units))
    (size,) = {len(batch) for batch, _ in found}
    assert size == units if units < 8 else 8 <= size <= 32
    assert all(len(set(batch)) == len(batch) for batch, _ in found)
    computed = size * len(found)
    assert computed <= units * 1.1 or computed - units < 16
    assert blocks(units) == found


def test_the_default_is_all_of_it_at_its_own_size(net: Network):
    plan = planned(net)
    assert [layer.path for layer in plan.layers] == ["conv1", "conv2", "conv3", "logits"]
    assert [len(layer.wanted) for layer in plan.layers] == [16, 32, 64, 10]
    assert {layer.size for layer in plan.layers} == {(28, 28)}
    assert (plan.steps, plan.seeds, plan.precision) == (64, (0,), "float32")
    assert sum(job.count for job in plan.jobs()) == 122


def test_jobs_are_the_same_for_a_part_and_for_all(net: Network):
    every = list(planned(net, seeds=2).jobs())
    part = list(planned(net, layers=["conv3", "conv2"], units="20,40-50,999", seeds=2).jobs())
    assert set(part) < set(every)
    assert {(job.layer, job.units[0]) for job in part} == {("conv2", 16), ("conv3", 16), ("conv3", 32), ("conv3", 48)}
    assert len({job.name for job in every}) == len(every)


@pytest.mark.parametrize(
    ("units", "asked"),
    [("0-3", ((0, 3),)), ("5,0-3, 4 ", ((0, 5),)), ("12-99", ((12, 15),)), ([3, 1, 3], ((1, 1), (3, 3))),
     (range(4), ((0, 3),)), ("2-2", ((2, 2),))],
)  # fmt: skip
def test_units_are_ranges(net: Network, units: Any, asked: tuple[tuple[int, int], ...]):
    assert planned(net, layers="conv1", units=units).layers[0].asked == asked


def test_patterns_and_paths_choose_layers_in_the_order_of_the_network(net: Network):
    assert [layer.path for layer in planned(net, layers=["conv[32]", "conv1"]).layers] == ["conv1", "conv2", "conv3"]
    every = [layer.path for layer in planned(net, layers="*").layers]
    assert set(every) > {"conv1", "conv2", "conv3", "logits"}


def test_a_path_with_brackets_is_a_path():
    layers = keras.layers
    keras.utils.set_random_seed(0)
    convolutions = [layers.Conv2D(4, 3, name=name) for name in ("a[1]", "a1")]
    rest = [layers.GlobalAveragePooling2D(), layers.Dense(2, name="head")]
    model = keras.Sequential([keras.Input((12, 12, 1)), *convolutions, *rest])
    network = nv.load(model, input_range=(0, 1), head="linear")
    assert [layer.path for layer in planned(network, layers="a[1]").layers] == ["a[1]"]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"layers": "conv9"}, ValueError, r"no layer 'conv9'.*conv"),
        ({"layers": []}, ValueError, "layers is empty: name paths or patterns"),
        ({"layers": 5}, TypeError, "layers are paths or patterns such as 'block\\*', not 5"),
        ({"layers": [3]}, TypeError, "layers are paths or patterns such as 'block\\*', not 3"),
        ({"layers": b"conv1"}, TypeError, "layers are paths or patterns"),
        ({"units": ""}, ValueError, "units '' are no units: give such as '0-63' or '0,5,7'"),
        ({"units": "5-3"}, ValueError, "units '5-3' are no units"),
        ({"units": "-3"}, ValueError, "units '-3' are no units"),
        ({"units": "1-2-3"}, ValueError, "units '1-2-3' are no units"),
        ({"units": "a"}, ValueError, "units 'a' are no units"),
        ({"units": 5}, TypeError, "units are '0-63' or whole numbers, such as range\\(64\\), not 5"),
        ({"units": [1, "2"]}, TypeError, "units are '0-63' or whole numbers"),
        ({"units": [-1]}, ValueError, "unit -1 is no unit"),
        ({"units": [1.5]}, ValueError, "unit 1.5 is no unit"),
        ({"units": [True]}, ValueError, "unit True is no unit"),
        ({"units": "64-99"}, ValueError, "none of the chosen layers has a unit of '64-99'"),
        ({"recipe": "tutorial12"}, ValueError, "nearest: 'tutorial13'"),
        ({"recipe": 5}, (TypeError, ValueError), "5"),
        ({"steps": 0}, ValueError, "steps"),
        ({"steps": 2.5}, (TypeError, ValueError), "steps"),
        ({"size": 0}, ValueError, "size 0"),
        ({"size": "big"}, (TypeError, ValueError), "'big'"),
        (
            {"size": 14},
            ValueError,
            r"'conv\d|'logits' cannot be computed from pictures of 14×14: the network takes 28×28",
        ),
        ({"seeds": 0}, ValueError, "seeds 0 is out of range: give how many pictures of each unit, from 1 to 64"),
        ({"seeds": 65}, ValueError, "seeds 65 is out of range"),
        ({"seeds": True}, TypeError, "seeds is a whole number, not True"),
        ({"seeds": "1"}, TypeError, "seeds is a whole number, not '1'"),
        ({"precision": "float8"}, ValueError, "float8"),
    ],
    ids=str,
)
def test_wrong_settings_are_sentences(net: Network, options: dict[str, Any], error: Any, words: str):
    with pytest.raises(error, match=words) as found:
        planned(net, **options)
    assert "\n" not in str(found.value)


def test_no_network_is_said():
    with pytest.raises(TypeError, match=r"'mnist-cnn' is not a Network: nbfeatviz\.load\(\.\.\.\) makes one"):
        planned("mnist-cnn")  # type: ignore[arg-type]


def test_layers_that_cannot_take_a_smaller_picture_keep_the_networks_own():
    """What is flattened has one size; everything before takes another."""
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((160, 160, 1)),
            layers.Conv2D(8, 3, strides=4, name="free"),
            layers.Flatten(),
            layers.Dense(4, name="fixed"),
            layers.Dense(3, activation="softmax", name="head"),
        ]
    )
    plan = planned(nv.load(model, input_range=(0, 1)), layers=["free", "fixed", "head"])
    assert {layer.path: layer.size for layer in plan.layers} == {
        "free": (128, 128), "fixed": (160, 160), "head": (160, 160),
    }  # fmt: skip


def test_a_plan_comes_back_from_its_record(net: Network):
    plan = planned(net, layers=["conv1", "logits"], units="0-3,7", seeds=2, recipe="tutorial13-mnist")
    back = plan_of(unpacked(packed(plan.record()), "here"))
    assert back.owner == plan.owner
    assert list(back.jobs()) == list(plan.jobs())
    assert back.layers == plan.layers


def changed(path: str, value: Any) -> Any:
    def change(facts: dict[str, Any]) -> None:
        *way, last = path.split("/")
        place: Any = facts
        for one in way:
            place = place[int(one)] if isinstance(place, list) else place[one]
        place[int(last) if isinstance(place, list) else last] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        changed("layers/0/asked", [[0, 9_999_999]]),
        changed("layers/0/asked", [[0, 3]] * 1000),
        changed("layers/0/asked", [[3, 1]]),
        changed("layers/0/asked", [[-1, 3]]),
        changed("layers/0/asked", "all"),
        changed("layers/0/units", 10**12),
        changed("layers/0/units", None),
        changed("layers/0/size", [1]),
        changed("layers/1/names", ["one"]),
        changed("layers", None),
        changed("network", None),
        changed("network/channels", 0),
        changed("network/channels", "3"),
        changed("network/size", [28]),
        changed("network/size", [28, "28"]),
        changed("network/name", 5),
        changed("seeds", []),
        changed("seeds", "x"),
        changed("steps", "64"),
        changed("steps", -1),
        changed("recipe", 5),
        changed("further", 1),
    ],
)
def test_a_hostile_description_is_damage(net: Network, change: Any):
    facts = json.loads(json.dumps(planned(net, layers=["conv1", "logits"]).as_facts()))
    plan_of(Record("build", "o", facts=facts))
    change(facts)
    with pytest.raises(ValueError, match="the catalogue's own description is damaged"):
        plan_of(Record("build", "o", facts=facts))


def test_every_setting_that_changes_a_picture_is_in_its_owner(net: Network):
    def owner(**options: Any) -> str:
        return planned(net, layers="conv1", **options).layers[0].owner

    others = [{"steps": 5}, {"size": 20}, {"recipe": "tutorial13-mnist"}, {"precision": "bfloat16"}]
    assert len({owner(), *(owner(**options) for options in others)}) == 5
    assert owner() == owner(seeds=4) == owner(units="3") == planned(net).layers[1].owner
    plan = planned(net)
    assert dataclasses.replace(plan, version="0").layers == plan.layers
