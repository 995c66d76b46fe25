"""The objective builder and the facts of a run in a real browser, as a person handles them."""

from __future__ import annotations

import pytest

from tests.browser.harness import Browser, JupyterServer
from tests.browser.panel import LONG, OUTPUT, only_foreign
from tests.browser.photo import PhotoPanel


def formula(panel: PhotoPanel) -> str:
    return panel.root.locator(".nbfeatviz-formula").inner_text()


def test_terms_are_added_weighed_in_mid_run_and_removed_by_keyboard(lab: JupyterServer, browser: Browser, page) -> None:
    notebook, panel = PhotoPanel.opened(page, lab, "terms.ipynb", LONG)
    panel.choose("block3b_add")
    panel.button("Add term").focus()
    page.keyboard.press("Enter")
    panel.field("term 2 kind").wait_for()
    assert page.evaluate("document.activeElement.ariaLabel") == "term 2 kind"
    unit = panel.field("term 2 unit")
    unit.fill("99")
    unit.press("Enter")
    panel.wait(lambda: "unit 99 is out of range" in panel.error, "the sentence about unit 99")
    panel.wait(lambda: unit.input_value() != "99", "the old unit")
    unit.fill("7")
    unit.press("Enter")
    panel.wait(lambda: not panel.error, "the complaint to go")
    panel.wait(lambda: "0.5 · channel 7" in formula(panel), "the sum in words")
    panel.run()
    panel.wait_steps(3)
    weight = panel.root.get_by_role("slider", name="term 2 weight", exact=True)
    weight.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    panel.wait(lambda: panel.field("term 2 weight number").input_value() == "0.3", "the number to follow")
    made = "run = explorer.panel.optimize.runner.settings; print(run and run.objective.weights)"
    panel.wait(lambda: "(1.0, 0.3)" in notebook.run_code(made), "the run to go on with the weight")
    count = panel.data()["count"]
    panel.button("Hold others down").click()
    panel.wait(lambda: "(1.0, 0.3, -1.0)" in notebook.run_code(made), "the run to hold the others down")
    assert panel.button("Add term").is_disabled(), "three terms are enough"
    panel.wait(lambda: panel.data()["count"] > count + 3, "the run to go on")
    panel.field("term 1 weight number").fill("2")
    panel.field("term 1 weight number").press("Enter")
    panel.wait(lambda: "(2.0, 0.3, -1.0)" in notebook.run_code(made), "the first weight")
    OUTPUT.mkdir(exist_ok=True)
    panel.root.screenshot(path=OUTPUT / "terms.png")
    assert panel.unclipped() == []
    panel.button("Remove term 2").click()
    panel.wait(lambda: "(2.0, -1.0)" in notebook.run_code(made), "the run without the term")
    assert panel.field("term 2 kind").input_value() == "others"
    panel.field("term 2 kind").select_option("class")
    panel.field("term 2 class").fill("goldfish")
    panel.field("term 2 class").press("Enter")
    panel.wait(lambda: "goldfish" in formula(panel), "the class by name")
    panel.wait(lambda: "(2.0, -1.0)" in notebook.run_code(made), "the run towards the class")
    panel.button("Stop").click()
    panel.wait_rest()
    assert not panel.error
    notebook.save()
    notebook.reload()
    panel.root.scroll_into_view_if_needed()
    panel.wait(lambda: "goldfish" in formula(panel), "the terms after a reload")
    assert only_foreign(browser.errors(page)) == []


def test_facts_and_the_chart_of_the_other_units_emerge(lab: JupyterServer, browser: Browser, page) -> None:
    notebook, panel = PhotoPanel.opened(page, lab, "facts.ipynb", LONG)
    panel.choose("block3b_add")
    panel.open_details()
    facts = panel.canvas(".nbfeatviz-figures details")
    assert "percentile" not in facts.inner_text()
    panel.run()
    chart = panel.root.get_by_role("figure", name="other units", exact=True)
    chart.wait_for(timeout=60_000)
    panel.wait(lambda: "of 39 others rose more" in chart.inner_text(), "the other units in words")
    assert "percentile" in facts.inner_text() and "selectivity" in facts.inner_text()
    coloured = chart.locator("canvas").evaluate(
        "(canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((v) => v > 0)"
    )
    assert coloured
    panel.unit.fill("7")
    panel.wait(lambda: chart.inner_text().startswith("unit 7:"), "the chart to follow the unit")
    panel.wait_steps(30)
    panel.button("Stop").click()
    panel.wait_rest()
    panel.wait(lambda: "so far" not in chart.inner_text(), "the comparison with all photographs")
    OUTPUT.mkdir(exist_ok=True)
    panel.root.screenshot(path=OUTPUT / "facts.png")
    assert panel.unclipped() == []
    notebook.save()
    notebook.reload()
    panel.root.scroll_into_view_if_needed()
    panel.open_details()
    panel.wait(lambda: chart.inner_text().startswith("unit 7:"), "the chart after a reload")
    panel.button("Reset").click()
    panel.wait(lambda: not chart.is_visible(), "no chart without a picture")
    assert only_foreign(browser.errors(page)) == []


@pytest.mark.parametrize(("theme", "width"), [("dark", 1400), ("light", 480), ("dark", 700)])
def test_nothing_is_clipped_with_terms_and_facts(lab: JupyterServer, browser: Browser, theme: str, width: int) -> None:
    """The pictures in tests/output are for people to look at."""
    page = browser.new_page(width, 1600)
    notebook, panel = PhotoPanel.opened(page, lab, f"facts-{theme}-{width}.ipynb", LONG)
    notebook.set_theme("JupyterLab Dark" if theme == "dark" else "JupyterLab Light")
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    panel.button("Hold others down").click()
    panel.button("Add term").click()
    panel.field("term 3 kind").select_option("class")
    panel.open_details()
    panel.run()
    panel.root.get_by_role("figure", name="other units", exact=True).wait_for(timeout=60_000)
    OUTPUT.mkdir(exist_ok=True)
    panel.root.screenshot(path=OUTPUT / f"facts-{theme}-{width}.png")
    assert panel.unclipped() == []
    if width == 480:
        panel.field("seed").fill("-3")
        panel.field("seed").press("Enter")
        panel.wait(lambda: "seed -3" in panel.error, "the sentence")
        error, facts = (panel.canvas(part).bounding_box() for part in (".nbfeatviz-error", ".nbfeatviz-figures"))
        assert error["y"] < facts["y"], "the sentence stands by the controls, not below all facts"
    page.close()
