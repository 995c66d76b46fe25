"""What the panel shows is true while the connection is cut, after it, and when the kernel has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.harness import Browser, JupyterServer, NotebookPage, write_notebook
from tests.browser.panel import Panel
from tests.browser.throttle import ThrottledProxy

TINY = """import keras, nbfeatviz as nv
keras.utils.set_random_seed(1)
model = keras.Sequential([keras.Input((40, 56, 3)), keras.layers.Conv2D(8, 3, name="conv"),
    keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, name="dense")], name="tiny")
net = nv.load(model, input_range=(0, 1), class_names=["a", "b", "c", "d"])
explorer = nv.FeatureExplorer(net, layer="conv", recipe="tutorial13", steps=6000)
explorer"""
STEPS = 6000
RECONNECTED = 90  # seconds: JupyterLab waits longer after each attempt that failed


@pytest.fixture
def wire(lab: JupyterServer) -> Iterator[ThrottledProxy]:
    """What a page and the server are connected by."""
    with ThrottledProxy(lab.port, None) as proxy:
        yield proxy


def _opened(page, lab: JupyterServer, wire: ThrottledProxy, name: str) -> tuple[NotebookPage, Panel]:
    write_notebook(lab.folder / name, TINY, kernel="warm")
    notebook = NotebookPage(page, lab, port=wire.port).open(name)
    notebook.run_all(seconds=120)
    panel = Panel(page)
    panel.root.scroll_into_view_if_needed()
    return notebook, panel.wait_ready()


@pytest.mark.parametrize(("after", "seconds"), [(100, 0.3), (100, 4), (STEPS - 400, 1)])
def test_a_cut_in_a_run_is_said_and_loses_no_number_and_no_picture(
    lab: JupyterServer, page, wire, after: int, seconds: float
) -> None:
    notebook, panel = _opened(page, lab, wire, f"cut-{after}-{seconds}.ipynb")
    panel.run()
    panel.wait_steps(after)
    wire.cut()
    panel.wait(lambda: panel.status == "connection lost, trying again", "the status to say so", 3)
    assert not panel.button("Stop").is_enabled(), "a button that cannot reach the kernel looks alive"
    page.wait_for_timeout(1000 * seconds)
    wire.mend()
    panel.wait(lambda: panel.status == f"finished after {STEPS} steps", "the end of the run", RECONNECTED)
    assert panel.data()["count"] == STEPS
    panel.wait_rest()
    assert panel.button("Run").is_enabled()
    page.wait_for_timeout(1500)  # what the host sends again has arrived
    wanted = "from nbfeatviz.encoding import displayed; print(255 * displayed(explorer.image, 'stretched').mean())"
    mean = float(notebook.run_code(wanted))

    def shown() -> bool:
        """The picture that the kernel has, of a network that is not square; its fourth channel is full."""
        pixels = panel.pixels()
        return (pixels["width"], pixels["height"]) == (56, 40) and abs(pixels["mean"] * 4 / 3 - 255 / 3 - mean) < 1

    panel.wait(shown, f"the last picture, not {panel.pixels()} beside {mean}", 15)


def test_a_cut_at_rest_leaves_the_picture(lab: JupyterServer, page, wire) -> None:
    notebook, panel = _opened(page, lab, wire, "rest.ipynb")
    notebook.run_code("explorer.steps = 20")
    panel.run()
    panel.wait_rest()
    before, subject = panel.pixels(), panel.subject
    wire.cut()
    panel.wait(lambda: panel.status == "connection lost, trying again", "the status to say so", 3)
    page.wait_for_timeout(1000)
    wire.mend()
    panel.wait(lambda: panel.status == "finished after 20 steps", "the connection", RECONNECTED)
    page.wait_for_timeout(1500)  # what the host sends again has arrived
    assert panel.pixels() == before
    assert panel.subject == subject == "tiny · conv · unit 0 · tutorial13 · seed 0 · step 20"


def test_a_kernel_that_has_ended_is_said_to_have(lab: JupyterServer, page, browser) -> None:
    notebook, panel = Panel.opened(page, lab, "ended.ipynb", TINY)
    notebook.run_code("explorer.steps = 20")
    panel.run()
    panel.wait_rest()
    before = panel.pixels()
    lab.end_kernels()
    panel.wait(lambda: panel.status == "the kernel has ended: run the cell again", "the status to say so", 30)
    for name in ("Run", "Step", "Reset", "Save", "Copy as Python"):
        assert not panel.button(name).is_enabled(), name
    assert panel.pixels() == before, "the last picture stays"
    assert not [error for error in browser.errors(page) if "Cannot send" in error]


def test_a_server_that_was_stopped_and_started_has_no_kernel_of_before(browser: Browser, tmp_path: Path) -> None:
    before, after = (JupyterServer("lab", tmp_path) for _ in range(2))
    after.token = before.token
    write_notebook(tmp_path / "again.ipynb", TINY)
    with before, ThrottledProxy(before.port, None) as proxy:
        page = browser.new_page()
        notebook = NotebookPage(page, before, port=proxy.port).open("again.ipynb")
        notebook.run_all(seconds=120)
        panel = Panel(page).wait_ready()
        panel.run()
        panel.wait_steps(20)
        before.close()
        panel.wait(lambda: panel.status == "connection lost, trying again", "the status to say so", 10)
        with after:
            proxy.forward_to(after.port)
            panel.wait(lambda: panel.status == "the kernel has ended: run the cell again", "the end", RECONNECTED)
            assert not panel.button("Run").is_enabled() and not panel.button("Stop").is_enabled()
        page.close()
