"""The Invert, Style and Dream tabs in a browser: two photos brought by hand, runs watched and moved, bad input."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator

from nbfeatviz import samples
from tests.browser.harness import Browser, JupyterServer, NotebookPage
from tests.browser.panel import LONG, MNIST, only_foreign
from tests.browser.photo import PhotoPanel

DROP = """(element, [name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0)), files = new DataTransfer();
  files.items.add(new File([bytes], name, {type: "image/jpeg"}));
  for (const kind of ["dragenter", "dragover", "drop"])
    element.dispatchEvent(new DragEvent(kind, {dataTransfer: files, bubbles: true, cancelable: true}));
}"""

SHOWN_WHOLE = """(select) => {
  const context = document.createElement("canvas").getContext("2d"), arrow = 28;
  context.font = getComputedStyle(select).font;
  return context.measureText(select.selectedOptions[0].text).width + arrow <= select.offsetWidth;
}"""


class RemakePanel(PhotoPanel):
    """A panel whose user is in the Invert or the Style tab."""

    kind = "invert"

    def go(self, kind: str) -> None:
        self.kind = kind
        self.open(kind.capitalize())
        self.group.wait_for()

    @property
    def group(self) -> Locator:
        return self.root.get_by_role("group", name=self.kind.capitalize(), exact=True)

    def canvas(self, part: str) -> Locator:
        inside = f".nbfeatviz-remake-{self.kind} "
        own = (".nbfeatviz-overlay", ".nbfeatviz-picture", ".nbfeatviz-subject")
        return self.root.locator(inside + part if part in own else part).first

    def inside(self, label: str) -> Locator:
        return self.group.get_by_label(label, exact=True)

    @property
    def layers(self) -> list[str]:
        items = self.group.get_by_role("list", name="style layers").get_by_role("listitem").all_inner_texts()
        return [item.split("\n")[0].rstrip("×").strip() for item in items]


def lengthen(notebook: NotebookPage) -> None:
    """The runs of these tabs are not over before a person stops them, however quick the machine."""
    notebook.run_code("for remake in explorer.panel.invert_style_dream.values(): remake.change('steps', 100_000)")


def photo(panel: RemakePanel, name: str) -> None:
    panel.field("sample").select_option(name)
    credit = panel.root.get_by_role("group", name="photo", exact=True).locator(".nbfeatviz-credit")
    panel.wait(lambda: samples.get(name).credit in credit.inner_text(), f"the photo {name}")


def test_a_photo_emerges_again_from_what_a_layer_keeps(lab: JupyterServer, browser: Browser, page) -> None:
    notebook, panel = RemakePanel.opened(page, lab, "invert.ipynb", LONG)
    lengthen(notebook)
    panel.go("invert")
    panel.run()
    panel.wait(lambda: "there is no photo" in panel.error, "the sentence about the photo")
    assert "choose a sample" in panel.error
    panel.wait(lambda: panel.button("Run").is_enabled(), "Run to be possible again")
    assert panel.button("Upload").is_visible()

    photo(panel, "chelsea")
    panel.choose("block2b_add")
    panel.run()
    panel.wait_steps(2)
    assert not panel.error
    first = panel.pixels()
    panel.wait_steps(panel.data()["count"] + 5)
    assert panel.pixels()["hash"] != first["hash"], "it emerges"
    panel.wait(lambda: "invert: step" in panel.status and "steps/s" in panel.status, "the status line to count")
    assert panel.root.locator(".nbfeatviz-busy").count(), "the light is on"

    # another layer in mid-run, in the tree
    panel.choose("block1a_project_bn")
    panel.wait(lambda: panel.inside("layer").inner_text() == "block1a_project_bn", "the layer")
    code = "print(explorer.panel.invert_style_dream['invert'].runner.settings)"
    panel.wait(lambda: "block1a_project_bn" in notebook.run_code(code), "the run to go on with it")
    panel.button("Pause").click()
    panel.wait(lambda: "paused" in panel.status, "the pause")
    count = panel.data()["count"]
    panel.button("Step").click()
    panel.wait_steps(count + 1)
    panel.button("Stop").click()
    panel.wait_rest()
    last = panel.pixels()

    # replay by keyboard, and back
    panel.replay.focus()
    page.keyboard.press("Home")
    panel.wait(lambda: panel.data()["step"] == 0, "the first picture again")
    assert panel.pixels()["hash"] != last["hash"]
    page.keyboard.press("End")
    panel.wait(lambda: panel.pixels()["hash"] == last["hash"], "the last picture again")
    with page.expect_download() as download:
        panel.button("Save").click()
    assert Image.open(io.BytesIO(download.value.path().read_bytes())).size == (224, 224)

    notebook.save()
    notebook.reload()
    panel.root.scroll_into_view_if_needed()
    panel.wait(lambda: panel.group.is_visible(), "the tab after a reload")
    panel.wait(lambda: panel.pixels()["hash"] == last["hash"], "the picture after a reload")
    panel.wait(lambda: panel.data()["count"] > 1, "the numbers after a reload")
    assert samples.get("chelsea").credit in panel.root.inner_text()

    # the Optimize tab has its own canvas, and its run takes the place of this one
    panel.run()
    panel.wait_steps(2)
    panel.open("Optimize")
    assert panel.root.get_by_role("img", name="stored ·").filter(visible=True).count() == 1  # none of its own yet
    panel.button("Run").click()
    panel.wait(lambda: "steps/s" in panel.status and "invert" not in panel.status, "the other run")
    panel.button("Stop").click()
    panel.open("Invert")
    panel.wait(lambda: panel.button("Run").is_enabled(), "the inversion to have ended")
    assert not panel.error
    assert only_foreign(browser.errors(page)) == []


def test_a_photo_in_the_style_of_another(lab: JupyterServer, browser: Browser, page, tmp_path: Path) -> None:
    notebook, panel = RemakePanel.opened(page, lab, "style.ipynb", LONG)
    lengthen(notebook)
    panel.go("style")
    photo(panel, "chelsea")
    panel.run()
    panel.wait(lambda: "whose style could be taken" in panel.error, "the sentence about the style photo")

    # brought by the file dialog, tall and small; then one dropped on the box; neither is taken for the panel's photo
    tall = tmp_path / "tall.jpg"
    Image.open(samples.get("china").path).resize((90, 300)).save(tall)
    with page.expect_file_chooser() as chooser:
        panel.group.get_by_role("button", name="Upload", exact=True).click()
    chooser.value.set_files(tall)
    panel.wait(lambda: "tall.jpg · 90 × 300" in panel.group.inner_text(), "the style photo")
    panel.wait(lambda: not panel.error, "the complaint to go")
    data = base64.b64encode(samples.get("astronaut").path.read_bytes()).decode()
    panel.group.get_by_role("group", name="style photo").evaluate(DROP, ["dropped.jpg", data])
    panel.wait(lambda: "dropped.jpg" in panel.group.inner_text(), "the photo that was dropped")
    assert samples.get("chelsea").credit in panel.root.inner_text()
    assert panel.tab("Style").get_attribute("aria-selected") == "true"

    panel.run()
    panel.wait_steps(3)
    panel.wait(lambda: "style: step" in panel.status, "the status line")
    weight = (
        "run = explorer.panel.invert_style_dream['style'].runner.settings\n"
        "print(run.objective.weights[1] if run else 0)"
    )
    assert float(notebook.run_code(weight)) == 10
    slider = panel.inside("style weight")
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    panel.wait(lambda: panel.inside("style weight, exactly").input_value() == "100", "the number to follow")
    panel.wait(lambda: float(notebook.run_code(weight)) == 100, "the run to go on with the weight")
    panel.wait_steps(panel.data()["count"] + 3)

    # the layers of the style: one out, a wrong one refused, one in
    panel.group.get_by_text("advanced", exact=True).click()
    assert panel.layers[0] == "stem_conv"
    assert len(panel.layers) == 5
    panel.group.get_by_role("button", name="take out stem_conv").press("Enter")
    panel.wait(lambda: len(panel.layers) == 4, "four layers")
    another = panel.inside("add a style layer")
    another.fill("block2b_ad")
    another.press("Enter")
    panel.wait(lambda: "'block2b_ad'" in panel.error and "'block2b_add'" in panel.error, "the nearest name")
    panel.wait(lambda: len(panel.layers) == 4, "what is set, not what was wished")
    another.fill("block2b_add")
    another.press("Enter")
    panel.wait(lambda: panel.layers[-1] == "block2b_add" and not panel.error, "the layer")
    panel.group.get_by_role("button", name="Default", exact=True).click()
    panel.wait(lambda: panel.layers[0] == "stem_conv" and len(panel.layers) == 5, "the default again")
    panel.button("Stop").click()
    panel.wait_rest()
    last = panel.pixels()
    panel.button("Copy as Python").click()
    code = panel.inside("Python code")
    panel.wait(lambda: "objectives.style(['stem_conv'" in "".join(code.input_value().split()), "the code")
    assert "style_photo = ..." in code.input_value()

    notebook.save()
    notebook.reload()
    panel.root.scroll_into_view_if_needed()
    panel.wait(lambda: panel.group.is_visible(), "the tab after a reload")
    panel.wait(lambda: panel.pixels()["hash"] == last["hash"], "the picture after a reload")
    panel.wait(lambda: "dropped.jpg" in panel.group.inner_text(), "the style photo after a reload")
    assert panel.inside("style weight, exactly").input_value() == "100"
    panel.group.get_by_role("button", name="Remove", exact=True).click()
    panel.wait(lambda: "dropped.jpg" not in panel.group.inner_text(), "the style photo to be gone")
    assert only_foreign(browser.errors(page)) == []


def test_a_network_of_one_channel(lab: JupyterServer, browser: Browser, page) -> None:
    notebook, panel = RemakePanel.opened(page, lab, "grey.ipynb", MNIST)
    panel.go("invert")
    photo(panel, "coffee")
    panel.run()
    panel.wait_steps(20)
    panel.go("style")
    panel.field("style sample").select_option("china")
    panel.run()
    panel.wait_steps(20)
    assert panel.pixels()["width"] == 28
    panel.go("dream")
    panel.inside("octaves").fill("2")
    panel.inside("octaves").press("Enter")
    panel.run()
    panel.wait_rest()
    panel.wait(lambda: panel.data()["count"] == 20, "two octaves of ten steps")
    panel.wait(lambda: panel.status == "dream: finished after 20 steps", "the status line to end too")
    assert not panel.error
    panel.go("style")
    panel.field("network").select_option("efficientnet-lite0")
    panel.wait(lambda: "stem_conv" in " ".join(panel.layers) or panel.data()["count"] == 0, "another network")
    panel.wait(lambda: panel.data()["count"] == 0, "an empty canvas")
    assert samples.get("china").credit in panel.group.inner_text()
    assert only_foreign(browser.errors(page)) == []


def test_nothing_is_clipped_in_either_theme_wide_or_narrow(lab: JupyterServer, browser: Browser) -> None:
    page = browser.new_page(1400, 1500)
    notebook, panel = RemakePanel.opened(page, lab, "remakes.ipynb")
    lengthen(notebook)
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    for kind in ("invert", "style"):
        panel.go(kind)
        if kind == "invert":
            panel.run()
            panel.wait(lambda: panel.error, "the sentence")
            panel.look(notebook, "invert-error", 1500)
            photo(panel, "chelsea")
        else:
            panel.look(notebook, "style-empty", 1500)
            for width in (1400, 480):
                page.set_viewport_size({"width": width, "height": 1500})
                panel.wait(lambda: panel.field("style sample").evaluate(SHOWN_WHOLE), "the whole invitation")
            page.set_viewport_size({"width": 1400, "height": 1500})
            facts = panel.root.locator(".nbfeatviz-remake-style .nbfeatviz-figures").inner_text()
            assert "prediction" in facts
            assert "unit" not in facts
            panel.field("style sample").select_option("flower")
            panel.wait(lambda: samples.get("flower").author in panel.group.inner_text(), "the style photo")
        panel.run()
        panel.wait_steps(25, 120)
        if kind == "style":
            panel.group.get_by_text("advanced", exact=True).click()
        panel.look(notebook, f"{kind}-running", 1500)
        picture = panel.canvas(".nbfeatviz-overlay").bounding_box()
        caption = panel.canvas(".nbfeatviz-subject").bounding_box()
        assert caption["y"] - picture["y"] - picture["height"] < 12, "the caption is right below the picture"
        gap = panel.replay.bounding_box()["y"] - caption["y"] - caption["height"]
        assert gap < 12, "the replay is right below the caption"
        panel.button("Stop").click()
        panel.wait_rest()
    page.close()
