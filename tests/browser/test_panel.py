"""The panel in a real browser: what its user does, in JupyterLab and in Notebook 7."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.browser.harness import Browser, JupyterServer, NotebookPage, write_notebook
from tests.browser.panel import LONG, OUTPUT, PLAIN, Panel, only_foreign

_RENEW = "NBFEATVIZ_README_PICTURE"  # in the environment: the picture of the README is made anew
STARTER = Path(__file__).parents[2] / "notebooks" / "explore.ipynb"
TINY = """import keras, nbfeatviz as nv
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(8, 3, name="conv"),
    keras.layers.GlobalAveragePooling2D(name="<img src=x>"), keras.layers.Dense(4, name="dense")], name="tiny")
net = nv.load(model, input_range=(0, 1), class_names=["<script>alert(1)</script>", "b", "c", "d"])
explorer = nv.FeatureExplorer(net, layer="conv", steps=100000)
explorer"""

HOLD = """import sys, threading
opened = threading.Event()
class Gate:
    def find_spec(self, name, path=None, target=None):
        if name == "tensorflow.python":
            opened.wait(60)
sys.meta_path.insert(0, Gate())"""


@pytest.fixture
def page(browser: Browser) -> Iterator:
    page = browser.new_page(1400, 1000)
    yield page
    page.close()


@pytest.mark.parametrize("kind", ["lab", "notebook7"])
def test_a_newcomer_goes_through_the_starter_notebook(kind: str, browser: Browser, page, request) -> None:
    """Open, run all, choose by the tree, drag the slider, Run, see pixels change, Stop, replay, save, reload."""
    server = request.getfixturevalue(kind)
    shutil.copyfile(STARTER, server.folder / f"explore-{kind}.ipynb")
    notebook = NotebookPage(page, server).open(f"explore-{kind}.ipynb")
    notebook.run_all(seconds=240)
    panel = Panel(page)
    panel.root.scroll_into_view_if_needed()
    panel.wait_ready()

    panel.choose("block3b_add")
    panel.wait(lambda: panel.layer("block3b_add").get_attribute("aria-selected") == "true", "the layer to be chosen")
    panel.wait(lambda: panel.unit.get_attribute("max") == "39", "the slider to know the layer's 40 units")
    panel.field("steps").fill("100000")  # the run must not be over before Stop
    panel.field("steps").press("Enter")
    panel.unit.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    assert panel.field("unit number").input_value() == "5"

    panel.run()
    panel.wait_steps(3)
    step, hashes = panel.data()["step"], {panel.pixels()["hash"]}
    for _ in range(5):
        hashes.add(panel.wait(lambda: {panel.pixels()["hash"]} - hashes, "pixels of another step").pop())
    panel.wait(lambda: panel.data()["step"] > step, "the number of another step")
    assert panel.pixels()["width"] == 224
    panel.wait(lambda: "steps/s" in panel.status, "the status line to count steps")

    panel.button("Stop").click()
    panel.wait_rest()
    count, final = panel.data()["count"], panel.pixels()["hash"]
    assert "stopped" in panel.wait(lambda: "stopped" in panel.status and panel.status, "the status line to say so")

    panel.replay.focus()
    page.keyboard.press("Home")
    panel.wait(lambda: panel.data()["step"] == 0, "the first step to be shown again")
    assert panel.pixels()["hash"] != final
    page.keyboard.press("End")
    panel.wait(lambda: panel.data()["step"] == count, "the last picture again")
    assert panel.pixels()["hash"] == final

    with page.expect_download() as download:
        panel.button("Save").click()
    saved = Image.open(download.value.path())
    assert (saved.format, saved.size) == ("PNG", (224, 224))
    assert download.value.suggested_filename == "efficientnet-lite0-block3b_add-5.png"

    notebook.save()
    notebook.reload()
    panel.root.scroll_into_view_if_needed()
    panel.wait_ready()
    panel.wait(lambda: panel.data()["count"] == count, "the numbers of the run after a reload")
    panel.wait(lambda: panel.pixels()["hash"] == final, "the picture after a reload")
    assert panel.field("unit number").input_value() == "5"
    panel.run()
    panel.wait(lambda: panel.data()["count"] < count, "a new run after the reload")
    panel.wait_steps(2)
    panel.button("Stop").click()
    panel.wait_rest()
    assert only_foreign(browser.errors(page)) == []


WEIGHT = "print(explorer.panel.layout.controls.settings['natural'])"


def test_pause_step_resume_and_retarget(lab: JupyterServer, page) -> None:
    _, panel = Panel.opened(page, lab, "steps.ipynb", LONG)
    panel.button("Step").click()
    panel.wait(lambda: "paused" in panel.status, "the panel to hold after one step")
    assert panel.data()["count"] == 1
    panel.button("Step").click()
    panel.wait_steps(2)
    page.wait_for_timeout(500)
    assert panel.data()["count"] == 2, "one click is one step"
    panel.button("Resume").click()
    panel.wait_steps(6)
    panel.button("Pause").click()
    panel.wait(lambda: panel.button("Resume").is_visible(), "Pause to become Resume")
    # the status line changes once a second at most: it may still tell of the step held at before
    panel.wait(lambda: f"paused at step {panel.data()['count']}/" in panel.status, "the panel to hold")
    held = panel.data()["count"]
    page.wait_for_timeout(700)
    assert panel.data()["count"] == held
    panel.button("Resume").click()
    panel.wait_steps(held + 3)
    before = panel.data()["count"]
    panel.unit.fill("7")
    panel.wait(lambda: panel.data()["count"] > before + 3, "the run to go on with the next unit")
    panel.wait(lambda: panel.status.startswith("step "), "a running count")
    assert int(panel.status.split()[1].split("/")[0]) < panel.data()["count"], "the count starts afresh"
    panel.button("Reset").click()
    panel.wait(lambda: panel.data()["step"] == -1, "an empty canvas")
    assert panel.data()["count"] == 0
    assert panel.field("unit number").input_value() == "7", "Reset keeps the settings"


def test_stop_is_heard_while_another_cell_runs(lab: JupyterServer, page) -> None:
    """Also when Python has last published on the controls' comm, and from the cell that made the panel."""
    notebook, panel = Panel.opened(page, lab, "busy.ipynb", LONG)
    panel.run()
    panel.wait_steps(3)
    notebook.run_code("import time\nexplorer.unit = 4\ntime.sleep(400)", wait=False)
    running = page.get_by_text("[*]:")
    panel.wait(lambda: panel.unit.input_value() == "4", "the cell to begin")
    panel.wait_steps(panel.data()["count"] + 3)
    panel.unit.fill("9")
    panel.button("Stop").click()
    panel.wait_rest()
    assert running.is_visible(), "the cell still runs"
    panel.run()
    panel.wait_steps(2)
    panel.button("Stop").click()
    panel.wait_rest()
    assert running.is_visible(), "the cell still runs"
    notebook.interrupt_kernel()


def test_python_and_the_page_change_the_same_settings(lab: JupyterServer, page) -> None:
    notebook, panel = Panel.opened(page, lab, "link.ipynb", PLAIN)
    notebook.run_code("explorer.layer = 'block2b_add'; explorer.unit = 11; explorer.recipe = 'tutorial13'")
    panel.wait(lambda: panel.unit.input_value() == "11", "the slider to follow Python")
    assert panel.layer("block2b_add").get_attribute("aria-selected") == "true"
    assert panel.field("recipe").input_value() == "tutorial13"
    panel.unit.fill("12")
    panel.field("seed").fill("5")
    panel.field("seed").press("Enter")
    panel.wait(lambda: notebook.run_code("print(explorer.unit, explorer.seed)").strip() == "12 5", "Python to follow")
    notebook.run_code(
        "import ipywidgets\nother = ipywidgets.IntSlider()\nipywidgets.link((explorer, 'unit'), (other, 'value'))\n"
        "states = []\nexplorer.observe(lambda change: states.append(change['new']), 'state')"
    )
    panel.unit.fill("3")
    panel.wait(lambda: notebook.run_code("print(other.value)").strip() == "3", "a linked widget to follow")
    panel.run()
    panel.wait_steps(5)
    panel.wait_rest()
    heard = notebook.run_code("print(states, explorer.image.shape, explorer.loss > 0)")
    assert "running" in heard
    assert "(224, 224, 3) True" in heard


def test_the_display_changes_what_is_seen_and_nothing_else(lab: JupyterServer, page) -> None:
    """By the recipe, by hand, at rest and in replay; reached by the keyboard and explained on hovering."""
    notebook, panel = Panel.opened(page, lab, "display.ipynb", PLAIN.replace("()", "('mnist-cnn')"))
    display = panel.field("display")
    assert display.locator("option").all_inner_texts() == ["as it is", "stretched"]
    assert display.input_value() == "as it is"
    assert "stretched" in (display.get_attribute("title") or "")
    panel.field("recipe").focus()
    panel.field("recipe").select_option("tutorial13")
    panel.wait(lambda: display.input_value() == "stretched", "the recipe to say how it is displayed")
    page.keyboard.press("Tab")
    assert display.evaluate("(element) => element === document.activeElement"), "Tab leads from the recipe to it"
    panel.run()
    panel.wait_steps(30)
    panel.wait_rest()
    facts = "print(explorer.loss, explorer.image.mean(), explorer.image.std())"
    before, stretched, table = notebook.run_code(facts), panel.pixels()["hash"], panel.data()
    display.focus()
    page.keyboard.press("ArrowUp")
    panel.wait(lambda: panel.pixels()["hash"] != stretched, "the picture as it is")
    plain = panel.pixels()["hash"]
    panel.replay.fill("3")
    panel.wait(lambda: panel.data()["step"] == 3, "replay")
    faint = panel.pixels()["hash"]
    display.select_option("stretched")
    panel.wait(lambda: panel.pixels()["hash"] != faint, "replay to be stretched")
    panel.replay.fill("30")
    panel.wait(lambda: panel.pixels()["hash"] == stretched, "the last picture stretched, as it was before")
    display.select_option("as it is")
    panel.wait(lambda: panel.pixels()["hash"] == plain, "the last picture as it is")
    assert panel.data() == table
    assert notebook.run_code(facts) == before
    page.screenshot(path=str(OUTPUT / "display.png"))


def test_natural_is_a_slider_that_moves_in_mid_run(lab: JupyterServer, page) -> None:
    """By the keyboard, beside the recipe; the loss says what is left of it, and the run goes on from its picture."""
    notebook, panel = Panel.opened(page, lab, "natural.ipynb", LONG)
    natural = panel.field("natural")
    assert float(natural.input_value()) == float(notebook.run_code(WEIGHT))
    assert "photographs" in (natural.get_attribute("title") or "")
    panel.run()
    panel.wait_steps(20)
    before = float(natural.input_value())
    natural.focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    panel.wait(lambda: abs(float(natural.input_value()) - before - 0.05) < 1e-6, "the slider to move")
    panel.wait(lambda: abs(float(notebook.run_code(WEIGHT)) - before - 0.05) < 1e-6, "the recipe to follow")
    panel.wait(
        lambda: "with the prior" in page.locator(".nbfeatviz-figures dd").first.inner_text(),
        "what the prior leaves of the loss",
    )
    assert panel.field("recipe").evaluate("(element) => element.selectedOptions[0].text").endswith(", changed")
    page.screenshot(path=str(OUTPUT / "natural.png"))
    panel.button("Stop").click()
    panel.wait_rest()


def test_the_status_counts_steps_once_a_second_at_most(lab: JupyterServer, page) -> None:
    """A screen reader speaks every change; what is no count, as that the run has ended, is said at once."""
    _, panel = Panel.opened(page, lab, "status.ipynb", LONG)
    page.evaluate(
        "() => { const line = document.querySelector('[role=status]'), changes = window.__changes = [];"
        " new MutationObserver(() => changes.push([performance.now(), line.textContent]))"
        ".observe(line, {childList: true, characterData: true, subtree: true}) }"
    )
    panel.run()
    panel.wait_steps(40)
    panel.button("Stop").click()
    panel.wait_rest()
    changes = page.evaluate("__changes")
    counts = [at for at, text in changes if text.startswith("step ")]
    assert len(counts) >= 2
    # a timer may fire a little early against the clock of the observer
    assert min(later - earlier for earlier, later in zip(counts, counts[1:], strict=False)) > 950
    assert len(changes) - len(counts) <= 5, "starting, compiling, stopping, the end"


def test_a_second_view_and_two_panels(lab: JupyterServer, page) -> None:
    notebook, first = Panel.opened(page, lab, "views.ipynb", LONG)
    notebook.run_code("explorer", wait=True)
    again = Panel(page, 1)
    again.wait_ready()
    first.run()
    first.wait_steps(3)
    again.wait_steps(3)
    notebook.run_code("other = nv.FeatureExplorer(explorer.network, unit=8, steps=100_000)\nother")
    second = Panel(page, 2)
    second.wait_ready()
    for name in ("objective", "steps", "seed", "recipe", "network"):
        assert second.field(name).count() == 1, f"the second panel has its own label {name!r}"
    second.run()
    second.wait_steps(3)
    first.wait_steps(first.data()["count"] + 3)
    second.wait_steps(second.data()["count"] + 3)  # both run at once on one network
    again.button("Stop").click()
    first.wait_rest()
    again.wait_rest()
    assert first.pixels()["hash"] == again.pixels()["hash"]
    second.button("Stop").click()
    second.wait_rest()
    assert second.pixels()["hash"] != first.pixels()["hash"]


def test_running_the_cell_again_ends_the_old_run(lab: JupyterServer, page) -> None:
    notebook, panel = Panel.opened(page, lab, "again.ipynb", LONG)
    notebook.run_code("old = explorer")
    panel.run()
    panel.wait_steps(3)
    page.evaluate("jupyterapp.shell.currentWidget.content.activeCellIndex = 0")
    page.evaluate("jupyterapp.commands.execute('notebook:run-cell')")
    panel.wait(lambda: panel.root.count() and panel.data()["step"] == -1, "the new panel")
    panel.wait_ready()
    panel.wait(
        lambda: "idle 0" in notebook.run_code("print(old.state, len(old.panel.layout.live.frames))"),
        "the old run to end",
    )
    panel.run()
    panel.wait_steps(2)


def test_closing_the_last_view_ends_the_run(lab: JupyterServer, page) -> None:
    notebook, panel = Panel.opened(page, lab, "gone.ipynb", LONG)
    panel.run()
    panel.wait_steps(2)
    page.evaluate("jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    panel.wait(lambda: panel.root.count() == 0, "the output to go") if panel.root.count() else None
    for _ in range(240):
        page.wait_for_timeout(250)
        if "idle 0" in notebook.run_code("print(explorer.state, len(explorer.panel.layout.live.frames))"):
            break
    else:
        raise AssertionError("the run goes on although nobody watches")


def test_kernel_interrupt_and_restart(lab: JupyterServer, page) -> None:
    notebook, panel = Panel.opened(page, lab, "restart.ipynb", LONG)
    panel.run()
    panel.wait_steps(3)
    notebook.interrupt_kernel()
    seen = panel.data()["count"]
    panel.wait_steps(seen + 3)
    panel.button("Stop").click()
    panel.wait_rest()
    kept = panel.pixels()["hash"]
    notebook.restart_kernel()
    panel.wait(lambda: "the kernel has ended" in panel.status, "the panel to say that it has ended")
    assert panel.pixels()["hash"] == kept, "the last picture stays"
    assert panel.button("Run").is_disabled()


def test_the_neuron_is_chosen_on_the_canvas(lab: JupyterServer, page) -> None:
    notebook, panel = Panel.opened(page, lab, "neuron.ipynb", PLAIN)
    panel.choose("block2b_add")
    panel.field("objective").select_option("neuron")
    box = panel.canvas(".nbfeatviz-box")
    panel.wait(box.is_visible, "the receptive field to be outlined")
    overlay = panel.canvas(".nbfeatviz-overlay")
    area = overlay.bounding_box()
    overlay.click(position={"x": area["width"] * 0.25, "y": area["height"] * 0.75})
    told = "print(explorer.panel.layout.live.overlay['neuron'], explorer.panel.layout.live.overlay['box'])"
    panel.wait(
        lambda: "(42, 14)" in notebook.run_code(told) or "(41, 13)" in notebook.run_code(told), "the neuron there"
    )
    outlined, area = box.bounding_box(), overlay.bounding_box()  # the click may have scrolled
    assert abs(outlined["x"] + outlined["width"] / 2 - area["x"] - area["width"] * 0.25) < 6
    assert abs(outlined["y"] + outlined["height"] / 2 - area["y"] - area["height"] * 0.75) < 6
    before = notebook.run_code(told)
    overlay.focus()
    page.keyboard.press("ArrowUp")
    panel.wait(lambda: notebook.run_code(told) != before, "an arrow key to move the neuron")


def test_class_search_names_the_nearest(lab: JupyterServer, page) -> None:
    notebook, panel = Panel.opened(page, lab, "classes.ipynb", PLAIN)
    panel.field("objective").select_option("class")
    search = panel.field("class")
    search.fill("daisy")
    search.press("Enter")
    panel.wait(lambda: notebook.run_code("print(explorer.unit)").strip() == "985", "daisy to be found")
    search.fill("daisi")
    search.press("Enter")
    panel.wait(lambda: "nearest" in panel.error and "daisy" in panel.error, "the nearest name in a sentence")
    assert notebook.run_code("print(explorer.unit)").strip() == "985", "nothing is lost"


def test_names_are_shown_as_text(lab: JupyterServer, page) -> None:
    _, panel = Panel.opened(page, lab, "names.ipynb", TINY)
    panel.field("objective").select_option("class")
    panel.wait(lambda: panel.field("class").input_value() == "<script>alert(1)</script>", "the class as text")
    panel.wait(lambda: "<img" in panel.tree.inner_text(), "the layer's name as text")
    assert page.locator(".nbfeatviz-panel script, .nbfeatviz-panel [onerror]").count() == 0
    assert page.locator('.nbfeatviz-panel img[src]:not([src^="blob:"])').count() == 0


def test_save_animations_copy_code_and_snapshot(lab: JupyterServer, page) -> None:
    notebook, panel = Panel.opened(page, lab, "export.ipynb", PLAIN)
    panel.field("steps").fill("6")
    panel.field("steps").press("Enter")
    panel.run()
    panel.wait_steps(6)
    panel.wait_rest()
    for kind in ("gif", "webp"):
        panel.field("format").select_option(kind)
        with page.expect_download() as download:
            panel.button("Save").click()
        assert Image.open(io.BytesIO(Path(download.value.path()).read_bytes())).n_frames >= 4, (
            "the run, without frames that look alike"
        )
    panel.button("Copy as Python").click()
    code = panel.field("Python code")
    code.wait_for()
    lines = code.input_value().splitlines()
    assert max(map(len, lines)) <= 100
    lines[-1] = f"import numpy; print('equal', numpy.array_equal({lines[-1]}.image, explorer.image))"
    assert "equal True" in notebook.run_code("\n".join(lines))
    notebook.run_code("explorer.snapshot()")
    notebook.save()
    stored = json.loads((lab.folder / "export.ipynb").read_text())
    outputs = stored["cells"][-1]["outputs"]
    assert "image/png" in outputs[0]["data"]
    assert "nv.maximize" in "".join(outputs[1]["data"]["text/markdown"])


def test_errors_stand_in_the_panel_in_words(lab: JupyterServer, page) -> None:
    notebook, panel = Panel.opened(page, lab, "errors.ipynb", LONG)
    panel.field("seed").fill("-3")
    panel.field("seed").press("Enter")
    panel.wait(lambda: "seed -3 must be a whole number" in panel.error, "a sentence about the seed")
    panel.wait(lambda: panel.field("seed").input_value() == "0", "the field to show what is set")
    panel.run()
    panel.wait_steps(2)
    panel.wait(lambda: panel.error == "", "the sentence to go with the next run")
    panel.button("Stop").click()
    panel.wait_rest()
    kept = panel.pixels()["hash"]
    notebook.run_code(
        "explorer.panel.networks.offered['broken'] = type(next(iter(explorer.panel.networks.offered.values())))("
        "lambda: nv.load('no-such-network'))\nexplorer.panel._show_networks()"
    )
    panel.field("network").select_option("broken")
    panel.wait(lambda: "no-such-network" in panel.error, "a network that fails to load, in words")
    panel.wait_ready()
    assert panel.field("network").input_value() == "efficientnet-lite0", "the network in use stays"
    assert panel.pixels()["hash"] == kept
    panel.run(clicks=2)
    panel.wait_steps(3)
    panel.button("Stop").click()
    panel.wait_rest()
    page.wait_for_timeout(500)
    assert panel.button("Run").is_enabled(), "a double click is one run"


def test_the_panel_is_seen_before_tensorflow_is_there(lab: JupyterServer, page) -> None:
    """A gate holds its import, so that there is time to look; the cells after the panel's run meanwhile."""
    write_notebook(lab.folder / "before.ipynb", HOLD, PLAIN)
    notebook = NotebookPage(page, lab).open("before.ipynb")
    notebook.run_all()
    panel = Panel(page)
    panel.wait(lambda: panel.root.count() and "loading TensorFlow" in panel.status, "the word about TensorFlow")
    assert panel.button("Run").is_disabled() and panel.unit.is_disabled()
    assert panel.root.get_by_role("tab", name="Saliency").is_visible()
    assert notebook.run_code("hasattr(sys.modules['tensorflow'], 'constant')") == "False"
    notebook.run_code("opened.set()")
    panel.wait_ready()
    panel.wait(lambda: panel.status == "ready", "the status line to say so")
    assert panel.error == ""
    assert "tensorflow" not in panel.root.inner_text().casefold()
    assert notebook.run_code("explorer.layer") == "'block5c_add'"
    for cell in range(2):
        assert "oneDNN" not in notebook.cell_text(cell), "what TensorFlow writes at its start stays out of the notebook"


def test_switching_the_network(lab: JupyterServer, page) -> None:
    _, panel = Panel.opened(page, lab, "switch.ipynb", LONG)
    panel.field("network").select_option("mnist-cnn")
    panel.wait(lambda: panel.layer("conv3").count() == 1, "the other network's layers")
    panel.wait_ready()
    panel.run()
    panel.wait_steps(20)
    panel.button("Stop").click()
    panel.wait_rest()
    assert panel.pixels()["width"] == 28


def test_every_number_arrives_from_a_tiny_network(lab: JupyterServer, page) -> None:
    notebook, panel = Panel.opened(page, lab, "tiny.ipynb", TINY)
    notebook.run_code("explorer.recipe = 'tutorial13'; explorer.steps = 3000")
    panel.run()
    panel.wait_steps(3000)
    panel.wait_rest()
    assert panel.data()["count"] == 3000


def test_the_keyboard_reaches_everything(lab: JupyterServer, page) -> None:
    _, panel = Panel.opened(page, lab, "keys.ipynb", PLAIN)
    panel.root.get_by_label("filter layers").fill("block2b add")
    rows = panel.tree.get_by_role("treeitem")
    panel.wait(
        lambda: [row.get_attribute("data-path") for row in rows.all()] == ["block2b_…", "block2b_add"], "the filter"
    )
    panel.root.get_by_label("filter layers").press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    panel.wait(lambda: panel.layer("block2b_add").get_attribute("aria-selected") == "true", "Enter to choose a layer")
    names = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        names.add(page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent"))
    assert {"unit", "unit number", "Run", "Step", "Reset", "Save", "Copy as Python", "format"} <= names


def test_the_panel_is_small_and_quick_with_a_large_tree(lab: JupyterServer, page) -> None:
    notebook, panel = Panel.opened(
        page, lab, "large.ipynb", "import nbfeatviz as nv\nnet = nv.load('InceptionV3', weights=None)\nlen(net.layers)",
        "explorer = nv.FeatureExplorer(net)\nexplorer",
    )  # fmt: skip
    assert panel.root.get_by_text("untrained: random weights").is_visible()
    models = page.evaluate(
        "jupyterapp.shell.currentWidget.context.sessionContext.session.kernel.requestCommInfo({}).then("
        "(reply) => Object.keys(reply.content.comms).length)"
    )
    assert models <= 60
    assert panel.tree.locator("[role=treeitem]").count() > 311


def test_nothing_is_clipped_in_either_theme_wide_or_narrow(lab: JupyterServer, browser: Browser) -> None:
    """The picture of the README is made here, and made anew where it no longer shows the panel as it is."""
    page = browser.new_page(1400, 1000)
    notebook, panel = Panel.opened(page, lab, "look.ipynb", PLAIN.replace("()", "(unit=3, steps=64)"))
    page.evaluate("jupyterapp.commands.execute('application:toggle-left-area')")
    panel.run()
    panel.wait_rest()
    panel.wait(lambda: "finished" in panel.status, "the status line to say so")
    panel.wait(lambda: "It excites unit 3" in panel.canvas(".nbfeatviz-sentence").inner_text(), "the sentence")
    panel.look(notebook, "panel", 1000)
    made, shown = OUTPUT / "panel-light-1400.png", STARTER.with_name("panel.png")
    if _RENEW in os.environ:
        shutil.copyfile(made, shown)
    apart = _unlikeness(made, shown)
    assert apart < 6, f"{shown} is no longer how the panel looks ({apart:.1f}): run this test with {_RENEW} set"
    page.close()


def _unlikeness(one: Path, other: Path) -> float:
    """How far two pictures of a page are apart in brightness from 0 to 255, words and fine detail aside."""
    small = [np.asarray(Image.open(path).convert("L").resize((70, 45), Image.Resampling.BOX), float)
             for path in (one, other)]  # fmt: skip
    return float(np.abs(small[0] - small[1]).mean())
