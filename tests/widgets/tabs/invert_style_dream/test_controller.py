"""Remakes in a panel: they are those of `ascend`, live, moved in mid-run, and never lose what there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nbfeatviz as nv
from nbfeatviz import objectives, samples
from nbfeatviz.encoding import decode, encode_png
from nbfeatviz.widgets.comm.dispatch import dispatch
from nbfeatviz.widgets.tabs.invert_style_dream.messages import dispatcher
from tests.synthesis.conftest import make_network
from tests.widgets.conftest import error, wait

COFFEE, CHINA = samples.get("coffee").path, samples.get("china").path


@pytest.fixture
def make(make_panel, net):
    """Makes panels with a photo."""

    def made(network: Any = net, *, background: bool = False, photo: Any = COFFEE, **settings: Any) -> Any:
        panel = make_panel(network, background=background, layer="conv2", **settings)
        panel.image = photo
        for controller in panel.invert_style_dream.values():
            controller.change("steps", 100_000 if background else 3)
        return panel

    return made


def say(panel: nv.FeatureExplorer, tab: str, kind: str, **content: Any) -> None:
    """As the page does."""
    buffers = content.pop("buffers", [])
    dispatcher(panel.invert_style_dream[tab])(None, {"kind": kind, **content}, buffers)


def test_an_inversion_is_that_of_maximize(make, net):
    panel = make()
    photo = panel.photo_controller.picture
    say(panel, "invert", "run")
    controller = panel.invert_style_dream["invert"]
    expected = nv.maximize(net, objectives.content("conv2", photo), recipe="inversion", steps=3)
    assert error(panel) == ""
    assert np.array_equal(controller.result.image, expected.image)
    assert np.abs(decode(controller.live.still) - expected.image).max() < 0.003
    assert len(controller.live.frames) == 3, "every step can be replayed"
    assert panel.state == "idle"
    assert panel.live.status["text"] == "invert: finished after 3 steps"
    assert panel.image is not controller.result.image, "the canvas of the Optimize tab is another"


def test_a_style_transfer_is_that_of_maximize_with_a_photo_of_another_size(make, net):
    panel = make()
    controller = panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    say(panel, "style", "run")
    whole = nv.read_image(CHINA)
    assert whole.shape[:2] != panel.photo_controller.photo.pixels.shape[:2]
    content = objectives.content("conv2", panel.photo_controller.picture)
    both = content + 10 * objectives.style(["conv1", "conv2"], CHINA)
    expected = nv.maximize(net, both, recipe="lucid", steps=3, start=panel.photo_controller.picture)
    assert error(panel) == ""
    assert np.abs(controller.result.image - expected.image).max() < 1e-3
    assert controller.result.settings.start == "picture"


def test_a_dream_is_that_of_deep_dream_octave_by_octave(make):
    wide = make_network(size=(40, 40), flatten=False)
    panel = make(network=wide)
    controller = panel.invert_style_dream["dream"]
    for name, value in (("octaves", 3), ("scale", 1.3), ("seed", 2)):
        say(panel, "dream", "set", name=name, value=value)
    controller.run()
    assert error(panel) == ""
    photo = panel.photo_controller.picture
    expected = nv.deep_dream(wide, "conv2", photo, octaves=3, scale=1.3, steps=3, seed=2)
    assert np.abs(controller.result.image - expected.image).max() < 1e-4
    assert controller.result.settings == expected.settings
    assert len(controller.live.frames) == 9
    assert {controller.live.frames[k].shape for k in range(9)} == {(40, 40, 3)}, "coarse ones are shown as large"
    assert "nv.deep_dream(net, objectives.deep_dream('conv2'), picture, octaves=3, scale=1.3" in controller.code()


def test_a_dream_begins_anew_with_another_layer_in_mid_run(make):
    panel = make(background=True)
    controller = panel.invert_style_dream["dream"]
    controller.run()
    wait(lambda: controller._runner.progress[0] > 3)
    panel.layer = "conv1"
    wait(
        lambda: (
            controller._runner.settings is not None
            and controller._runner.settings.objective.terms[0][1].layer == "conv1"
        )
    )
    say(panel, "dream", "set", name="octaves", value=0)
    assert "octaves 0 must be a whole number from 1 to 16" in error(panel)
    say(panel, "dream", "set", name="scale", value=1)
    assert "above 1" in error(panel)
    assert controller.busy


@pytest.mark.parametrize("start", ["noise", "photo", "image"])
def test_a_run_starts_from_noise_the_photo_or_what_is_shown(make, start):
    panel = make()
    controller = panel.invert_style_dream["invert"]
    controller.run()
    first = controller.result
    controller.change("start", start)
    controller.run()
    assert controller.result.settings.start == {"noise": None, "photo": "picture", "image": first.settings}[start]


def test_weights_move_in_mid_run_and_compile_nothing(make, steps_made):
    panel = make(make_network(), background=True)
    controller = panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    controller.run()
    wait(lambda: controller._runner.progress[0] > 3)
    compiled, photos = len(steps_made), [controller._seen["photo"], controller._seen["style_photo"]]
    assert compiled, "the run's own"
    say(panel, "style", "set", name="style_weight", value=250)
    say(panel, "style", "set", name="content_weight", value=0)
    wait(lambda: controller._runner.settings is not None and 250 in controller._runner.settings.objective.weights)
    wait(lambda: controller._runner.progress[0] > 3)
    assert controller._runner.settings.objective.weights == (0.0, 250.0)
    assert controller._runner.settings.start is not None, "from the picture so far"
    assert [controller._seen["photo"], controller._seen["style_photo"]] == photos
    assert len(steps_made) == compiled
    assert error(panel) == ""


def test_another_layer_or_photo_in_mid_run_is_gone_on_to(make):
    panel = make(background=True)
    controller = panel.invert_style_dream["invert"]
    controller.run()
    wait(lambda: controller._runner.progress[0] > 3)
    dispatch(panel, {"kind": "set", "name": "layer", "value": "conv1"})
    wait(
        lambda: (
            controller._runner.settings is not None
            and controller._runner.settings.objective.terms[0][1].layer == "conv1"
        )
    )
    panel.photo_controller.fit(centre=(0.1, 0.1))
    seen = panel.photo_controller.picture
    wait(
        lambda: (
            controller._runner.settings is not None
            and controller._runner.settings.objective.terms[0][1].photo.image is seen
        )
    )
    panel.photo_controller.remove()
    panel.layer = "conv2"
    wait(
        lambda: (
            controller._runner.settings is not None
            and controller._runner.settings.objective.terms[0][1].layer == "conv2"
        )
    )
    assert controller.busy, "a photo that was taken away ends no run"
    assert error(panel) == ""
    controller.stop()
    wait(lambda: panel.state == "idle")


def test_pause_step_resume_stop_and_reset(make):
    panel = make(background=True)
    controller = panel.invert_style_dream["invert"]
    say(panel, "invert", "step")
    wait(lambda: controller.live.status["text"] == "paused at step 1/100000")
    assert panel.state == "remake"
    say(panel, "invert", "step")
    wait(lambda: controller.live.status["text"] == "paused at step 2/100000")
    say(panel, "invert", "resume")
    wait(lambda: controller._runner.progress[0] > 5)
    say(panel, "invert", "pause")
    wait(lambda: controller.live.status["state"] == "paused")
    assert "invert: paused at step" in panel.live.status["text"]
    say(panel, "invert", "stop")
    wait(lambda: panel.state == "idle")
    assert controller.live.still
    say(panel, "invert", "reset")
    wait(lambda: not controller.live.still)
    assert controller.result is None


def test_one_thing_is_computed_at_a_time(make):
    panel = make(background=True, steps=100_000)
    invert, style = panel.invert_style_dream["invert"], panel.invert_style_dream["style"]
    style.style.take(CHINA)
    panel.run()
    wait(lambda: panel.state == "running")
    invert.run()
    wait(lambda: panel.state == "remake" and invert._runner.progress[0])
    style.run()
    wait(lambda: style._runner.progress[0])
    assert not invert.busy
    assert panel.live.status["text"].startswith("style: ")
    panel.features_controller.run()
    wait(lambda: panel.state == "sheet")
    assert not panel.invert_style_dream.busy
    invert.run()
    wait(lambda: invert._runner.progress[0])
    assert not panel.features_controller.busy
    panel.run()
    wait(lambda: panel.state == "running")
    assert not panel.invert_style_dream.busy
    panel.stop()
    wait(lambda: panel.state == "idle")


def test_what_ends_in_another_ones_place_does_not_say_that_nothing_is_computed(make):
    panel = make(background=True, steps=100_000)
    panel.features_controller.run()
    wait(lambda: panel.features.progress.get("done", 0) > 1)
    states: list[str] = []
    panel.live.observe(lambda change: states.append(change["new"]["state"]), "status")
    panel.invert_style_dream["invert"].run()
    wait(lambda: panel.invert_style_dream["invert"]._runner.progress[0] > 1)
    assert panel.features.progress["state"] == "idle"
    assert set(states) <= {"sheet", "remake"}


def test_without_photos_a_sentence_says_how_to_bring_one_and_nothing_ends(make, monkeypatch):
    panel = make(photo=None)
    sent: list[Any] = []
    monkeypatch.setattr(panel._widgets.invert_style_dream["invert"].tab, "send", sent.append)
    for kind in ("run", "step"):
        say(panel, "invert", kind)
        assert "there is no photo" in error(panel)
        assert "choose a sample" in error(panel)
    assert sent == [{"kind": "refused"}] * 2, "the page shows that nothing runs"
    panel.image = COFFEE
    say(panel, "style", "run")
    assert "whose style could be taken" in error(panel)
    with pytest.raises(ValueError, match="press Run first"):
        panel.invert_style_dream["style"].code()


def test_a_photo_that_is_still_being_read_is_waited_for(make):
    panel = make(background=True)
    controller = panel.invert_style_dream["style"]
    panel.invert_style_dream["invert"].run()
    wait(lambda: panel.invert_style_dream["invert"]._runner.progress[0])
    panel.photo_controller.remove()
    panel.photo_controller.sample("rocket")
    say(panel, "style", "photo-sample", name="china")
    say(panel, "style", "run")
    wait(lambda: controller._runner.progress[0])
    assert error(panel) == ""


def test_the_style_photo_comes_from_the_page_and_is_cropped_there(make):
    panel = make()
    controller, tab = panel.invert_style_dream["style"], panel._widgets.invert_style_dream["style"].tab
    picture = np.random.default_rng(0).random((40, 20, 3), np.float32)
    say(panel, "style", "photo", name="mine.png", buffers=[encode_png(picture)])
    assert (tab.photo["name"], tuple(tab.photo["size"])) == ("mine.png", (40, 20))
    assert np.abs(controller.style.picture[0] - nv.read_image(picture[10:30], size=(16, 16))[0]).max() < 0.1
    say(panel, "style", "photo-crop", y=0.0, x=0.5)
    assert tab.photo["box"][0] == 0
    say(panel, "style", "photo-fit", fit="squash")
    assert tuple(tab.photo["box"]) == (0, 0, 1, 1)
    say(panel, "style", "photo", name="other.png", buffers=[encode_png(picture)])
    assert (tab.photo["name"], tab.photo["fit"]) == ("other.png", "squash"), "the person's choice, not the photo's"
    before = controller.style.picture
    for content in ({"buffers": [b"no picture"]}, {"buffers": []}):
        say(panel, "style", "photo", name="bad.png", **content)
        assert error(panel)
        assert controller.style.picture is before, "the photo before stays"
    say(panel, "style", "photo-fit", fit="stretch")
    assert "'crop' or 'squash'" in error(panel)
    say(panel, "style", "photo-sample", name="chlesea")
    assert "chelsea" in error(panel)
    say(panel, "invert", "photo-sample", name="china")
    assert "no second photo" in error(panel)
    say(panel, "style", "photo-remove")
    assert (tab.photo, tab.preview, controller.style.picture) == ({}, b"", None)


def test_a_refused_setting_stays_as_it_was_and_a_run_goes_on(make):
    panel = make(background=True)
    controller = panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    controller.run()
    wait(lambda: controller._runner.progress[0])
    before = controller.settings
    say(panel, "style", "set", name="style_layers", value=["conv1", "nowhere"])
    assert "'nowhere'" in error(panel)
    assert controller.settings is before
    assert controller.busy
    say(panel, "style", "set", name="style_layers", value=["relu2"])
    assert error(panel) == ""
    wait(
        lambda: (
            controller._runner.settings is not None
            and controller._runner.settings.objective.terms[1][1].layers == ("relu2",)
        )
    )


def test_the_tree_chooses_the_layer_of_the_open_tab(make):
    panel = make()
    dispatch(panel, {"kind": "tab", "name": "style"})
    dispatch(panel, {"kind": "set", "name": "layer", "value": "conv1"})
    assert (panel.invert_style_dream["style"].layer, panel.tree.selected, panel.layer) == ("conv1", "conv1", "conv2")
    dispatch(panel, {"kind": "tab", "name": "invert"})
    assert panel.tree.selected == "conv2"
    dispatch(panel, {"kind": "set", "name": "layer", "value": "head"})
    assert panel.layer == panel._widgets.invert_style_dream["invert"].tab.facts["layer"] == "head"
    panel.invert_style_dream["invert"].run()
    assert error(panel) == "", "a layer without positions can be inverted too"


def test_a_network_of_one_channel_takes_both_photos(make):
    panel = make(network=make_network(channels=1))
    controller = panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    for remake in panel.invert_style_dream.values():
        remake.run()
        assert error(panel) == ""
        assert remake.result.image.shape == (16, 16, 1)


def test_another_network_takes_the_photos_along_and_clears_the_canvas(make, net):
    grey = make_network(size=(12, 12), channels=1)
    panel = make(network={"colour": net, "grey": grey})
    controller = panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    controller.change("style_layers", ["conv1"])
    controller.run()
    panel.change("network", "grey")
    assert (controller.live.still, controller.result) == (b"", None)
    assert controller.style.picture.shape == (12, 12, 1)
    assert controller.settings.style_layers == ("conv1",)
    controller.run()
    assert error(panel) == ""
    assert controller.result.image.shape == (12, 12, 1)


def test_python_names_both_photos_and_files_are_saved(make, net):
    panel = make()
    controller = panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    controller.run()
    names = {
        "photo": panel.photo_controller.picture,
        "style_photo": controller.style.picture,
        "picture": panel.photo_controller.picture,
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
    panel = make()
    controller = panel.invert_style_dream["invert"]
    controller.run()
    still = controller.live.still
    monkeypatch.setattr("nbfeatviz.widgets.tabs.invert_style_dream.controller.Ascent.__next__", lambda ascent: 1 / 0)
    controller.run()
    assert error(panel) == "ZeroDivisionError: division by zero"
    assert controller.live.status["state"] == "idle"
    assert controller.live.still == still


def test_closing_gives_everything_back(make):
    panel = make()
    controller = panel.invert_style_dream["style"]
    controller.style.take(CHINA)
    controller.run()
    parts = panel._widgets.invert_style_dream["style"]
    panel.close()
    assert (controller.result, controller.live.still, controller.style.picture, controller._seen) == (
        None,
        b"",
        None,
        {},
    )
    assert [part.comm for part in (parts.live, parts.tab, parts.commands, *parts.box.children)] == [None] * 6
