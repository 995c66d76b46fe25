"""The Catalogue tab in a panel: a real catalogue, sent as it is asked for, filled in, gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz.catalogue.store.pictures import decoded
from nbfeatviz.widgets.tabs.catalogue.filling import Filling
from tests.widgets.conftest import dispatch, error, wait


@pytest.fixture(scope="module")
def digits() -> nv.Network:
    return nv.load("mnist-cnn")


@pytest.fixture(scope="module")
def folder(digits: nv.Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of a half of one layer, and of the classes."""
    folder = tmp_path_factory.mktemp("catalogue") / "digits.nbfv"
    nv.catalogue.build(digits, folder, layers=["conv2", "logits"], units="0-15", steps=4, progress=False).close()
    return folder


@pytest.fixture
def explorer(digits: nv.Network, folder: Path, make_panel) -> nv.FeatureExplorer:
    return make_panel(digits, catalogue=folder, layer="conv2", unit=3)


@pytest.fixture
def sent(explorer: nv.FeatureExplorer, monkeypatch) -> Iterator[list[tuple[dict[str, Any], list[bytes]]]]:
    """What the tab sends to the page."""
    messages: list[tuple[dict[str, Any], list[bytes]]] = []
    view = explorer.panel.layout.catalogue
    monkeypatch.setattr(view, "send", lambda content, buffers=(): messages.append((content, list(buffers))))
    return messages


def test_rows_from_input_to_classes(explorer):
    rows = explorer.panel.layout.catalogue.rows
    assert [row["path"] for row in rows] == ["conv2", "logits"]
    assert rows[0]["done"] >= 16 and rows[1] == {"path": "logits", "kind": "Dense", "units": 10, "done": 10}
    assert set(explorer.panel.layout.tree.pictured) == {"conv2", "logits"}


def test_pictures_are_those_of_the_catalogue(explorer, folder, sent):
    dispatch(explorer, {"kind": "catalogue-pictures", "layer": "conv2", "units": [3, 0]})
    (content, buffers), cat = sent[0], nv.catalogue.open(folder)
    assert [one["unit"] for one in content["units"]] == [3, 0]
    assert buffers == [cat["conv2", 3].seeds[0].webp, cat["conv2", 0].seeds[0].webp]
    assert content["units"][0]["score"] == cat["conv2", 3].score
    dispatch(explorer, {"kind": "catalogue-pictures", "layer": "conv1", "units": [0]})
    assert sent[1][0]["units"][0]["status"] == "not pictured yet" and sent[1][1] == [b""]


def test_orders(explorer, folder, sent):
    cat = nv.catalogue.open(folder)
    for sort, value in (("score", lambda unit: cat["conv2", unit].score),
                        ("sparsity", lambda unit: cat["conv2", unit].activations.sparsity)):  # fmt: skip
        dispatch(explorer, {"kind": "catalogue-sort", "value": sort})
        dispatch(explorer, {"kind": "catalogue-order", "layer": "conv2"})
        units = sent[-1][0]["units"]
        found = [value(unit) for unit in units]
        assert sorted(units) == list(cat.units("conv2")) and units != sorted(units)
        assert found == sorted(found, reverse=True)
    dispatch(explorer, {"kind": "catalogue-choose", "layer": "conv2", "unit": 3})
    dispatch(explorer, {"kind": "catalogue-sort", "value": "similarity"})
    dispatch(explorer, {"kind": "catalogue-order", "layer": "conv2"})
    like = [unit for layer, unit, _ in cat.like("conv2", 3, 200) if layer == "conv2" and unit in cat.units("conv2")]
    assert sent[-1][0]["units"][:4] == [3, *like[:3]]


def test_a_unit_large(explorer, folder, sent):
    dispatch(explorer, {"kind": "catalogue-choose", "layer": "conv2", "unit": 3})
    (content, buffers), unit = sent[0], nv.catalogue.open(folder)["conv2", 3]
    assert (content["layer"], content["unit"], content["score"]) == ("conv2", 3, unit.score)
    assert len(buffers) == 1 + len(content["patches"]) and len(content["patches"]) == 7  # one a bundled photograph
    assert content["patches"][0]["value"] == unit.exemplars.strongest[0].value
    assert sum(content["histogram"]["counts"]) == unit.activations.counts.sum()
    weights = np.asarray(explorer.network.call("conv2").operation.kernel)[..., 3].sum((0, 1))
    layer, place, weight = content["read"][0]
    assert (place, weight) == (np.abs(weights).argmax(), pytest.approx(weights[np.abs(weights).argmax()]))
    assert explorer.network.layers[layer].units == len(weights)
    assert explorer.panel.layout.catalogue.chosen == ["conv2", 3]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"kind": "catalogue-choose", "layer": "conv2", "unit": 63}, "unit 63"),
        ({"kind": "catalogue-choose", "layer": "<b>", "unit": 0}, "'<b>'"),
        ({"kind": "catalogue-order", "layer": 7}, "7"),
        ({"kind": "catalogue-pictures", "layer": "conv2", "units": [-1]}, "-1"),
        ({"kind": "catalogue-sort", "value": "beauty"}, "'beauty'"),
        ({"kind": "catalogue-search", "text": 3}, "3"),
        ({"kind": "catalogue-run", "layer": "conv2", "unit": 63}, "63"),
        ({"kind": "catalogue-fill", "layer": "nothing"}, "'nothing'"),
        ({"kind": "catalogue-photo", "place": 0}, "photograph 0"),
    ],
)
def test_what_is_wrong_is_a_sentence(explorer, content, sentence):
    dispatch(explorer, content)
    assert sentence in error(explorer)


def test_search_and_likeness(explorer, sent):
    dispatch(explorer, {"kind": "catalogue-search", "text": "logits 7"})
    assert [one[:2] for one in sent[-1][0]["units"]] == [["logits", 7]]
    dispatch(explorer, {"kind": "catalogue-like", "layer": "conv2", "unit": 3})
    assert len(sent[-1][0]["units"]) > 5 and ["conv2", 3] not in [one[:2] for one in sent[-1][0]["units"]]


def test_the_stored_picture_of_what_is_set_is_seen_at_once(explorer, folder):
    live, cat = explorer.panel.layout.live, nv.catalogue.open(folder)
    assert live.stored == cat["conv2", 3].seeds[0].webp and live.stored_words.startswith("stored · conv2 · unit 3")
    explorer.unit = 4
    assert live.stored == cat["conv2", 4].seeds[0].webp
    explorer.unit = 31  # which is not in the catalogue
    assert live.stored == b""
    explorer.unit = 4
    explorer.run()
    assert live.stored == b"", "the run's own picture is seen"
    explorer.unit = 5
    assert live.stored == cat["conv2", 5].seeds[0].webp
    explorer.unit = 4
    assert live.stored == b"", "the canvas still has that unit's own"
    explorer.objective = "class"
    assert live.stored_words.startswith("stored · logits · unit 4")
    explorer.change("objective", "neuron")
    assert live.stored == b""


def test_a_run_goes_on_from_what_is_stored_if_that_is_wished(explorer, folder):
    explorer.change("start", "image")
    explorer.change("steps", 1)
    explorer.run()
    picture, frames = nv.catalogue.open(folder)["conv2", 3].image, explorer.panel.layout.live.frames
    assert np.abs(frames[0] - picture).mean() < 0.02
    explorer.change("start", "noise")
    explorer.run()
    assert np.abs(explorer.panel.layout.live.frames[0] - picture).mean() > 0.05


def test_run_from_here(explorer, folder):
    dispatch(explorer, {"kind": "catalogue-run", "layer": "logits", "unit": 7})
    assert error(explorer) == ""
    assert (explorer.layer, explorer.unit, explorer.objective) == ("logits", 7, "channel")
    picture, frames = nv.catalogue.open(folder)["logits", 7].image, explorer.panel.layout.live.frames
    assert np.abs(frames[0] - picture).mean() < 0.02
    assert explorer.panel.photo.tab == "optimize"


def test_a_photograph_opens_in_the_photo_tabs_at_the_unit(explorer):
    dispatch(explorer, {"kind": "catalogue-choose", "layer": "conv2", "unit": 3})
    dispatch(explorer, {"kind": "catalogue-photo", "place": 1})
    assert error(explorer) == ""
    photo = explorer.panel.photo
    assert photo.tab == "saliency" and photo.picture is not None
    assert (photo._settings.target.layer, photo._settings.target.unit) == ("conv2", 3)


def test_filling_without_a_catalogue_ends_with_the_panel(digits, make_panel):
    explorer = make_panel(digits, layer="conv1")
    view = explorer.panel.layout.catalogue
    assert view.rows == []
    explorer.panel.catalogue.fill("logits")
    assert error(explorer) == ""
    assert view.progress["state"] == "done" and view.rows[0]["done"] == 10
    own = explorer.panel.catalogue.sources._own_folder
    assert own is not None and own.is_dir()
    explorer.change("layer", "logits")
    made = decoded(explorer.panel.layout.live.stored, 1)
    expected = nv.maximize(digits, nv.objectives.channel("logits", 0), steps=64, seed=0).image
    assert np.abs(made - expected).max() < 0.02  # 8 bits a value, and the rounding of a batch
    explorer.close()
    assert not own.exists()


def test_filling_yields_to_a_run_after_one_step_and_pauses(digits, make_panel):
    explorer = make_panel(digits, background=True, layer="conv1", steps=2)
    wait(lambda: explorer.state == "idle")
    explorer.panel.catalogue.fill("conv3")
    view = explorer.panel.layout.catalogue
    wait(lambda: "step" in view.progress["text"])
    explorer.run()
    wait(lambda: explorer.state == "idle" and explorer.image is not None)
    assert view.progress["state"] == "busy" and view.progress["done"] < view.progress["total"]
    explorer.panel.catalogue.pause_filling()
    wait(lambda: view.progress["state"] == "paused")
    assert error(explorer) == ""


def test_a_filling_that_was_replaced_says_nothing_more(digits):
    told: list[tuple[str, int, int, str]] = []
    jobs: list[Any] = []

    class Later:
        def submit(self, job: Any) -> None:
            jobs.append(job)

        def on_close(self, stop: Any) -> None:
            self.stop = stop

    from nbfeatviz.catalogue.planning import planned

    plan = planned(digits, layers=["logits"], steps=2)
    filling = Filling(Later(), lambda job, records: None, lambda *words: told.append(words))
    filling.begin(digits, list(plan.jobs()))
    filling.pause()
    while jobs:
        jobs.pop(0)()
    assert [words[0] for words in told] == ["busy"]


def test_a_catalogue_of_another_network_is_said_and_not_shown(folder, make_panel, net):
    explorer = make_panel(net, catalogue=folder)
    assert "other weights or layers" in error(explorer)
    assert explorer.panel.layout.catalogue.rows == []


def test_no_catalogue_is_a_sentence(digits, make_panel, tmp_path):
    with pytest.raises(ValueError, match="no catalogue in"):
        make_panel(digits, catalogue=tmp_path)


def test_with_other_weights_nothing_that_is_stored_is_shown(folder, make_panel):
    own = nv.load("mnist-cnn")
    explorer = make_panel(own, catalogue=folder, layer="conv2", unit=3)
    assert explorer.panel.layout.live.stored
    kernel = own.call("conv2").operation.kernel
    kernel.assign(kernel * 2)
    explorer.panel.catalogue.network_changed(own)
    assert not explorer.panel.layout.live.stored and explorer.panel.layout.catalogue.rows == []
