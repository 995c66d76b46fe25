"""The Catalogue tab in a real browser: a network as pictures, found, filled, gone on with, by mouse and keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

import nbfeatviz as nv
from tests.browser.harness import Browser, JupyterServer
from tests.browser.panel import only_foreign
from tests.browser.photo import PhotoPanel

_LONG_TASKS = """() => { window.longTasks = [];
  new PerformanceObserver((list) => window.longTasks.push(...list.getEntries().map((one) => one.duration)))
    .observe({ type: "longtask" }); }"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of the digits' network but a part of one layer."""
    folder = tmp_path_factory.mktemp("catalogue") / "digits.nbfv"
    net = nv.load("mnist-cnn")
    nv.catalogue.build(net, folder, layers=["conv1", "conv3", "logits"], steps=4, progress=False).close()
    nv.catalogue.build(net, folder, layers=["conv1", "conv2", "conv3", "logits"], units="0-7", steps=4,
                       progress=False).close()  # fmt: skip
    return folder


class CataloguePanel(PhotoPanel):
    """A panel whose user looks at the catalogue."""

    @property
    def tabpanel(self) -> Locator:
        return self.root.get_by_role("tabpanel", name="Catalogue")

    def cell(self, layer: str, unit: int) -> Locator:
        return self.tabpanel.locator(f'.nbfeatviz-strips [data-layer="{layer}"][data-unit="{unit}"]')

    @property
    def large(self) -> Locator:
        return self.root.get_by_role("region", name="the chosen unit")

    @property
    def stored(self) -> Locator:
        return self.root.locator(".nbfeatviz-stored").first


@pytest.fixture
def panel(page: Page, lab: JupyterServer, folder: Path) -> Iterator[CataloguePanel]:
    code = f"import nbfeatviz as nv\nnv.FeatureExplorer('mnist-cnn', catalogue={str(folder)!r}, layer='conv2', unit=3)"
    _, panel = CataloguePanel.opened(page, lab, "catalogue.ipynb", code)
    return panel


def test_from_the_map_to_a_unit_and_on(panel: CataloguePanel, browser: Browser):
    expect(panel.stored).to_be_visible()
    assert panel.subject.startswith("stored · conv2 · unit 3")
    panel.open("Catalogue")
    expect(panel.cell("conv1", 0).locator("img")).to_have_js_property("complete", True)
    panel.wait(lambda: panel.cell("conv1", 0).locator("img").evaluate("(one) => one.naturalWidth") == 28, "a picture")
    panel.cell("conv2", 3).click()
    expect(panel.large.get_by_text("conv2 · unit 3")).to_be_visible()
    expect(panel.large.get_by_role("img", name="unit 3 of layer conv2")).to_be_visible()
    assert panel.large.locator(".nbfeatviz-patch").count() == 7
    panel.large.locator(".nbfeatviz-patch").nth(1).hover()
    expect(panel.large.locator(".nbfeatviz-wholephoto")).to_be_visible()
    assert "views of photographs" in panel.large.inner_text()

    search = panel.tabpanel.get_by_label("search units")
    search.fill("logits 7")
    expect(panel.tabpanel.get_by_text("found for")).to_be_visible()
    panel.tabpanel.locator(".nbfeatviz-found [data-unit='7']").click()
    expect(panel.large.get_by_text("logits · unit 7")).to_be_visible()
    panel.tabpanel.get_by_label("sort", exact=True).select_option("score")
    first = panel.tabpanel.locator(".nbfeatviz-layerstrip").first.locator(".nbfeatviz-unitcell").first
    panel.wait(lambda: first.get_attribute("data-unit") != "0", "another order")

    panel.large.get_by_role("button", name="Run from here").click()
    panel.wait(lambda: panel.data()["count"] > 3, "a run that goes on")
    expect(panel.stored).to_be_hidden()
    panel.button("Stop").click()
    panel.wait_rest()
    assert "logits · unit 7" in panel.subject
    assert only_foreign(browser.errors(panel.page)) == []


def test_by_keyboard(panel: CataloguePanel):
    panel.open("Catalogue")
    cell = panel.cell("conv1", 0)
    cell.focus()
    panel.page.keyboard.press("ArrowRight")
    expect(panel.cell("conv1", 1)).to_be_focused()
    panel.page.keyboard.press("ArrowDown")
    expect(panel.cell("conv2", 1)).to_be_focused()
    panel.page.keyboard.press("End")
    panel.page.keyboard.press("Enter")
    last = panel.tabpanel.locator("[data-layer=conv2]:focus").get_attribute("data-unit")
    expect(panel.large.get_by_text(f"conv2 · unit {last}")).to_be_visible()


def test_a_layer_is_filled(panel: CataloguePanel):
    panel.open("Catalogue")
    strip = panel.tabpanel.locator(".nbfeatviz-layerstrip").nth(1)
    expect(strip).to_contain_text("of 32 units")
    strip.get_by_role("button", name="fill").click()
    expect(strip).to_contain_text("32 units", timeout=60_000)
    panel.wait(lambda: "filled" in panel.tabpanel.inner_text(), "the layer to be filled")
    expect(strip.get_by_role("button", name="fill")).to_be_hidden()


def test_scrolling_does_not_stutter(panel: CataloguePanel):
    panel.open("Catalogue")
    panel.wait(lambda: panel.cell("conv3", 0).count(), "the third layer")
    panel.page.evaluate(_LONG_TASKS)
    strip = panel.tabpanel.locator(".nbfeatviz-strip").nth(2)
    for left in range(0, 4000, 200):
        strip.evaluate("(one, left) => (one.scrollLeft = left)", left)
        panel.page.wait_for_timeout(30)
    cells = panel.tabpanel.locator(".nbfeatviz-unitcell").count()
    assert cells < 120, "only what is in sight is on the page"
    assert len(panel.page.evaluate("longTasks.filter((one) => one > 200)")) == 0


def test_pictures_in_the_tree_and_under_the_pointer(panel: CataloguePanel):
    panel.tree.locator("[data-strip='conv1']").click()
    strip = panel.tree.locator(".nbfeatviz-treestrip")
    expect(strip.get_by_role("button")).to_have_count(8)
    strip.get_by_role("button", name="unit 2 of conv1").click()
    panel.wait(lambda: "conv1 · unit 2" in panel.subject, "that unit's stored picture")
    panel.open("Activations")
    panel.field("sample").select_option(index=1)
    grid = panel.root.get_by_role("listbox", name="channels of conv1")
    grid.hover(position={"x": 20, "y": 20})
    expect(panel.root.locator(".nbfeatviz-peek")).to_be_visible()


def test_photographs_are_looked_for_under_the_picture(page: Page, lab: JupyterServer):
    code = "import nbfeatviz as nv\nnv.FeatureExplorer('mnist-cnn', layer='conv2', unit=3)"
    _, panel = CataloguePanel.opened(page, lab, "photographs.ipynb", code)
    panel.button("Find photographs").click()
    patches = panel.root.locator(".nbfeatviz-exemplarpart .nbfeatviz-patch")
    expect(patches).to_have_count(7, timeout=30_000)
    patches.first.click()
    panel.wait(
        lambda: panel.root.get_by_role("tab", name="Saliency").get_attribute("aria-selected") == "true", "Saliency"
    )


def test_the_inside_of_a_network_before_tensorflow_is_there(page: Page, lab: JupyterServer):
    from tests.browser.harness import NotebookPage, write_notebook

    write_notebook(lab.folder / "first.ipynb", "import nbfeatviz as nv\nnv.FeatureExplorer()")
    notebook = NotebookPage(page, lab).open("first.ipynb")
    notebook.run_all()
    panel = CataloguePanel(page)
    expect(panel.stored).to_be_visible(timeout=20_000)
    assert "loading" in panel.status.lower() or "tensorflow" in panel.status.lower()
    panel.open("Catalogue")
    expect(panel.tabpanel).to_contain_text("27 layers")
    panel.open("Optimize")
    panel.wait_ready()
    panel.open("Catalogue")
    panel.cell("block1a_project_bn", 0).click()
    expect(panel.large.get_by_text("block1a_project_bn · unit 0")).to_be_visible()
