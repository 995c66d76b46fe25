"""The panel as a person handles it in a page."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from playwright.sync_api import Locator, Page

from tests.browser.harness import JupyterServer, NotebookPage, write_notebook

OUTPUT = Path(__file__).parents[1] / "output"
PLAIN = "import nbfeatviz as nv\nexplorer = nv.FeatureExplorer()\nexplorer"
MNIST = "import nbfeatviz as nv\nexplorer = nv.FeatureExplorer('mnist-cnn')\nexplorer"
# Where something is done while a run goes on, it must not be over by then, however quick the machine: Stop ends these.
LONG = "import nbfeatviz as nv\nexplorer = nv.FeatureExplorer(steps=100_000)\nexplorer"
MNIST_LONG = "import nbfeatviz as nv\nexplorer = nv.FeatureExplorer('mnist-cnn', steps=100_000)\nexplorer"
LOOKS = (("light", 1400), ("light", 700), ("dark", 480), ("dark", 1400))
"""Themes and widths of the page in which a panel is looked at."""

_PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))"
_PIXELS = """(element) => {
  const canvas = element.matches("canvas") ? element : element.querySelector("canvas");
  const {width, height} = canvas, data = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  let sum = 0, hash = 0;
  for (let k = 0; k < data.length; k++) { sum += data[k]; hash = (hash * 31 + data[k]) | 0; }
  return {width, height, mean: sum / data.length, hash};
}"""


def only_foreign(errors: list[str]) -> list[str]:
    """Errors of our own: Notebook 7 always has one about a schema, and reloading breaks requests off."""
    return [text for text in errors if "nbfeatviz" in text or "anywidget" in text or "canvas" in text.lower()]


class Panel:
    """One panel on a page; everything is found as a screen reader finds it where that is possible."""

    def __init__(self, page: Page, number: int = 0) -> None:
        self.page = page
        self.root = page.locator(".nbfeatviz-panel").nth(number)
        self._run_before: int | None = None

    @classmethod
    def opened(cls, page: Page, server: JupyterServer, name: str, *cells: str) -> tuple[NotebookPage, Self]:
        """A notebook of these cells (by default a panel alone) that has been run, and its panel once it is ready.

        Its kernel is its own, and has TensorFlow imported; tests about that import write their notebook themselves.
        """
        write_notebook(server.folder / name, *cells or (PLAIN,), kernel="warm")
        notebook = NotebookPage(page, server).open(name)
        notebook.run_all()
        panel = cls(page)
        panel.root.scroll_into_view_if_needed()
        panel.wait_ready()
        return notebook, panel

    def button(self, name: str) -> Locator:
        return self.root.get_by_role("button", name=name, exact=True)

    def field(self, name: str) -> Locator:
        return self.root.get_by_label(name, exact=True).filter(visible=True)

    def canvas(self, part: str) -> Locator:
        """A part of the live canvas: of the Optimize tab, which comes first."""
        return self.root.locator(part).first

    @property
    def unit(self) -> Locator:
        return self.root.get_by_role("slider", name="unit", exact=True)

    @property
    def replay(self) -> Locator:
        return self.root.get_by_role("slider", name="replay", exact=True)

    @property
    def tree(self) -> Locator:
        return self.root.get_by_role("tree")

    @property
    def status(self) -> str:
        return self.canvas(".nbfeatviz-status").inner_text()

    @property
    def subject(self) -> str:
        """The caption of the picture."""
        return self.canvas(".nbfeatviz-subject").inner_text()

    @property
    def error(self) -> str:
        return self.root.get_by_role("alert", include_hidden=True).first.inner_text()

    def open_details(self) -> None:
        """Opens what lies under the simple face of the readings."""
        self.canvas(".nbfeatviz-figures summary").click()

    def layer(self, path: str) -> Locator:
        return self.tree.locator(f'[data-path="{path}"]')

    def choose(self, path: str) -> None:
        """Opens the groups above a layer and clicks it."""
        for group in (f"{path.split('_')[0]}_…",):
            row = self.layer(group)
            if row.count() and row.get_attribute("aria-expanded") == "false":
                row.click()
        self.layer(path).click()

    def data(self) -> dict[str, int]:
        """What the overlay says: number of the `run`, `step` on the canvas, `count` of the numbers received."""
        data: dict[str, str] = self.canvas(".nbfeatviz-overlay").evaluate("(element) => ({...element.dataset})")
        return {name: int(data[name]) for name in ("run", "step", "count")}

    def pixels(self) -> dict[str, Any]:
        """Size, mean and hash of the canvas's pixels."""
        pixels: dict[str, Any] = self.canvas(".nbfeatviz-picture").evaluate(_PIXELS)
        return pixels

    def run(self, clicks: int = 1) -> None:
        self._run_before = self.data()["run"]
        self.button("Run").click(click_count=clicks)

    def wait(self, condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """Waits until a condition holds, and says what was waited for if it never does."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = condition()
            if value:
                return value
            self.page.wait_for_timeout(30)
        raise AssertionError(f"waited {seconds} s for {what}; status: {self.status!r}, error: {self.error!r}")

    def wait_ready(self, seconds: float = 90) -> Panel:
        """Waits until a network is loaded and nothing runs."""
        self.button("Run").wait_for(timeout=seconds * 1000)
        self.wait(lambda: self.button("Run").is_enabled(), "Run to be possible", seconds)
        return self

    def unclipped(self) -> list[str]:
        """What is cut off, or lies outside of the panel."""
        clipped: list[str] = self.root.evaluate(
            "(root) => [...root.querySelectorAll("
            "'button, label, summary, dt, legend, figcaption, [role=status], [role=tab]')]"
            ".filter((one) => one.offsetParent && one.scrollWidth > one.clientWidth + 1).map((one) => one.textContent)"
        )
        outside: list[str] = self.root.evaluate(
            "(root) => { const area = root.getBoundingClientRect();"
            " return [...root.querySelectorAll('button, select, input:not([hidden])')]"
            ".filter((one) => one.offsetParent && (one.getBoundingClientRect().right > area.right"
            " || one.getBoundingClientRect().left < area.left)).map((one) => one.outerHTML) }"
        )
        return clipped + outside

    def look(self, notebook: NotebookPage, name: str, height: int = 1500) -> None:
        """Takes pictures in both themes, wide and narrow, for people to look at; nothing may be clipped in any."""
        OUTPUT.mkdir(exist_ok=True)
        for theme, width in LOOKS:
            tall = height if width > 520 else 2 * height  # in a narrow column all lies below one another
            self.page.set_viewport_size({"width": width, "height": tall})
            notebook.set_theme(f"JupyterLab {theme.title()}")
            self.page.evaluate(_PAINTED)
            self.root.screenshot(path=OUTPUT / f"{name}-{theme}-{width}.png")
            assert self.unclipped() == [], (name, theme, width)
        self.page.set_viewport_size({"width": LOOKS[0][1], "height": height})
        notebook.set_theme(f"JupyterLab {LOOKS[0][0].title()}")
        self.page.evaluate(_PAINTED)

    def wait_steps(self, count: int, seconds: float = 90) -> None:
        """Waits for steps of the run that was begun last, not of the one before it."""

        def there() -> bool:
            data = self.data()
            return data["run"] != self._run_before and data["count"] >= count

        self.wait(there, f"{count} steps", seconds)

    def wait_rest(self, seconds: float = 60) -> None:
        """Waits until the run has ended and its last picture is shown."""
        self.wait(lambda: self.button("Run").is_enabled(), "the run to end", seconds)
        self.wait(lambda: self.data()["step"] == self.data()["count"], "the last picture", seconds)
