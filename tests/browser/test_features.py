"""The Features tab and the values of the recipe in a real browser, as a person handles them."""

from __future__ import annotations

import io
import re

from PIL import Image
from playwright.sync_api import Locator

from tests.browser.harness import Browser, JupyterServer
from tests.browser.panel import _PIXELS, LONG, MNIST, MNIST_LONG, only_foreign
from tests.browser.photo import PhotoPanel


class SheetPanel(PhotoPanel):
    """A panel whose user looks at sheets."""

    @property
    def sheet(self) -> Locator:
        return self.root.get_by_role("group", name="sheet; arrow keys")

    @property
    def tabpanel(self) -> Locator:
        return self.root.get_by_role("tabpanel", name="Features")

    def inside(self, label: str) -> Locator:
        return self.tabpanel.get_by_label(label, exact=True)

    def cell(self, place: int) -> Locator:
        return self.sheet.get_by_role("button").nth(place)

    @property
    def step(self) -> str:
        return self.sheet.get_attribute("data-step") or ""

    def cell_hashes(self) -> list[int]:
        return [cell.evaluate(_PIXELS)["hash"] for cell in self.sheet.get_by_role("button").all()]

    def press(self, name: str) -> None:
        self.tabpanel.get_by_role("button", name=name, exact=True).click()

    def wait_sheet(self, step: int = 1, seconds: float = 90) -> None:
        def there() -> bool:
            now = self.step  # it may become "last" meanwhile
            return now == "last" or int(now or -1) >= step

        self.wait(there, f"step {step} of the sheet", seconds)

    def wait_sheet_rest(self, seconds: float = 60) -> None:
        run = self.tabpanel.get_by_role("button", name="Run", exact=True)
        self.wait(lambda: run.is_enabled() and self.step == "last", "the sheet to end", seconds)


def test_from_a_sheet_of_units_to_one_of_them_large(lab: JupyterServer, browser: Browser, page) -> None:
    notebook, panel = SheetPanel.opened(page, lab, "sheet.ipynb", LONG)
    panel.choose("block3b_add")
    panel.open("Features")
    panel.wait(lambda: "/40" in panel.tabpanel.inner_text(), "the layer's 40 units")
    panel.inside("count").select_option("6")
    panel.press("Run")
    panel.wait_sheet(1)
    first = panel.cell_hashes()
    panel.wait_sheet(int(panel.step) + 3)
    hashes = panel.cell_hashes()
    assert len(set(hashes)) == 6
    assert all(one != other for one, other in zip(first, hashes, strict=True)), "every picture emerges"
    panel.wait(lambda: "steps/s" in panel.status and "sheet" in panel.status, "the status line to count the sheet")
    assert "loss" in (panel.cell(2).get_attribute("aria-label") or "")

    panel.inside("contrast").select_option("plain")
    panel.press("Stop")
    panel.wait_sheet_rest()
    plain = panel.cell_hashes()
    panel.inside("contrast").select_option("each")
    panel.wait(lambda: panel.cell_hashes() != plain, "the pictures stretched")

    with page.expect_download() as download:
        panel.press("Save")
    assert Image.open(io.BytesIO(download.value.path().read_bytes())).size == (3 * 224 + 4, 2 * 224 + 2)

    notebook.save()
    notebook.reload()
    panel.root.scroll_into_view_if_needed()
    panel.wait(lambda: panel.step == "last", "the sheet after a reload")
    assert len(set(panel.cell_hashes())) == 6

    # by keyboard: to the unit in the second row and column, and on with it
    panel.cell(0).focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    title = page.evaluate("document.activeElement.getAttribute('aria-label')")
    unit = re.match(r"unit (\d+)", title)[1]
    assert int(unit) > 1
    page.keyboard.press("Enter")
    panel.wait(lambda: panel.tab("Optimize").get_attribute("aria-selected") == "true", "the tab Optimize")
    panel.wait(lambda: panel.field("unit number").first.input_value() == unit, f"unit {unit}")
    panel.wait_steps(3)
    assert panel.layer("block3b_add").get_attribute("aria-selected") == "true"
    assert (
        notebook.run_code("print(explorer.panel.optimize.runner.settings.start.steps > 3, explorer.unit)").strip()
        == f"True {unit}"
    )

    # a sheet in the place of the run
    panel.open("Features")
    panel.press("Run")
    panel.wait(lambda: "sheet" in panel.status, "the sheet to begin")
    panel.wait_sheet(1)
    panel.open("Optimize")
    panel.run()
    panel.wait(lambda: "steps/s" in panel.status and "sheet" not in panel.status, "the run in the place of the sheet")
    panel.button("Stop").click()
    panel.wait_rest()
    assert not panel.error
    assert only_foreign(browser.errors(page)) == []


def test_a_sheet_says_what_it_is_of_and_its_objective_can_be_chosen(lab: JupyterServer, page) -> None:
    _, panel = SheetPanel.opened(page, lab, "objective.ipynb", MNIST.replace("')", "', layer='conv2', steps=6)"))
    panel.field("objective").select_option("neuron")  # in the Optimize tab
    panel.open("Features")
    assert panel.inside("objective of the sheet").input_value() == "neuron", "it is not hidden"
    panel.wait(lambda: "conv2, one neuron in the middle" in panel.tabpanel.inner_text(), "the heading")
    panel.inside("row of the sheet").fill("4")
    panel.inside("row of the sheet").press("Enter")
    panel.inside("col of the sheet").fill("9")
    panel.inside("col of the sheet").press("Enter")
    panel.wait(lambda: "one neuron at row 4, column 9" in panel.tabpanel.inner_text(), "the neuron's place")
    panel.inside("objective of the sheet").select_option("channel")
    panel.wait(lambda: "neuron" not in panel.tabpanel.locator("strong").first.inner_text(), "the heading of channels")
    assert not panel.inside("row of the sheet").is_visible()
    panel.press("Run")
    panel.wait_sheet()
    panel.wait_sheet_rest()
    figures = panel.sheet.locator(".nbfeatviz-figure").all_inner_texts()
    assert len(figures) == 9 and all(text.startswith("loss ") for text in figures), figures
    panel.open("Optimize")
    assert panel.field("objective").input_value() == "channel", "both tabs have one objective"


def test_seeds_recipes_and_a_list_of_units(lab: JupyterServer, browser: Browser, page) -> None:
    notebook, panel = SheetPanel.opened(page, lab, "again.ipynb", MNIST)
    panel.open("Features")
    panel.inside("steps of the sheet").fill("20")
    panel.inside("steps of the sheet").press("Enter")
    units = panel.inside("or these")
    units.fill("1, 99")
    units.press("Enter")
    panel.wait(lambda: "unit 99 is not there" in panel.error, "the sentence about unit 99")
    units.fill("1, 4-6")
    units.press("Enter")
    panel.wait(lambda: not panel.error, "the complaint to go")
    panel.press("Run")
    panel.wait_sheet_rest()
    titles = [cell.get_attribute("aria-label").split(",")[0] for cell in panel.sheet.get_by_role("button").all()]
    assert titles == ["unit 1", "unit 4", "unit 5", "unit 6"]

    panel.inside("sheet of").select_option("seeds")
    panel.press("Run")
    panel.wait(lambda: panel.sheet.get_by_role("button").count() == 9, "nine seeds")
    panel.wait_sheet_rest()
    panel.inside("sheet of").select_option("recipes")
    for name in ("lucid", "yosinski-1"):
        panel.tabpanel.get_by_role("checkbox", name=name, exact=True).uncheck()
    panel.press("Run")
    panel.wait(lambda: panel.sheet.get_by_role("button").count() == 2, "two recipes")
    panel.wait_sheet_rest(120)
    assert len(set(panel.cell_hashes())) == 2
    assert panel.cell(1).inner_text().startswith("tutorial13")

    panel.inside("sheet of").select_option("steps")
    panel.inside("recipe of the sheet").select_option("lucid")
    counts = panel.inside("step counts")
    counts.fill("3, 0")
    counts.press("Enter")
    panel.wait(lambda: "no number of steps" in panel.error, "the sentence about 0 steps")
    counts.fill("2, 12")
    counts.press("Enter")
    panel.wait(lambda: not panel.error, "the complaint to go")
    panel.press("Run")
    panel.wait(lambda: panel.sheet.get_by_role("button").all_inner_texts()[0].startswith("2 steps"), "two counts")
    panel.wait_sheet_rest(120)
    assert len(set(panel.cell_hashes())) == 2
    panel.inside("show size").fill("10")
    panel.inside("show size").press("Enter")
    panel.wait(lambda: panel.cell(0).evaluate(_PIXELS)["width"] == 10, "the corner of each")
    panel.inside("show size").fill("")
    panel.inside("show size").press("Enter")
    panel.wait(lambda: panel.cell(0).evaluate(_PIXELS)["width"] == 28, "the whole of each")

    panel.inside("sheet of").select_option("objectives")
    assert panel.tabpanel.get_by_role("checkbox", name="others held down", exact=True).is_checked()
    panel.press("Run")
    panel.wait(lambda: "others held down" in panel.cell(1).inner_text(), "two objectives")
    panel.wait_sheet_rest(120)
    assert len(set(panel.cell_hashes())) == 2
    panel.cell(1).click()
    panel.wait(lambda: panel.tab("Optimize").get_attribute("aria-selected") == "true", "the tab Optimize")
    panel.wait(lambda: panel.field("term 2 kind").input_value() == "others", "the objective of that picture")
    assert only_foreign(browser.errors(page)) == []


def test_every_value_of_the_recipe_can_be_changed(lab: JupyterServer, browser: Browser, page) -> None:
    notebook, panel = SheetPanel.opened(page, lab, "values.ipynb", MNIST_LONG)
    panel.field("recipe").select_option("lucid")
    panel.root.get_by_text("advanced", exact=True).filter(visible=True).click()
    reach = panel.field("transform 2: jitter, reach")
    reach.wait_for()
    assert reach.input_value() == "0.035714"
    reach.fill("0.25")
    reach.press("Enter")
    panel.wait(lambda: panel.root.get_by_text("lucid, changed").count(), "the recipe to be changed")
    panel.run()
    panel.wait_steps(10)
    reach.fill("7")
    reach.press("Enter")
    panel.wait(lambda: "out of range: give a number from 0 to 2" in panel.error, "the sentence")
    panel.wait(lambda: reach.input_value() == "0.25", "the old value")
    panel.field("step rule: adam, beta1").fill("0.5")
    panel.field("step rule: adam, beta1").press("Tab")
    made = "run = explorer.panel.optimize.runner.settings; print(run and run.recipe.step_rule.beta1 == 0.5)"
    panel.wait(lambda: "True" in notebook.run_code(made), "the run to go on with it")
    panel.button("Stop").click()
    panel.wait_rest()
    panel.button("Copy as Python").click()
    code = panel.field("Python code")
    panel.wait(lambda: "nv.recipes.get('lucid').replace(" in code.input_value(), "the code")
    panel.button("Back to published").click()
    panel.wait(lambda: reach.input_value() == "0.035714", "the published value")
    assert not panel.button("Back to published").is_visible()
    assert only_foreign(browser.errors(page)) == []


def test_nothing_is_clipped_in_either_theme_wide_or_narrow(lab: JupyterServer, browser: Browser) -> None:
    page = browser.new_page(1400, 1400)
    notebook, panel = SheetPanel.opened(page, lab, "sheets.ipynb", LONG)
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    panel.root.get_by_text("advanced", exact=True).filter(visible=True).click()
    panel.field("transform 2: part, over").fill("0.05")
    panel.field("transform 2: part, over").press("Enter")
    panel.wait(lambda: panel.root.get_by_text("default, changed").count(), "the recipe to be changed")
    panel.look(notebook, "values")
    panel.open("Features")
    panel.look(notebook, "sheet-empty")
    panel.press("Run")
    panel.wait_sheet(12, 120)
    panel.look(notebook, "sheet-running")
    panel.press("Stop")
    panel.wait_sheet_rest()
    panel.inside("sheet of").select_option("recipes")
    panel.wait(
        lambda: panel.tabpanel.get_by_role("checkbox").filter(visible=True).count(), "the recipes to choose from"
    )
    panel.look(notebook, "sheet-recipes")
    page.close()
