"""The photo tabs as a person handles them in a page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator

from tests.browser.panel import _PIXELS, Panel


class PhotoPanel(Panel):
    """A panel whose user looks at a photo."""

    def tab(self, name: str) -> Locator:
        return self.root.get_by_role("tab", name=name, exact=True)

    def open(self, name: str) -> None:
        self.tab(name).click()

    @property
    def map(self) -> Locator:
        return self.root.locator(".nbfeatviz-map")

    @property
    def title(self) -> str:
        return self.root.locator(".nbfeatviz-heading").inner_text()

    @property
    def readout(self) -> str:
        return self.root.locator(".nbfeatviz-mapview .nbfeatviz-readout").inner_text()

    @property
    def predictions(self) -> list[str]:
        return self.root.get_by_role("group", name="predictions").get_by_role("button").all_inner_texts()

    def upload(self, path: Path) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.button("Upload").click()
        chooser.value.set_files(path)

    def heat(self) -> dict[str, Any]:
        """Size, mean and hash of the heat map's pixels."""
        pixels: dict[str, Any] = self.root.locator(".nbfeatviz-map .nbfeatviz-heat").evaluate(_PIXELS)
        return pixels

    def wait_map(self, act: Callable[[], Any], *words: str, seconds: float = 60) -> dict[str, Any]:
        """Waits until another finished result stands on the page than before, with these words in its title."""
        before = self.shown
        act()
        self.wait(lambda: self.shown != before, "another result", seconds)
        self.wait(lambda: all(word in self.title for word in words), f"the title {words}, not {self.title!r}", seconds)
        self.wait(lambda: not self.busy, "the result to be complete", seconds)
        return self.heat()

    @property
    def shown(self) -> tuple[str | None, str | None]:
        return self.map.get_attribute("data-tab"), self.map.get_attribute("data-id")

    @property
    def busy(self) -> bool:
        return self.root.get_by_role("progressbar", name="progress", exact=True).is_visible()

    def wait_photo(self, seconds: float = 60) -> None:
        self.wait(lambda: len(self.predictions) == 5, "five predictions", seconds)
