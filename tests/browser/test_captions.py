"""What is said of a picture is true of it: its caption, the readings beside it, and the lines that make it again."""

from __future__ import annotations

import re

from tests.browser.harness import JupyterServer
from tests.browser.photo import PhotoPanel

TINY = """import keras, nbfeatviz as nv
keras.utils.set_random_seed(1)
x = inputs = keras.Input((40, 56, 3))
x = keras.layers.Conv2D(8, 3, name="conv")(x)
x = keras.layers.Conv2D(5, 3, name="deep")(x)
model = keras.Model(inputs, keras.layers.Dense(4)(keras.layers.GlobalAveragePooling2D()(x)), name="tiny")
network = nv.load(model, input_range=(0, 1), class_names=["ant", "bee", "cow", "dog"])
explorer = nv.FeatureExplorer(network, layer="conv", unit=2, recipe="tutorial13", steps=40, seed=7)
explorer"""
PASTED = "import numpy; print('equal', numpy.array_equal({made}, {shown}))"


def test_a_caption_says_what_the_picture_is_whatever_is_chosen(lab: JupyterServer, page) -> None:
    notebook, panel = PhotoPanel.opened(page, lab, "caption.ipynb", TINY)
    caption = panel.canvas(".nbfeatviz-subject")
    past = re.compile("nbfeatviz-past")
    assert panel.subject == ""
    panel.run()
    panel.wait_rest()
    assert panel.subject == "tiny · conv · unit 2 · tutorial13 · seed 7 · step 40"
    assert not past.search(caption.get_attribute("class"))
    panel.open_details()
    chart = panel.root.get_by_role("figure", name="other units").first
    panel.wait(lambda: "unit 2:" in chart.inner_text(), "the other units")

    panel.replay.fill("9")
    panel.wait(lambda: panel.subject.endswith("· step 10"), "the caption of a replayed picture")
    assert panel.canvas(".nbfeatviz-position").inner_text() == "10/40"
    assert panel.root.get_by_text("of the last step").count() >= 2, "readings of another picture say so"
    panel.replay.fill("40")
    panel.wait(lambda: panel.subject.endswith("· step 40"), "the last picture")

    panel.choose("deep")
    panel.wait(lambda: past.search(caption.get_attribute("class")), "the caption to be of what is past")
    assert panel.subject.startswith("tiny · conv · unit 2"), "the picture is still what it was"
    assert "unit 2:" in chart.inner_text()
    panel.choose("conv")
    panel.wait(lambda: not past.search(caption.get_attribute("class")), "the caption to be of what is chosen")

    panel.field("objective").select_option("neuron")
    dot = panel.canvas(".nbfeatviz-neuron")
    panel.wait(dot.is_visible, "the neuron's place")
    assert dot.get_attribute("data-place") == "row 19, column 27"
    panel.field("objective").select_option("class")
    panel.wait(lambda: "nbfeatviz-unused" in (panel.tree.get_attribute("class") or ""), "the tree to be grey")
    panel.field("network").select_option("mnist-cnn")
    panel.wait(lambda: panel.layer("conv3").count() == 1, "the other network's layers")
    panel.wait_ready()
    assert panel.subject.startswith("tiny · conv · unit 2") and past.search(caption.get_attribute("class"))


def test_in_a_run_that_is_aimed_at_another_layer_nothing_is_said_of_the_one_before(lab: JupyterServer, page) -> None:
    notebook, panel = PhotoPanel.opened(page, lab, "aimed.ipynb", TINY)
    notebook.run_code("explorer.steps = 100000")
    panel.open_details()
    panel.run()
    panel.wait_steps(5)
    chart = panel.root.get_by_role("figure", name="other units").first
    units = {"conv": 8, "deep": 5}
    for layer in ("deep", "conv", "deep", "conv", "deep"):
        panel.choose(layer)
        panel.wait(lambda layer=layer: f"· {layer} · unit 2" in panel.subject, "the caption of the new layer")
        said = panel.root.evaluate(
            "(root) => { const [subject, chart] = ['.nbfeatviz-subject', '.nbfeatviz-company'].map("
            "(part) => root.querySelector(part)); return [subject.textContent, chart.hidden ? '' : chart.textContent] }"
        )
        for others in re.findall(r"of (\d+) others", said[1]):
            assert int(others) + 1 == units[said[0].split(" · ")[1]], said
    panel.wait(lambda: "of 4 others" in chart.inner_text(), "the units of the last layer")
    panel.button("Stop").click()
    panel.wait_rest()


def test_what_is_copied_runs_when_it_is_pasted(lab: JupyterServer, page) -> None:
    notebook, panel = PhotoPanel.opened(page, lab, "pasted.ipynb", TINY)
    panel.run()
    panel.wait_rest()
    panel.button("Copy as Python").click()
    panel.field("Python code").wait_for()
    lines = panel.field("Python code").input_value().splitlines()
    assert "net = network" in lines, "the notebook's own name"
    check = PASTED.format(made=f"{lines[-1]}.image", shown="explorer.image")
    assert "equal True" in notebook.run_code("\n".join([*lines[:-1], check]))

    panel.open("Features")
    panel.field("count").select_option("6")
    panel.run()
    sheet = panel.root.locator(".nbfeatviz-sheetcells")
    panel.wait(lambda: sheet.get_attribute("data-step") == "last", "the sheet to end")
    panel.button("Copy as Python").click()
    panel.field("Python code").wait_for()
    lines = panel.field("Python code").input_value().splitlines()
    shown = "[one.image for one in explorer.panel.features._runs.results()]"
    check = PASTED.format(made=f"[one.image for one in {lines[-1]}]", shown=shown)
    assert "equal True" in notebook.run_code("\n".join([*lines[:-1], check]))


def test_the_captions_of_pictures_made_from_a_photo_say_when_something_else_is_chosen(lab: JupyterServer, page) -> None:
    _, panel = PhotoPanel.opened(page, lab, "remade.ipynb", TINY)
    panel.open("Invert")
    panel.field("sample").select_option("chelsea")
    inside = panel.root.locator(".nbfeatviz-remake-invert")
    caption = inside.locator(".nbfeatviz-subject")
    past = re.compile("nbfeatviz-past")
    steps = inside.get_by_label("steps", exact=True)
    steps.fill("5")
    steps.press("Enter")
    run = inside.get_by_role("button", name="Run", exact=True)
    panel.wait(run.is_enabled, "the photo")
    run.click()
    panel.wait(lambda: caption.inner_text().endswith("· step 5"), "the picture")
    assert caption.inner_text() == "tiny · conv · content · inversion · seed 0 · step 5"
    panel.wait(lambda: panel.status == "invert: finished after 5 steps", "the status of this tab")
    assert not past.search(caption.get_attribute("class"))
    panel.choose("deep")
    panel.wait(lambda: past.search(caption.get_attribute("class")), "the caption of another layer")
    panel.choose("conv")
    panel.wait(lambda: not past.search(caption.get_attribute("class")), "the caption of this layer")
    panel.field("sample").select_option(index=2)
    panel.wait(lambda: past.search(caption.get_attribute("class")), "the caption of another photo")
    assert "another photo" in (caption.get_attribute("title") or "")
