"""Outputs that are values as they are have no percent; weights that change are the panel's at the next call."""

from __future__ import annotations

from tests.browser.harness import Browser, JupyterServer
from tests.browser.panel import OUTPUT, only_foreign
from tests.browser.photo import PhotoPanel

BOX = """import keras, nbfeatviz as nv, numpy as np
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3, activation="relu", name="conv"),
    keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3, name="box")], name="finder")
model.get_layer("box").bias.assign([120.5, 36.8, -7.25])
model.compile(loss="mse")
net = nv.load(model, input_range=(0, 1), class_names=["left", "top", "tilt"])
explorer = nv.FeatureExplorer(net, layer="conv", unit=3, recipe="tutorial13", steps=5)
explorer"""


def figures(panel: PhotoPanel) -> list[tuple[str, float]]:
    """The names and values that stand among the predictions."""
    lines = [text.split() for text in panel.predictions]
    return [(line[0], float(line[-1].replace("−", "-"))) for line in lines]


def test_values_have_no_percent_and_follow_the_weights(lab: JupyterServer, browser: Browser, page) -> None:
    notebook, panel = PhotoPanel.opened(page, lab, "box.ipynb", BOX)
    panel.button("Run").click()
    panel.wait(lambda: "finished" in panel.status, "the run to end")
    panel.wait(lambda: "left (#0)" in panel.root.inner_text(), "the prediction of the picture")
    assert "%" not in panel.root.locator("dd", has_text="left (#0)").inner_text()

    panel.open("Saliency")
    panel.field("sample").select_option("coffee")
    panel.wait(lambda: len(panel.predictions) == 3, "the predictions")
    assert "%" not in " ".join(panel.predictions)
    before = dict(figures(panel))
    assert [name for name, _ in figures(panel)] == ["left", "top", "tilt"]  # the largest first
    assert 110 < before["left"] < 130
    assert "the largest output" in panel.field("target").inner_text()
    panel.root.screenshot(path=OUTPUT / "linear-saliency.png")

    notebook.run_code("model.get_layer('box').bias.assign([1.0, 500.0, 2.0])")
    panel.open("Grad-CAM")
    panel.wait(lambda: panel.predictions and figures(panel)[0][0] == "top", "the predictions of the new weights")
    panel.wait(lambda: "top" in panel.title, "the map of what is now the largest")
    assert dict(figures(panel))["top"] - before["top"] > 400
    panel.root.screenshot(path=OUTPUT / "linear-changed.png")
    assert not panel.error
    assert only_foreign(browser.errors(page)) == []
