"""A person's photo in a real browser: upload, predictions, every tab, from a channel to its image, and bad files."""

from __future__ import annotations

import base64
import os
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nbfeatviz import samples
from tests.browser.harness import Browser, JupyterServer
from tests.browser.panel import LONG, only_foreign
from tests.browser.photo import PhotoPanel

TINY = """import keras, nbfeatviz as nv
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(8, 3, activation="relu", name="conv"),
    keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, name="dense")], name="tiny")
net = nv.load(model, input_range=(0, 1), class_names=["<script>alert(1)</script>", "b", "c", "d"])
explorer = nv.FeatureExplorer(net, layer="conv", steps=100000)
explorer"""


@pytest.mark.parametrize("kind", ["lab", "notebook7"])
def test_from_a_photo_through_every_tab_to_the_image_of_a_unit(
    kind: str, browser: Browser, page, request, tmp_path: Path
) -> None:
    notebook, panel = PhotoPanel.opened(page, request.getfixturevalue(kind), f"photo-{kind}.ipynb", LONG)
    # on its side, with the EXIF tag that says so: as a phone saves it
    cat = Image.open(samples.get("chelsea").path)
    exif = Image.Exif()
    exif[0x0112] = 6
    cat.rotate(90, expand=True).save(tmp_path / "my cat.jpg", quality=95, exif=exif)

    panel.open("Saliency")
    panel.upload(tmp_path / "my cat.jpg")
    panel.wait_photo()
    assert "cat" in panel.predictions[0]
    panel.wait(lambda: panel.shown[0] == "saliency", "a map")
    gradient = panel.heat()
    assert gradient["width"] == 224
    guided = panel.wait_map(lambda: panel.field("method").select_option("guided"), "Guided")
    assert guided["hash"] != gradient["hash"]
    signed = panel.wait_map(lambda: panel.field("display").select_option("signed"), "Guided")
    assert signed["hash"] != guided["hash"]

    panel.map.hover(position={"x": 40, "y": 60})
    panel.wait(lambda: any(letter.isdigit() for letter in panel.readout), "the value under the pointer")
    panel.field("opacity").fill("0")
    panel.field("colour map").select_option("viridis") if panel.field("colour map").is_enabled() else None

    with page.expect_download() as download:
        panel.button("Save PNG").click()
    saved = Image.open(download.value.path())
    assert saved.width >= 224 and saved.height > saved.width  # the map, and its colour bar below
    with page.expect_download() as download:
        panel.button("Save .npy").click()
    assert np.load(download.value.path()).shape == (224, 224, 3)
    assert download.value.suggested_filename == "my_cat-saliency.npy"

    other = panel.root.get_by_role("group", name="predictions").get_by_role("button").nth(1)
    name = other.inner_text().split("\n")[0]
    cam = panel.wait_map(lambda: panel.open("Grad-CAM"), "Grad-CAM")
    another = panel.wait_map(other.click, "Grad-CAM", name)
    assert another["hash"] != cam["hash"]
    panel.wait_map(lambda: panel.choose("block5c_add"), "block5c_add")
    panel.layer("block5c_add").focus()
    panel.wait_map(lambda: page.keyboard.press("ArrowUp"), "block5c_project_bn")  # selection follows focus here

    panel.wait_map(lambda: panel.open("Occlusion"), "Occlusion")

    panel.open("Activations")
    panel.wait(lambda: "112 channels" in panel.root.inner_text(), "the grid of the layer", 60)
    cells = panel.root.locator(".nbfeatviz-cells")
    pixels = cells.locator("canvas").evaluate(
        "(canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((v) => v > 100)"
    )
    assert pixels
    cells.click(position={"x": 90, "y": 20})
    panel.button("show what it likes to see").wait_for()
    panel.map.click(position={"x": 100, "y": 120})  # a position: the neuron there, and what it sees
    panel.root.locator(".nbfeatviz-reach").wait_for()
    panel.wait(lambda: "row" in panel.readout, "the neuron's place and value")
    panel.button("all channels").click()
    cells.click(position={"x": 90, "y": 20})
    panel.button("show what it likes to see").wait_for()
    found = re.search(r"channel (\d+)", panel.title)
    assert found, panel.title
    unit = found[1]
    panel.button("show what it likes to see").click()
    panel.wait(lambda: panel.tab("Optimize").get_attribute("aria-selected") == "true", "the tab Optimize")
    panel.wait(lambda: panel.field("unit number").input_value() == unit, f"unit {unit}")
    panel.wait_steps(5)
    assert panel.layer("block5c_add").get_attribute("aria-selected") == "true"
    assert panel.pixels()["width"] == 224

    # while it runs the tabs answer, and the run goes on
    count = panel.data()["count"]
    panel.wait_map(lambda: panel.open("Saliency"), "Guided")
    panel.wait(lambda: panel.data()["count"] > count + 3, "the run to go on")
    panel.open("Optimize")
    panel.button("Stop").click()
    panel.wait_rest()

    panel.open("Saliency")
    notebook.save()
    notebook.reload()
    panel.root.scroll_into_view_if_needed()
    panel.wait(lambda: panel.tab("Saliency").get_attribute("aria-selected") == "true", "the open tab to be open again")
    panel.wait_photo()
    panel.wait(lambda: panel.shown[0] == "saliency", "the map to be there again")
    assert not panel.error
    assert only_foreign(browser.errors(page)) == []


def test_comparing_and_the_randomization_check(lab: JupyterServer, browser: Browser, page) -> None:
    _, panel = PhotoPanel.opened(page, lab, "compare.ipynb")
    panel.open("Compare")
    panel.field("sample").select_option("coffee")
    panel.wait_photo()
    for method in ("SmoothGrad", "Integrated gradients", "Occlusion"):
        panel.root.get_by_role("checkbox", name=method, exact=True).uncheck()
    panel.button("Compare").click()
    cards = panel.root.locator(".nbfeatviz-card")
    panel.wait(lambda: cards.count() == 3 and "insertion" in cards.nth(2).inner_text(), "three maps with scores", 90)
    panel.wait(lambda: not panel.busy, "the comparison to end")
    panel.field("check").select_option("grad-cam")
    panel.button("Randomize layers").click()
    panel.wait(lambda: cards.count() == 10, "seven stages", 90)
    assert "predictions" in cards.nth(4).inner_text()
    assert only_foreign(browser.errors(page)) == []


def bomb(path: Path) -> Path:
    """A PNG of 40,000 × 40,000 pixels in a few bytes."""
    header = struct.pack(">IIBBBBB", 40000, 40000, 8, 2, 0, 0, 0)
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))  # noqa: E731
    data = zlib.compress(bytes(1000))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return path


def test_bad_files_are_refused_in_words_and_nothing_is_lost(lab: JupyterServer, browser: Browser, page, tmp_path: Path):
    notebook, panel = PhotoPanel.opened(page, lab, "bad-files.ipynb", TINY)
    panel.open("Saliency")
    panel.field("sample").select_option("coffee")
    panel.wait(lambda: len(panel.predictions) == 4, "the predictions")
    panel.wait(lambda: panel.shown[0] == "saliency", "a map")
    before = panel.heat()["hash"]

    jpeg = Path(samples.get("china").path).read_bytes()
    empty, text, cut, huge = (tmp_path / name for name in ("empty.png", "text.png", "cut.jpg", "huge.jpg"))
    empty.write_bytes(b"")
    text.write_text("this is not an image")
    cut.write_bytes(jpeg[:300])
    with huge.open("wb") as file:
        file.truncate(3 * 1024**3)  # takes no room on the disk
    for path, words in [
        (empty, "empty"),
        (text, "text.png"),
        (cut, "cut.jpg"),
        (huge, "huge.jpg"),
        (bomb(tmp_path / "bomb.png"), "40,000"),
    ]:
        panel.upload(path)
        panel.wait(lambda words=words: words in panel.error, f"a sentence about {words}")
        assert panel.heat()["hash"] == before
    assert notebook.run_code("print(explorer.panel.photo.photo.name)").strip() == samples.get("coffee").title

    panel.upload(Path(samples.get("china").path))  # and then a good one
    panel.wait(lambda: not panel.error, "the complaint to go")
    panel.wait(lambda: panel.heat()["hash"] != before, "the map of the new photo")
    panel.button("Remove").click()
    panel.wait(lambda: not panel.button("Remove").is_visible(), "the empty photo box")
    assert notebook.run_code("print(explorer.panel.photo.photo)").strip() == "None"
    assert only_foreign(browser.errors(page)) == []


def test_the_photo_of_a_phone_arrives_small_enough(lab: JupyterServer, page, tmp_path: Path) -> None:
    notebook, panel = PhotoPanel.opened(page, lab, "phone.ipynb", TINY)
    noise = np.random.default_rng(0).integers(0, 256, (3024, 4032, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise).save(tmp_path / "phone.jpg", quality=92, exif=exif)
    assert os.path.getsize(tmp_path / "phone.jpg") > 10 * 1024**2  # what would close the kernel's connection
    panel.open("Saliency")
    panel.upload(tmp_path / "phone.jpg")
    panel.wait(lambda: panel.predictions, "the predictions", 90)
    shape = notebook.run_code(
        "print(explorer.panel.photo.photo.pixels.shape, len(explorer.panel.photo.photo.source) < 8e6)"
    )
    assert shape.strip() == "(2048, 1536, 3) True"
    assert not panel.error


def test_drop_crop_squash_and_the_keyboard(lab: JupyterServer, page) -> None:
    notebook, panel = PhotoPanel.opened(page, lab, "drop.ipynb", TINY)
    panel.tab("Optimize").focus()
    for _ in ("Features", "Catalogue", "Saliency"):
        page.keyboard.press("ArrowRight")
    panel.wait(lambda: panel.tab("Saliency").get_attribute("aria-selected") == "true", "the tab Saliency")
    data = base64.b64encode(Path(samples.get("coffee").path).read_bytes()).decode()
    transfer = page.evaluate_handle(
        """async (data) => {
          const bytes = await (await fetch("data:image/jpeg;base64," + data)).arrayBuffer();
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], "dropped.jpg", { type: "image/jpeg" }));
          return transfer;
        }""",
        data,
    )
    panel.root.dispatch_event("dragover", {"dataTransfer": transfer})
    panel.root.dispatch_event("drop", {"dataTransfer": transfer})
    panel.wait(lambda: len(panel.predictions) == 4, "the predictions")
    assert panel.predictions[0].split("\n")[0] in ("<script>alert(1)</script>", "b", "c", "d")
    assert notebook.run_code("print(explorer.panel.photo.photo.name)").strip() == "dropped.jpg"

    def box() -> str:
        return notebook.run_code("print([round(float(x), 3) for x in explorer.panel.layout.tabs.photo['box']])").strip()

    assert box() == "[0.0, 0.167, 1.0, 0.833]"
    panel.root.get_by_role("slider", name="crop box").focus()
    page.keyboard.press("ArrowLeft")
    panel.wait(lambda: box() != "[0.0, 0.167, 1.0, 0.833]", "the crop box to move")
    panel.field("fit").select_option("squash")
    panel.wait(lambda: box() == "[0.0, 0.0, 1.0, 1.0]", "the whole photo")


def test_no_tab_is_clipped_in_either_theme_wide_or_narrow(lab: JupyterServer, browser: Browser) -> None:
    page = browser.new_page(1400, 1400)
    notebook, panel = PhotoPanel.opened(page, lab, "tabs.ipynb")
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    panel.open("Saliency")
    panel.look(notebook, "tab-empty")
    panel.field("sample").select_option("chelsea")
    panel.wait_photo()
    panel.wait(lambda: panel.shown[0] == "saliency", "a map")
    answered = {
        "Saliency": lambda: panel.shown[0] == "saliency",
        "Grad-CAM": lambda: panel.shown[0] == "grad-cam",
        "Activations": lambda: "channels" in panel.root.inner_text(),
        "Compare": lambda: panel.button("Compare").is_enabled(),
    }
    for name in answered:
        panel.open(name)
        panel.wait(lambda: answered[name]() and not panel.busy, "the answer")  # noqa: B023
        panel.look(notebook, f"tab-{name.lower()}")
    page.close()
