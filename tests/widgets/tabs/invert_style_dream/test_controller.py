"""Remakes in a panel: they are those of `ascend`, live, moved in mid-run, and never lose what there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives, samples
from nbfeatviz.encoding import decode, encode_png
from tests.synthesis.conftest import make_network
from tests.widgets.conftest import dispatch, error, wait

COFFEE, CHINA = samples.get("coffee").path, samples.get("china").path


@pytest.fixture
def make(make_panel, net):
    """Makes panels with a photo."""

    def made(network: Any = net, *, background: bool = False, photo: Any = COFFEE, **settings: Any) -> Any:
        explorer = make_panel(network, background=background, layer="conv2", **settings)
        explorer.image = photo
        for controller in explorer.panel.invert_style_dream.values():
            controller.change("steps", 100_000 if background else 3)
        return explorer

    return made


def say(explorer: nv.FeatureExplorer, tab: str, kind: str, **content: Any) -> None:
    """As the page does."""
    buffers = content.pop("buffers", [])
    dispatch(explorer, {"kind": kind, **content}, buffers, tab=tab)


def test_an_inversion_is_that_of_maximize(make, net):
    explorer = make()
    photo = explorer.panel.photo.picture
    say(explorer, "invert", "run")
    controller = explorer.panel.invert_style_dream["invert"]
    expected = nv.maximize(net, objectives.content("conv2", photo), recipe="inversion", steps=3)
    assert error(explorer) == ""
    assert np.array_equal(controller.result.image, expected.image)
    assert np.abs(decode(controller.live.still) - expected.image).max() < 0.003
    assert len(controller.live.frames) == 3, "every step can be replayed"
    assert explorer.state == "idle"
    assert explorer.panel.layout.live.status["text"] == "invert: finished after 3 steps"
    assert explorer.image is not controller.result.image, "the canvas of the Optimize tab is another"


def test_a_style_transfer_is_that_of_maximize_with_a_photo_of_another_size(make, net):
    explorer = make()
    controller = explorer.panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    say(explorer, "style", "run")
    whole = nv.read_image(CHINA)
    assert whole.shape[:2] != explorer.panel.photo.photo.pixels.shape[:2]
    content = objectives.content("conv2", explorer.panel.photo.picture)
    both = content + 10 * objectives.style(["conv1", "conv2"], CHINA)
    expected = nv.maximize(net, both, recipe="lucid", steps=3, start=explorer.panel.photo.picture)
    assert error(explorer) == ""
    assert np.abs(controller.result.image - expected.image).max() < 1e-3
    assert controller.result.settings.start == "picture"


def test_a_dream_is_that_of_deep_dream_octave_by_octave(make):
    wide = make_network(size=(40, 40), flatten=False)
    explorer = make(network=wide)
    controller = explorer.panel.invert_style_dream["dream"]
    for name, value in (("octaves", 3), ("scale", 1.3), ("seed", 2)):
        say(explorer, "dream", "set", name=name, value=value)
    controller.run()
    assert error(explorer) == ""
    photo = explorer.panel.photo.picture
    expected = nv.deep_dream(wide, "conv2", photo, octaves=3, scale=1.3, steps=3, seed=2)
    assert np.abs(controller.result.image - expected.image).max() < 1e-4
    assert controller.result.settings == expected.settings
    assert len(controller.live.frames) == 9
    assert {controller.live.frames[k].shape for k in range(9)} == {(40, 40, 3)}, "coarse ones are shown as large"
    code = " ".join(controller.code().split())
    assert "nv.deep_dream( net, objectives.deep_dream('conv2'), picture, octaves=3, scale=1.3" in code


def test_a_dream_begins_anew_with_another_layer_in_mid_run(make):
    explorer = make(background=True)
    controller = explorer.panel.invert_style_dream["dream"]
    controller.run()
    wait(lambda: controller.runner.progress[0] > 3)
    explorer.layer = "conv1"
    wait(
        lambda: (
            controller.runner.settings is not None and controller.runner.settings.objective.terms[0][1].layer == "conv1"
        )
    )
    say(explorer, "dream", "set", name="octaves", value=0)
    assert "octaves 0 must be a whole number from 1 to 16" in error(explorer)
    say(explorer, "dream", "set", name="scale", value=1)
    assert "above 1" in error(explorer)
    assert controller.busy


@pytest.mark.parametrize("start", ["noise", "photo", "image"])
def test_a_run_starts_from_noise_the_photo_or_what_is_shown(make, start):
    explorer = make()
    controller = explorer.panel.invert_style_dream["invert"]
    controller.run()
    first = controller.result
    controller.change("start", start)
    controller.run()
    assert controller.result.settings.start == {"noise": None, "photo": "picture", "image": first.settings}[start]


def test_weights_move_in_mid_run_and_compile_nothing(make, steps_made):
    explorer = make(make_network(), background=True)
    controller = explorer.panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    controller.run()
    wait(lambda: controller.runner.progress[0] > 3)
    compiled, photos = len(steps_made), [controller._seen["photo"], controller._seen["style_photo"]]
    assert compiled, "the run's own"
    say(explorer, "style", "set", name="style_weight", value=250)
    say(explorer, "style", "set", name="content_weight", value=0)
    wait(lambda: controller.runner.settings is not None and 250 in controller.runner.settings.objective.weights)
    wait(lambda: controller.runner.progress[0] > 3)
    assert controller.runner.settings.objective.weights == (0.0, 250.0)
    assert controller.runner.settings.start is not None, "from the picture so far"
    assert [controller._seen["photo"], controller._seen["style_photo"]] == photos
    assert len(steps_made) == compiled
    assert error(explorer) == ""


def test_another_layer_or_photo_in_mid_run_is_gone_on_to(make):
    explorer = make(background=True)
    controller = explorer.panel.invert_style_dream["invert"]
    controller.run()
    wait(lambda: controller.runner.progress[0] > 3)
    dispatch(explorer, {"kind": "set", "name": "layer", "value": "conv1"})
    wait(
        lambda: (
            controller.runner.settings is not None and controller.runner.settings.objective.terms[0][1].layer == "conv1"
        )
    )
    explorer.panel.photo.fit(centre=(0.1, 0.1))
    seen = explorer.panel.photo.picture
    wait(
        lambda: (
            controller.runner.settings is not None
            and controller.runner.settings.objective.terms[0][1].photo.image is seen
        )
    )
    explorer.panel.photo.remove()
    explorer.layer = "conv2"
    wait(
        lambda: (
            controller.runner.settings is not None and controller.runner.settings.objective.terms[0][1].layer == "conv2"
        )
    )
    assert controller.busy, "a photo that was taken away ends no run"
    assert error(explorer) == ""
    controller.stop()
    wait(lambda: explorer.state == "idle")


def test_pause_step_resume_stop_and_reset(make):
    explorer = make(background=True)
    controller = explorer.panel.invert_style_dream["invert"]
    say(explorer, "invert", "step")
    wait(lambda: controller.live.status["text"] == "paused at step 1/100000")
    assert explorer.state == "remake"
    say(explorer, "invert", "step")
    wait(lambda: controller.live.status["text"] == "paused at step 2/100000")
    say(explorer, "invert", "resume")
    wait(lambda: controller.runner.progress[0] > 5)
    say(explorer, "invert", "pause")
    wait(lambda: controller.live.status["state"] == "paused")
    assert "invert: paused at step" in explorer.panel.layout.live.status["text"]
    say(explorer, "invert", "stop")
    wait(lambda: explorer.state == "idle")
    assert controller.live.still
    say(explorer, "invert", "reset")
    wait(lambda: not controller.live.still)
    assert controller.result is None


def test_one_thing_is_computed_at_a_time(make):
    explorer = make(background=True, steps=100_000)
    invert, style = explorer.panel.invert_style_dream["invert"], explorer.panel.invert_style_dream["style"]
    style.style.take(CHINA)
    explorer.run()
    wait(lambda: explorer.state == "running")
    invert.run()
    wait(lambda: explorer.state == "remake" and invert.runner.progress[0])
    style.run()
    wait(lambda: style.runner.progress[0])
    assert not invert.busy
    assert explorer.panel.layout.live.status["text"].startswith("style: ")
    explorer.panel.features.run()
    wait(lambda: explorer.state == "sheet")
    assert not any(one.busy for one in explorer.panel.invert_style_dream.values())
    invert.run()
    wait(lambda: invert.runner.progress[0])
    assert not explorer.panel.features.busy
    explorer.run()
    wait(lambda: explorer.state == "running")
    assert not any(one.busy for one in explorer.panel.invert_style_dream.values())
    explorer.stop()
    wait(lambda: explorer.state == "idle")


def test_what_ends_in_another_ones_place_does_not_say_that_nothing_is_computed(make):
    explorer = make(background=True, steps=100_000)
    explorer.panel.features.run()
    wait(lambda: explorer.panel.layout.features.progress.get("done", 0) > 1)
    states: list[str] = []
    explorer.panel.layout.live.observe(lambda change: states.append(change["new"]["state"]), "status")
    explorer.panel.invert_style_dream["invert"].run()
    wait(lambda: explorer.panel.invert_style_dream["invert"].runner.progress[0] > 1)
    assert explorer.panel.layout.features.progress["state"] == "idle"
    assert set(states) <= {"sheet", "remake"}


def test_without_photos_a_sentence_says_how_to_bring_one_and_nothing_ends(make, monkeypatch):
    explorer = make(photo=None)
    sent: list[Any] = []
    monkeypatch.setattr(explorer.panel.layout.invert_style_dream["invert"].tab, "send", sent.append)
    for kind in ("run", "step"):
        say(explorer, "invert", kind)
        assert "there is no photo" in error(explorer)
        assert "choose a sample" in error(explorer)
    assert sent == [{"kind": "refused"}] * 2, "the page shows that nothing runs"
    explorer.image = COFFEE
    say(explorer, "style", "run")
    assert "whose style could be taken" in error(explorer)
    with pytest.raises(ValueError, match="press Run first"):
        explorer.panel.invert_style_dream["style"].code()


def test_a_photo_that_is_still_being_read_is_waited_for(make):
    explorer = make(background=True)
    controller = explorer.panel.invert_style_dream["style"]
    explorer.panel.invert_style_dream["invert"].run()
    wait(lambda: explorer.panel.invert_style_dream["invert"].runner.progress[0])
    explorer.panel.photo.remove()
    explorer.panel.photo.sample("rocket")
    say(explorer, "style", "photo-sample", name="china")
    say(explorer, "style", "run")
    wait(lambda: controller.runner.progress[0])
    assert error(explorer) == ""


def test_the_style_photo_comes_from_the_page_and_is_cropped_there(make):
    explorer = make()
    controller, tab = explorer.panel.invert_style_dream["style"], explorer.panel.layout.invert_style_dream["style"].tab
    picture = np.random.default_rng(0).random((40, 20, 3), np.float32)
    say(explorer, "style", "photo", name="mine.png", buffers=[encode_png(picture)])
    assert (tab.photo["name"], tuple(tab.photo["size"])) == ("mine.png", (40, 20))
    assert np.abs(controller.style.picture[0] - nv.read_image(picture[10:30], size=(16, 16))[0]).max() < 0.1
    say(explorer, "style", "photo-crop", y=0.0, x=0.5)
    assert tab.photo["box"][0] == 0
    say(explorer, "style", "photo-fit", fit="squash")
    assert tuple(tab.photo["box"]) == (0, 0, 1, 1)
    say(explorer, "style", "photo", name="other.png", buffers=[encode_png(picture)])
    assert (tab.photo["name"], tab.photo["fit"]) == ("other.png", "squash"), "the person's choice, not the photo's"
    before = controller.style.picture
    for content in ({"buffers": [b"no picture"]}, {"buffers": []}):
        say(explorer, "style", "photo", name="bad.png", **content)
        assert error(explorer)
        assert controller.style.picture is before, "the photo before stays"
    say(explorer, "style", "photo-fit", fit="stretch")
    assert "'crop' or 'squash'" in error(explorer)
    say(explorer, "style", "photo-sample", name="chlesea")
    assert "chelsea" in error(explorer)
    say(explorer, "invert", "photo-sample", name="china")
    assert "no second photo" in error(explorer)
    say(explorer, "style", "photo-remove")
    assert (tab.photo, tab.preview, controller.style.picture) == ({}, b"", None)


def test_a_refused_setting_stays_as_it_was_and_a_run_goes_on(make):
    explorer = make(background=True)
    controller = explorer.panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    controller.run()
    wait(lambda: controller.runner.progress[0])
    before = controller.settings
    say(explorer, "style", "set", name="style_layers", value=["conv1", "nowhere"])
    assert "'nowhere'" in error(explorer)
    assert controller.settings is before
    assert controller.busy
    say(explorer, "style", "set", name="style_layers", value=["relu2"])
    assert error(explorer) == ""
    wait(
        lambda: (
            controller.runner.settings is not None
            and controller.runner.settings.objective.terms[1][1].layers == ("relu2",)
        )
    )


def test_the_tree_chooses_the_layer_of_the_open_tab(make):
    explorer = make()
    dispatch(explorer, {"kind": "tab", "name": "style"})
    dispatch(explorer, {"kind": "set", "name": "layer", "value": "conv1"})
    assert (explorer.panel.invert_style_dream["style"].layer, explorer.panel.layout.tree.selected, explorer.layer) == (
        "conv1",
        "conv1",
        "conv2",
    )
    dispatch(explorer, {"kind": "tab", "name": "invert"})
    assert explorer.panel.layout.tree.selected == "conv2"
    dispatch(explorer, {"kind": "set", "name": "layer", "value": "head"})
    assert explorer.layer == explorer.panel.layout.invert_style_dream["invert"].tab.facts["layer"] == "head"
    explorer.panel.invert_style_dream["invert"].run()
    assert error(explorer) == "", "a layer without positions can be inverted too"


def test_a_network_of_one_channel_takes_both_photos(make):
    explorer = make(network=make_network(channels=1))
    controller = explorer.panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    for remake in explorer.panel.invert_style_dream.values():
        remake.run()
        assert error(explorer) == ""
        assert remake.result.image.shape == (16, 16, 1)


def test_another_network_takes_the_photos_along_and_clears_the_canvas(make, net):
    grey = make_network(size=(12, 12), channels=1)
    explorer = make(network={"colour": net, "grey": grey})
    controller = explorer.panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    controller.change("style_layers", ["conv1"])
    controller.run()
    explorer.change("network", "grey")
    assert (controller.live.still, controller.result) == (b"", None)
    assert controller.style.picture.shape == (12, 12, 1)
    assert controller.settings.style_layers == ("conv1",)
    controller.run()
    assert error(explorer) == ""
    assert controller.result.image.shape == (12, 12, 1)


def test_python_names_both_photos_and_files_are_saved(make, net):
    explorer = make()
    controller = explorer.panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    controller.run()
    names = {
        "photo": explorer.panel.photo.picture,
        "style_photo": controller.style.picture,
        "picture": explorer.panel.photo.picture,
        "net": net,
    }
    code = controller.code().replace("= ...", "= given")
    lines = [line for line in code.splitlines() if "given" not in line and "nv.load" not in line]
    scope: dict[str, Any] = dict(names)
    exec("\n".join(lines), scope)
    assert np.abs(scope["result"].image - controller.result.image).max() < 1e-3
    for line in ("photo = ...", "style_photo = ..."):
        assert any(one.startswith(line) for one in controller.code().splitlines())
    name, mime, data = controller.save_file("gif")
    assert (name, mime, data[:3]) == ("tiny-content-conv2-style.gif", "image/gif", b"GIF")


def test_an_error_in_a_run_is_said_and_the_picture_stays(make, monkeypatch):
    explorer = make()
    controller = explorer.panel.invert_style_dream["invert"]
    controller.run()
    still = controller.live.still
    monkeypatch.setattr("nbfeatviz.widgets.tabs.invert_style_dream.controller.Ascent.__next__", lambda ascent: 1 / 0)
    controller.run()
    assert error(explorer) == "ZeroDivisionError: division by zero"
    assert controller.live.status["state"] == "idle"
    assert controller.live.still == still


def test_closing_gives_everything_back(make):
    explorer = make()
    controller = explorer.panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    controller.run()
    parts = explorer.panel.layout.invert_style_dream["style"]
    explorer.close()
    assert (controller.result, controller.live.still, controller.style.picture, controller._seen) == (
        None,
        b"",
        None,
        {},
    )
    assert [part.comm for part in (parts.live, parts.tab, parts.commands, *parts.box.children)] == [None] * 6
