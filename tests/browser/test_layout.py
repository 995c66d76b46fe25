"""The panel on the page: nothing jumps, nothing that is needed goes out of sight, and everything says what it means."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.harness import JupyterServer
from tests.browser.panel import LONG
from tests.browser.photo import PhotoPanel

RUN = LONG.replace("100_000", "24")
TABS = ("Features", "Saliency", "Grad-CAM", "Activations", "Compare", "Invert", "Style", "Dream", "Optimize")
_IN_SIGHT = """(panel) => {
  panel.querySelector(".nbfeatviz-run").scrollIntoView(); // what a person does who watches a run
  const buttons = [...panel.querySelectorAll("button")];
  const boxes = ["Run", "Stop"].map((name) => buttons.find((button) => button.textContent === name));
  boxes.push(panel.querySelector(".nbfeatviz-overlay"));
  return boxes.map((one) => { const box = one.getBoundingClientRect(), top = document.elementFromPoint(
    box.left + box.width / 2, box.top + box.height / 2);
    return [one.textContent, box.top >= 0 && box.bottom <= innerHeight && box.width > 20 && one.contains(top)]; });
}"""
_CUT_COUNTS = """(tree) => [...tree.querySelectorAll("[role=treeitem]:not([hidden])")].filter((row) => {
  const count = row.querySelector(".nbfeatviz-units");
  return count.scrollWidth > count.clientWidth + 1 ||
    count.getBoundingClientRect().right > tree.getBoundingClientRect().right;
}).map((row) => row.dataset.path)"""
_CUT_NAMES = """(tree) => [...tree.querySelectorAll("[role=treeitem]:not([hidden])")].filter((row) => {
  const name = row.querySelector(".nbfeatviz-name"), prefix = name.querySelector(".nbfeatviz-prefix");
  return name.scrollWidth > name.clientWidth + 1 && prefix.offsetWidth;
}).map((row) => row.dataset.path)"""


def box(panel: PhotoPanel, part: str) -> dict[str, Any]:
    """Where a part lies in the panel, in whole pixels."""
    found: dict[str, Any] = panel.root.evaluate(
        "(root, part) => { const a = root.getBoundingClientRect(), b = (part ? root.querySelector(part) : root)"
        ".getBoundingClientRect(); return {x: Math.round(b.x - a.x), y: Math.round(b.y - a.y),"
        " width: Math.round(b.width), height: Math.round(b.height)} }",
        part,
    )
    return found


def test_nothing_jumps_in_a_run_and_across_tabs(lab: JupyterServer, page) -> None:
    page.set_viewport_size({"width": 1400, "height": 1000})
    notebook, panel = PhotoPanel.opened(page, lab, "steady.ipynb", LONG)
    parts = ("", ".nbfeatviz-overlay", ".nbfeatviz-curve", ".nbfeatviz-replay", ".nbfeatviz-run")
    before = {part: box(panel, part) for part in parts}
    assert before[".nbfeatviz-overlay"]["width"] >= 420, "the canvas takes the room there is"
    panel.run()
    panel.wait_steps(20)
    panel.wait(lambda: "It excites unit" in panel.canvas(".nbfeatviz-sentence").inner_text(), "the sentence")
    assert {part: box(panel, part) for part in parts} == before, "in a run"
    pause = panel.button("Pause").bounding_box()
    panel.button("Pause").click()
    panel.button("Resume").wait_for()
    assert panel.button("Resume").bounding_box() == pause
    panel.button("Stop").click()
    panel.wait_rest()
    assert {part: box(panel, part) for part in parts} == before, "after a run"

    track = panel.unit.bounding_box()["width"]
    assert track >= 80
    panel.choose("avg_pool")
    panel.wait(lambda: "1280" in panel.canvas(".nbfeatviz-settings").inner_text(), "the units of that layer")
    assert panel.unit.bounding_box()["width"] == track, "however many units there are"

    height = box(panel, "")["height"]
    for tab in TABS:
        panel.open(tab)
        page.wait_for_timeout(300)
        assert box(panel, "")["height"] >= height, tab
        height = box(panel, "")["height"]
    assert panel.unclipped() == []


@pytest.mark.parametrize(("width", "height"), [(500, 800), (700, 450)], ids=["narrow", "200 % zoom"])
def test_run_and_stop_stay_in_sight_beside_the_picture(lab: JupyterServer, page, width: int, height: int) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    _, panel = PhotoPanel.opened(page, lab, f"sight-{width}.ipynb", LONG)
    page.keyboard.press("Control+b")  # the host's own column
    page.set_viewport_size({"width": width, "height": height})
    panel.run()
    panel.wait_steps(3)
    panel.wait(lambda: all(seen for _, seen in panel.root.evaluate(_IN_SIGHT)), "all to be in sight", 10)
    panel.button("Stop").click()
    panel.wait_rest()


def test_the_tree_drops_what_is_repeated_before_it_cuts_a_name_and_never_the_number_of_units(
    lab: JupyterServer, page
) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    _, panel = PhotoPanel.opened(page, lab, "tree.ipynb")
    panel.choose("block5c_add")
    for width in (1400, 1100, 1000, 700, 600):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(200)
        assert panel.tree.evaluate(_CUT_COUNTS) == [], width
        assert panel.tree.evaluate(_CUT_NAMES) == [], width
    assert panel.root.get_by_role("treeitem", name="block5c_add", exact=False).count() == 1, "its name is whole"


def test_readings_and_recipe_values_say_what_they_mean_on_hover_and_on_focus(lab: JupyterServer, page) -> None:
    _, panel = PhotoPanel.opened(page, lab, "meanings.ipynb", RUN)
    tip = panel.root.locator(".nbfeatviz-tip")
    assert not tip.is_visible()
    panel.root.locator("dt", has_text="loss").first.hover()
    assert "how strongly the picture excites" in tip.inner_text() and tip.is_visible()
    panel.root.locator("dt", has_text="prediction").first.focus()
    assert "The class that the network sees" in tip.inner_text()
    page.keyboard.press("Escape")
    assert not tip.is_visible()
    details = panel.root.locator(".nbfeatviz-figures summary").first
    assert not panel.root.locator("dt", has_text="gradient").first.is_visible(), "the simple face"
    details.press("Enter")
    panel.root.locator("dt", has_text="gradient").first.focus()
    assert "the gradient at this step" in tip.inner_text()

    panel.root.locator("summary", has_text="advanced").first.click()
    values = panel.root.locator(".nbfeatviz-values label")
    for number in range(values.count()):
        value = values.nth(number)
        assert len(value.get_attribute("aria-description") or "") > 4, value.inner_text()
    values.first.locator("input").focus()
    assert tip.inner_text() == values.first.get_attribute("data-explain")
    assert panel.unclipped() == []


def test_the_status_is_about_the_open_tab_and_answers_at_once(lab: JupyterServer, page) -> None:
    _, panel = PhotoPanel.opened(page, lab, "status.ipynb", LONG)
    at_once = (
        "(root, name) => { [...root.querySelectorAll('button')].find((b) => b.textContent === name).click();"
        " return root.querySelector('.nbfeatviz-status').textContent }"
    )
    assert panel.root.evaluate(at_once, "Step") == "one step …"
    panel.wait(lambda: panel.status.startswith("paused at step 1/"), "the step")
    assert panel.root.evaluate(at_once, "Resume") == "going on …"
    panel.wait(lambda: panel.status.startswith("step "), "a count")
    panel.open("Saliency")
    panel.wait(lambda: panel.status.startswith("optimize: step "), "what is computed, by its tab")
    panel.open("Optimize")
    panel.wait_steps(5)
    assert panel.root.evaluate(at_once, "Stop") == "stopping …"
    panel.wait(lambda: panel.status.startswith("stopped after "), "the end")
    for tab in ("Features", "Dream"):
        panel.open(tab)
        panel.wait(lambda: panel.status == "ready", "nothing was done in this tab", 5)
        panel.open("Optimize")
        panel.wait(lambda: panel.status.startswith("stopped after "), "the status of the run", 5)
