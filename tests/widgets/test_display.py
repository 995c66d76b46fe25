"""The display in the panel: other pixels on the page, the same picture, nothing computed again."""

from __future__ import annotations

import io
from functools import partial
from typing import Any

import numpy as np
import pytest
from PIL import Image

from nbfeatviz import recipes
from nbfeatviz.encoding import decode, to_uint8
from nbfeatviz.widgets.comm.dispatch import dispatch


@pytest.fixture
def make(make_panel):
    return partial(make_panel, layer="conv1")


def levels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).astype(int)


def reach(data: bytes) -> int:
    return int(np.ptp(levels(data)))


def choose(panel: Any, name: str, value: Any) -> None:
    dispatch(panel, {"kind": "set", "name": name, "value": value})


def replayed(panel: Any, step: int) -> bytes:
    found: list[bytes] = []
    panel.live.send = lambda content, buffers=(): found.extend(buffers if content["kind"] == "replay" else ())
    panel.live.replay(step)
    return found[-1]


def test_the_recipe_that_is_chosen_says_how(make):
    panel = make(recipe="default")
    assert (panel.controls.settings["display"], panel.live.displayed) == (None, "as it is")
    assert panel.controls.facts["displays"] == ["as it is", "stretched"]
    choose(panel, "recipe", "tutorial13")
    assert (panel.controls.settings["display"], panel.live.displayed) == (None, "stretched")
    shown = {one["name"]: one["display"] for one in panel.controls.facts["recipes"]}
    assert shown == {name: recipe.display for name, recipe in recipes.ALL.items()}
    choose(panel, "display", "as it is")
    dispatch(panel, {"kind": "recipe", "path": "parameterization.noise", "value": 2.0})  # still tutorial13
    assert panel.controls.settings["display"] == panel.live.displayed == "as it is"
    choose(panel, "recipe", "lucid")
    choose(panel, "recipe", "tutorial13")
    assert (panel.controls.settings["display"], panel.live.displayed) == (None, "stretched")
    choose(panel, "display", "bright")
    assert "display 'bright' is unknown: it is 'as it is' or 'stretched'" in panel.live.status["error"]
    assert panel.live.displayed == "stretched"


def test_at_rest_and_in_replay_the_picture_is_shown_otherwise_and_stays_the_same(make, steps_made):
    panel = make(recipe="tutorial13", steps=4)
    panel.run()
    image, loss, made = panel.image.copy(), panel.loss, len(steps_made)
    numbers, frames = panel.live._table(0), [panel.live.frames[k] for k in range(4)]
    picture = (image - image.min()) / (image.max() - image.min())
    assert np.array_equal(levels(panel.live.still), to_uint8(picture))
    assert reach(replayed(panel, 0)) > 200  # the start's noise is one level of 255
    choose(panel, "display", "as it is")
    assert np.array_equal(levels(panel.live.still), to_uint8(image))
    assert reach(replayed(panel, 0)) < 10
    assert np.array_equal(levels(replayed(panel, 4)), to_uint8(image))
    choose(panel, "display", "stretched")
    assert np.array_equal(levels(panel.live.still), to_uint8(picture))
    assert reach(replayed(panel, 0)) > 200
    assert np.array_equal(panel.image, image)
    assert (panel.loss, len(steps_made), panel.state) == (loss, made, "idle")
    assert panel.live._table(0) == numbers
    assert all(np.array_equal(one, panel.live.frames[k]) for k, one in enumerate(frames))
    assert abs(frames[0] * 255 - 128.5).max() < 1  # frames are the picture, whatever is shown


def test_what_is_saved_looks_like_what_is_shown(make):
    panel = make(recipe="tutorial13", steps=4)
    panel.run()
    for display, wide in (("as it is", False), ("stretched", True)):
        choose(panel, "display", display)
        assert panel.save_file("png")[2] == panel.live.still
        image = Image.open(io.BytesIO(panel.save_file("gif")[2]))
        assert (np.ptp(np.asarray(image.convert("L")).astype(int)) > 100) == wide
    assert "display" not in panel.code()


def test_a_run_in_progress_is_not_aimed_anew(make, monkeypatch):
    panel = make()
    aims: list[Any] = []
    monkeypatch.setattr(panel._runner, "retarget", lambda **target: aims.append(target))
    choose(panel, "display", "as it is")
    assert aims == []
    choose(panel, "unit", 1)
    assert len(aims) == 1


def test_a_photo_is_shown_as_it_is(make):
    panel = make(recipe="tutorial13")
    photo = np.full((16, 16, 3), 0.5, np.float32)
    photo[:8] = 0.6
    panel.image = photo
    still = panel.live.still
    assert reach(still) < 40
    choose(panel, "display", "as it is")
    assert panel.live.still == still


def test_sheets_follow(make):
    panel = make(recipe="tutorial13")
    panel.features_controller.run()
    assert all((one.min(), one.max()) == (0, 1) for one in panel.features.pictures)
    choose(panel, "display", "as it is")
    plain = panel.features.pictures
    assert all(one.min() > 0.2 for one in plain)
    assert decode(panel.features.sheet).min() > 0.2
    choose(panel, "recipe", "default")  # the sheet is still one of tutorial13
    assert all((one.min(), one.max()) == (0, 1) for one in panel.features.pictures)
    panel.features_controller.change("what", "recipes")
    panel.features_controller.change("recipes", ["default", "tutorial13"])
    choose(panel, "steps", 1)
    panel.features_controller.run()
    default, tutorial = panel.features.pictures
    assert (tutorial.min(), tutorial.max()) == (0, 1)
    assert default.min() > 0 < 1 - default.max()
    assert recipes.get("default").display == "as it is"
