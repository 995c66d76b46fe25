"""What says nothing is said below it in a real page: a map that is 0, a dead unit, a method that is left out."""

from __future__ import annotations

from tests.browser.harness import Browser, JupyterServer
from tests.browser.panel import OUTPUT, only_foreign
from tests.browser.photo import PhotoPanel

# every weight of the head is negative, so that every gradient at the layer before is; unit 3 of it is shut for good
NEGATIVE = """import keras, nbfeatviz as nv, numpy as np
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(8, 3, activation="relu", name="conv"),
    keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, name="dense")], name="tiny")
kernel, bias = model.get_layer("conv").get_weights()
bias[:] = 0.1
bias[3] = -100
model.get_layer("conv").set_weights([kernel, bias])
dense = model.get_layer("dense")
dense.set_weights([-np.abs(dense.get_weights()[0]), np.zeros(4)])
net = nv.load(model, input_range=(0, 1), class_names=["ant", "bee", "cow", "dog"])
explorer = nv.FeatureExplorer(net, layer="conv", unit=3, recipe="tutorial13", steps=20, pre_activation=False)
explorer"""
DENSE = """import keras, nbfeatviz as nv
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Flatten(),
    keras.layers.Dense(16, activation="tanh", name="hidden"), keras.layers.Dense(4, name="dense")], name="dense only")
net = nv.load(model, input_range=(0, 1), class_names=["ant", "bee", "cow", "dog"])
explorer = nv.FeatureExplorer(net)
explorer"""


def shot(panel: PhotoPanel, name: str) -> None:
    OUTPUT.mkdir(exist_ok=True)
    panel.root.screenshot(path=OUTPUT / f"empty-{name}.png")


def note(panel: PhotoPanel) -> str:
    """The notes that are to be seen."""
    return " ".join(panel.root.locator(".nbfeatviz-note").filter(visible=True).all_inner_texts())


def test_a_map_a_layer_and_a_run_that_say_nothing_say_why(lab: JupyterServer, browser: Browser, page) -> None:
    _, panel = PhotoPanel.opened(page, lab, "negative.ipynb", NEGATIVE)
    panel.button("Run").click()
    panel.wait(lambda: "no gradient led anywhere in 20 steps" in note(panel), "the dead unit")
    panel.wait(lambda: panel.status == "finished after 20 steps", "the status line to end too")
    shot(panel, "run")

    panel.open("Grad-CAM")
    panel.field("sample").select_option("coffee")
    panel.wait(lambda: len(panel.predictions) == 4, "the predictions")
    panel.wait(lambda: "speaks against" in note(panel), "why the map is blank")
    below = panel.root.locator(".nbfeatviz-mapview .nbfeatviz-note").bounding_box()
    above = panel.map.bounding_box()
    assert below and above and below["y"] >= above["y"] + above["height"]
    shot(panel, "cam")
    panel.open("Saliency")
    panel.wait(lambda: panel.shown[0] == "saliency", "a map")
    assert note(panel) == ""
    panel.open("Activations")
    panel.wait(lambda: "8 channels" in panel.root.inner_text(), "the grid")
    panel.root.locator(".nbfeatviz-cells").click(position={"x": 20, "y": 20})
    panel.open("Compare")
    panel.button("Compare").click()
    cards = panel.root.locator(".nbfeatviz-card")
    panel.wait(lambda: "no scores" in note(panel), "the note about Grad-CAM", 90)
    panel.wait(lambda: not panel.busy, "the comparison to end", 90)
    assert "says nothing" in next(text for text in cards.all_inner_texts() if "Grad-CAM" in text)
    shot(panel, "compare")
    assert not panel.error
    assert panel.unclipped() == []
    assert only_foreign(browser.errors(page)) == []


def test_of_a_network_of_dense_layers_the_rest_is_compared(lab: JupyterServer, browser: Browser, page) -> None:
    _, panel = PhotoPanel.opened(page, lab, "dense.ipynb", DENSE)
    panel.open("Compare")
    panel.field("sample").select_option("coffee")
    panel.wait(lambda: len(panel.predictions) == 4, "the predictions")
    panel.button("Compare").click()
    panel.wait(lambda: "left out" in note(panel), "what is left out", 90)
    panel.wait(lambda: not panel.busy, "the comparison to end", 90)
    cards = panel.root.locator(".nbfeatviz-card")
    panel.wait(lambda: cards.count() == 4 and "insertion" in cards.nth(3).inner_text(), "four maps with scores", 90)
    assert "Grad-CAM, LayerCAM: left out, as no layer before 'dense' has rows and columns" in note(panel)
    shot(panel, "dense")
    assert not panel.error
    assert only_foreign(browser.errors(page)) == []
