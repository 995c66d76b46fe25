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
from tests.widgets.conftest import dispatch


@pytest.fixture
def make(make_panel):
    return partial(make_panel, layer="conv1")


def levels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data))).astype(int)


def reach(data: bytes) -> int:
    return int(np.ptp(levels(data)))


def choose(explorer: Any, name: str, value: Any) -> None:
    dispatch(explorer, {"kind": "set", "name": name, "value": value})


def replayed(explorer: Any, step: int) -> bytes:
    found: list[bytes] = []
    explorer.panel.layout.live.send = lambda content, buffers=(): found.extend(
        buffers if content["kind"] == "replay" else ()
    )
    explorer.panel.layout.live.replay(step)
    return found[-1]


def test_the_recipe_that_is_chosen_says_how(make):
    explorer = make(recipe="default")
    assert (explorer.panel.layout.controls.settings["display"], explorer.panel.layout.live.displayed) == (
        None,
        "as it is",
    )
    assert explorer.panel.layout.controls.facts["displays"] == ["as it is", "stretched"]
    choose(explorer, "recipe", "tutorial13")
    assert (explorer.panel.layout.controls.settings["display"], explorer.panel.layout.live.displayed) == (
        None,
        "stretched",
    )
    shown = {one["name"]: one["display"] for one in explorer.panel.layout.controls.facts["recipes"]}
    assert shown == {name: recipe.display for name, recipe in recipes.ALL.items()}
    choose(explorer, "display", "as it is")
    dispatch(explorer, {"kind": "recipe", "path": "parameterization.noise", "value": 2.0})  # still tutorial13
    assert explorer.panel.layout.controls.settings["display"] == explorer.panel.layout.live.displayed == "as it is"
    choose(explorer, "recipe", "lucid")
    choose(explorer, "recipe", "tutorial13")
    assert (explorer.panel.layout.controls.settings["display"], explorer.panel.layout.live.displayed) == (
        None,
        "stretched",
    )
    choose(explorer, "display", "bright")
    assert "display 'bright' is unknown: it is 'as it is' or 'stretched'" in explorer.panel.layout.live.status["error"]
    assert explorer.panel.layout.live.displayed == "stretched"


def test_at_rest_and_in_replay_the_picture_is_shown_otherwise_and_stays_the_same(make, steps_made):
    explorer = make(recipe="tutorial13", steps=4)
    explorer.run()
    image, loss, made = explorer.image.copy(), explorer.loss, len(steps_made)
    numbers, frames = explorer.panel.layout.live._table(0), [explorer.panel.layout.live.frames[k] for k in range(4)]
    picture = (image - image.min()) / (image.max() - image.min())
    assert np.array_equal(levels(explorer.panel.layout.live.still), to_uint8(picture))
    assert reach(replayed(explorer, 0)) > 200  # the start's noise is one level of 255
    choose(explorer, "display", "as it is")
    assert np.array_equal(levels(explorer.panel.layout.live.still), to_uint8(image))
    assert reach(replayed(explorer, 0)) < 10
    assert np.array_equal(levels(replayed(explorer, 4)), to_uint8(image))
    choose(explorer, "display", "stretched")
    assert np.array_equal(levels(explorer.panel.layout.live.still), to_uint8(picture))
    assert reach(replayed(explorer, 0)) > 200
    assert np.array_equal(explorer.image, image)
    assert (explorer.loss, len(steps_made), explorer.state) == (loss, made, "idle")
    assert explorer.panel.layout.live._table(0) == numbers
    assert all(np.array_equal(one, explorer.panel.layout.live.frames[k]) for k, one in enumerate(frames))
    assert abs(frames[0] * 255 - 128.5).max() < 1  # frames are the picture, whatever is shown


def test_what_is_saved_looks_like_what_is_shown(make):
    explorer = make(recipe="tutorial13", steps=4)
    explorer.run()
    for display, wide in (("as it is", False), ("stretched", True)):
        choose(explorer, "display", display)
        assert explorer.save_file("png")[2] == explorer.panel.layout.live.still
        image = Image.open(io.BytesIO(explorer.save_file("gif")[2]))
        assert (np.ptp(np.asarray(image.convert("L")).astype(int)) > 100) == wide
    assert "display" not in explorer.code()


def test_a_run_in_progress_is_not_aimed_anew(make, monkeypatch):
    explorer = make()
    aims: list[Any] = []
    monkeypatch.setattr(explorer.panel.optimize.runner, "retarget", lambda **target: aims.append(target))
    choose(explorer, "display", "as it is")
    assert aims == []
    choose(explorer, "unit", 1)
    assert len(aims) == 1


def test_a_photo_is_shown_as_it_is(make):
    explorer = make(recipe="tutorial13")
    photo = np.full((16, 16, 3), 0.5, np.float32)
    photo[:8] = 0.6
    explorer.image = photo
    still = explorer.panel.layout.live.still
    assert reach(still) < 40
    choose(explorer, "display", "as it is")
    assert explorer.panel.layout.live.still == still


def test_sheets_follow(make):
    explorer = make(recipe="tutorial13")
    explorer.panel.features.run()
    assert all((one.min(), one.max()) == (0, 1) for one in explorer.panel.layout.features.pictures)
    choose(explorer, "display", "as it is")
    plain = explorer.panel.layout.features.pictures
    assert all(one.min() > 0.2 for one in plain)
    assert decode(explorer.panel.layout.features.sheet).min() > 0.2
    choose(explorer, "recipe", "default")  # the sheet is still one of tutorial13
    assert all((one.min(), one.max()) == (0, 1) for one in explorer.panel.layout.features.pictures)
    explorer.panel.features.change("what", "recipes")
    explorer.panel.features.change("recipes", ["default", "tutorial13"])
    choose(explorer, "steps", 1)
    explorer.panel.features.run()
    default, tutorial = explorer.panel.layout.features.pictures
    assert (tutorial.min(), tutorial.max()) == (0, 1)
    assert default.min() > 0 < 1 - default.max()
    assert recipes.get("default").display == "as it is"
