"""Photographs under the picture: from a catalogue, or looked for on the spot, and opened in the photo tabs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import nbfeatviz as nv
from nbfeatviz import samples
from nbfeatviz.images import as_picture, fitted
from tests.widgets.conftest import dispatch, error


@pytest.fixture(scope="module")
def digits() -> nv.Network:
    return nv.load("mnist-cnn")


@pytest.fixture
def explorer(digits: nv.Network, make_panel) -> nv.FeatureExplorer:
    return make_panel(digits, layer="conv2", unit=3)


@pytest.fixture
def sent(explorer: nv.FeatureExplorer, monkeypatch) -> list[tuple[dict[str, Any], list[bytes]]]:
    messages: list[tuple[dict[str, Any], list[bytes]]] = []
    view = explorer.panel.layout.exemplars
    monkeypatch.setattr(view, "send", lambda content, buffers=(): messages.append((content, list(buffers))))
    return messages


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for place, sample in enumerate(samples.ALL[:4]):
        Image.open(sample.path).resize((64, 48)).save(tmp_path / f"{place} <i>.png")
    (tmp_path / "broken.png").write_bytes(b"none")
    return tmp_path


def test_looking_at_a_folder_finds_what_activations_say(explorer, sent, photos):
    assert explorer.panel.layout.exemplars.facts["known"] is False
    dispatch(explorer, {"kind": "exemplars-look", "folder": str(photos)})
    assert error(explorer) == ""
    content, buffers = sent[-1]
    best = {}
    for path in sorted(photos.glob("* <i>.png")):
        picture = fitted(as_picture(path, 1), (28, 28))
        best[path.name] = nv.activations(explorer.network, picture, "conv2")[..., 3].max()
    wanted = sorted(best, key=best.get, reverse=True)
    assert [patch["photo"] for patch in content["patches"]] == wanted
    np.testing.assert_allclose(
        [patch["value"] for patch in content["patches"]], [best[name] for name in wanted], rtol=1e-5
    )  # fmt: skip - a batch is rounded otherwise
    assert len(buffers) == 4 and content["histogram"]["views"] == 4
    facts = explorer.panel.layout.exemplars.facts
    assert facts["known"] and str(photos) in facts["words"] and facts["of"] == "unit 3 of conv2"


def test_other_units_of_the_layer_are_known_too_and_other_layers_not(explorer, sent, photos):
    dispatch(explorer, {"kind": "exemplars-look", "folder": str(photos)})
    explorer.unit = 5
    assert explorer.panel.layout.exemplars.facts["known"] and len(sent[-1][0]["patches"]) == 4
    explorer.layer = "conv1"
    assert not explorer.panel.layout.exemplars.facts["known"]


def test_a_patch_opens_its_photograph_at_the_unit(explorer, photos):
    dispatch(explorer, {"kind": "exemplars-look", "folder": str(photos)})
    shown = explorer.panel.exemplars._shown[0]
    dispatch(explorer, {"kind": "exemplars-photo", "place": 0})
    photo = explorer.panel.photo
    assert error(explorer) == "" and photo.tab == "saliency" and photo.photo.name == shown.photo
    assert (photo._settings.target.layer, photo._settings.target.unit) == ("conv2", 3)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"kind": "exemplars-look", "folder": "/no/such"}, "no folder '/no/such'"),
        ({"kind": "exemplars-photo", "place": 0}, "photograph 0"),
    ],
)
def test_what_is_wrong_is_a_sentence(explorer, content, sentence):
    dispatch(explorer, content)
    assert sentence in error(explorer)


def test_a_folder_of_broken_files_is_said(explorer, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"none")
    dispatch(explorer, {"kind": "exemplars-look", "folder": str(tmp_path)})
    assert "broken.png" in error(explorer)


def test_a_box_is_what_the_unit_sees(explorer, sent, photos):
    dispatch(explorer, {"kind": "exemplars-look", "folder": str(photos)})
    shown, patch = explorer.panel.exemplars._shown[0], sent[-1][0]["patches"][0]
    field = nv.receptive_field(explorer.network, "conv2").box(*shown.position)
    assert tuple(shown.box) == field
    assert patch["box"] == [side / 28 for side in field]
