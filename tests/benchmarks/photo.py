"""How soon the photo tabs answer, measured in a real JupyterLab and Chromium on this machine.

`python -m tests.benchmarks.photo` prints a table: figure, reached, wanted. From the click to the drawn map. Nothing
here is a test.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Locator, Page

from tests.benchmarks.panel import LITE, Row, panel_in_lab, print_rows
from tests.browser.panel import Panel

_CLICK = """(element) => new Promise((tell) => {
  const clicked = Date.now();
  document.addEventListener("nbfeatviz-map", (event) => tell(event.detail.drawn - clicked), { once: true });
  element.click();
})"""
_CHOSEN = """(element, value) => new Promise((tell) => {
  const chosen = Date.now();
  document.addEventListener("nbfeatviz-map", (event) => tell(event.detail.drawn - chosen), { once: true });
  element.value = value;
  element.dispatchEvent(new Event("change", { bubbles: true }));
})"""
_KEY = """() => {
  window.__moved = new Promise((tell) => {
    document.addEventListener("keydown", (event) => {
      const pressed = Date.now();
      document.addEventListener("nbfeatviz-map", (answer) => tell(answer.detail.drawn - pressed), { once: true });
    }, { once: true, capture: true });
  });
}"""
LAYERS = ("block5c_expand_conv", "block5c_bn", "block5c_project_conv", "block5c_project_bn", "block5c_add")
WIDE = ("block5c_expand_conv", "block5c_expand_bn", "block5c_dwconv", "block5c_bn", "block5c_activation")
COMPILE_SECONDS = 5
CHOOSE_SECONDS = 3


def clicked(place: Locator) -> int:
    """Milliseconds from a click to the next drawn result."""
    taken: int = place.evaluate(_CLICK)
    return taken


def words(times: list[int]) -> str:
    return f"{max(times)} ms (median {statistics.median(times):.0f})"


def bar(panel: Panel, place: int) -> Locator:
    """The button of the most probable classes at a place."""
    return panel.root.locator(".nbfeatviz-predictions button").nth(place)


def tab(panel: Panel, name: str) -> Locator:
    return panel.root.get_by_role("tab", name=name, exact=True)


def at_once() -> Iterator[Row]:
    """A person who chooses a photo as soon as the tab is open."""
    with panel_in_lab(LITE) as (_, _, panel):
        tab(panel, "Grad-CAM").click()
        first = int(panel.field("sample").evaluate(_CHOSEN, "coffee"))
        yield "a photo chosen at once → map", f"{first} ms", "≤ 1500 ms"


def photo() -> Iterator[Row]:
    """The whole of it, in one panel."""
    with panel_in_lab(LITE) as (page, notebook, panel):
        tab(panel, "Saliency").click()
        page.wait_for_timeout(CHOOSE_SECONDS * 1000)
        sample = panel.field("sample")
        first = int(sample.evaluate(_CHOSEN, "coffee"))
        yield f"a photo chosen {CHOOSE_SECONDS} s after the tab was opened → map", f"{first} ms", "≤ 1500 ms"
        panel.wait(lambda: bar(panel, 4).count(), "the predictions")
        yield "Saliency, another class at once", f"{clicked(bar(panel, 1))} ms", "≤ 1500 ms"
        yield "Grad-CAM, the first map of all", f"{clicked(tab(panel, 'Grad-CAM'))} ms", "≤ 1500 ms"
        guided = panel.field("method")
        tab(panel, "Saliency").click()
        page.wait_for_timeout(1000)
        yield "Saliency, guided for the first time", f"{int(guided.evaluate(_CHOSEN, 'guided'))} ms", "≤ 1500 ms"
        guided.select_option("gradient")
        page.wait_for_timeout(500)
        tab(panel, "Grad-CAM").click()
        page.wait_for_timeout(COMPILE_SECONDS * 1000)
        yield "Grad-CAM, another class, worst of 4", words([clicked(bar(panel, k)) for k in (2, 3, 4, 1)]), "≤ 250 ms"
        panel.choose("block5c_add")
        page.wait_for_timeout(1500)
        layers = [clicked(panel.layer(layer)) for layer in LAYERS]
        yield "Grad-CAM, another layer, worst of 5", words(layers), "≤ 250 ms"
        yield "Grad-CAM, arrow key to another layer, worst of 4", words(keys(page, panel)), "≤ 250 ms"
        tab(panel, "Saliency").click()
        page.wait_for_timeout(1500)
        yield "Saliency, another class, worst of 3", words([clicked(bar(panel, k)) for k in (2, 3, 4)]), "≤ 250 ms"
        tab(panel, "Activations").click()
        page.wait_for_timeout(1500)
        yield "Activations, 672 channels, worst of 5", words([clicked(panel.layer(path)) for path in WIDE]), "≤ 300 ms"
        yield from while_running(page, panel)


def keys(page: Page, panel: Panel) -> list[int]:
    """Arrow keys through the tree."""
    times = []
    panel.layer(LAYERS[-1]).focus()
    for _ in range(4):
        page.evaluate(_KEY)
        page.keyboard.press("ArrowUp")
        times.append(int(page.evaluate("window.__moved")))
    return times


def while_running(page: Page, panel: Panel) -> Iterator[Row]:
    """The same while an optimization runs."""
    tab(panel, "Optimize").click()
    panel.run()
    panel.wait_steps(20, 120)
    tab(panel, "Saliency").click()
    page.wait_for_timeout(1000)
    times = [clicked(bar(panel, place)) for place in (0, 1, 2, 3, 4)]
    yield "Saliency while an optimization runs, worst of 5", words(times), ""
    before: dict[str, Any] = panel.data()
    panel.wait(lambda: panel.data()["count"] > before["count"] + 20, "the run to go on", 60)
    yield "  the run goes on", "True", "True"


def main() -> int:
    print(f"{'figure':<58} {'reached':>24}   wanted")
    print_rows(at_once())
    print_rows(photo())
    return 0


if __name__ == "__main__":
    sys.exit(main())
