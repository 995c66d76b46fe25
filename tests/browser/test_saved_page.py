"""A page that was made of a panel's saved state: the last picture, and no button that looks alive."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from ipywidgets.embed import embed_minimal_html
from playwright.sync_api import Route

import nbfeatviz as nv
from nbfeatviz.widgets.execution.worker import SameThread
from tests.browser.harness import Browser
from tests.browser.panel import Panel

ELSEWHERE = Path(sys.prefix) / "saved-page"
WIDGETS = Path(sys.prefix) / "share/jupyter/nbextensions"
SERVED = {
    r"/require\.min\.js$": ELSEWHERE / "requirejs@2.3.8/package/require.js",
    r"/html-manager@.*/embed-amd\.js$": ELSEWHERE / "html-manager@1.0.15/package/dist/embed-amd.js",
    r"/anywidget@.*/index\.js$": WIDGETS / "anywidget/index.js",
    r"/ipycanvas@.*/index\.js$": WIDGETS / "ipycanvas/index.js",
}


def serve(route: Route) -> None:
    """Answers as the networks do that such a page loads its managers from."""
    found = [file for pattern, file in SERVED.items() if re.search(pattern, route.request.url)]
    if found:
        route.fulfill(path=found[0], content_type="text/javascript", headers={"access-control-allow-origin": "*"})
    else:
        route.fulfill(status=404)


@pytest.mark.parametrize("name", ["mnist-cnn", "efficientnet-lite0"])
def test_a_saved_page_shows_the_picture_and_says_that_there_is_no_kernel(
    browser: Browser, tmp_path: Path, name
) -> None:
    explorer = nv.FeatureExplorer(nv.load(name), recipe="tutorial13", steps=3, worker=SameThread())
    explorer.run(wait=True)
    embed_minimal_html(tmp_path / "page.html", views=[explorer])
    text = (tmp_path / "page.html").read_text("utf-8")
    (tmp_path / "page.html").write_text(re.sub(r' integrity="[^"]*"', "", text), "utf-8")  # another build of require.js
    page = browser.new_page(1300, 1000)
    page.route(re.compile("^https?:"), serve)
    page.goto((tmp_path / "page.html").as_uri())
    panel = Panel(page)
    panel.root.wait_for(timeout=30_000)
    panel.wait(lambda: panel.status == "the kernel has ended: run the cell again", "the status to say so")
    panel.wait(lambda: panel.button("Run").count() == 1, "the open tab alone")
    for button in ("Run", "Pause", "Step", "Stop", "Reset", "Save", "Copy as Python"):
        assert not panel.button(button).is_enabled(), button
    for control in (panel.unit, panel.replay, panel.field("objective"), panel.field("network")):
        assert not control.is_enabled()
    height, width = np.asarray(explorer.image).shape[:2]
    panel.wait(lambda: panel.pixels()["width"] == width, "the picture")
    assert panel.pixels()["height"] == height and panel.pixels()["mean"] > 10
    assert panel.subject.startswith(f"{name} · "), "its caption"
    panel.root.get_by_role("tab", name="Saliency").click()
    panel.button("Upload").wait_for()
    assert not panel.button("Upload").is_enabled()
    assert [error for error in browser.errors(page) if "Cannot send" in error or "uncaught" in error] == []
    page.close()
    explorer.close()
