"""The page's module is built from the sources, small, and held once; nothing is published on the commands' comm."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

import nbfeatviz as nv
from nbfeatviz.widgets.comm import frontend
from nbfeatviz.widgets.execution.worker import SameThread
from tests.synthesis.conftest import make_network

WIDGETS = Path(frontend.__file__).parents[1]
BUILD = Path(__file__).parents[3] / "scripts" / "js" / "build.js"
SOURCES = sorted(file for file in WIDGETS.rglob("*.js") if file.parent.name != "static")
MOST_BYTES = 150_000  # that a panel sends


@pytest.fixture
def explorer():
    explorer = nv.FeatureExplorer(make_network(), worker=SameThread(), recipe="tutorial13", steps=2)
    yield explorer
    explorer.close()


def _widgets(explorer: nv.FeatureExplorer) -> list:
    layout = explorer.panel.layout
    inner = [part for tab in layout.invert_style_dream.values() for part in (tab.live, tab.tab, tab.commands)]
    return [
        layout.commands,
        layout.live,
        layout.tree,
        layout.controls,
        layout.tabs,
        layout.features,
        layout.catalogue,
        layout.exemplars,
        *inner,
    ]


def test_the_module_is_what_the_sources_build():
    done = subprocess.run(["node", str(BUILD), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_one_widget_carries_the_module_and_the_others_a_line(explorer):
    scripts = [widget._esm for widget in _widgets(explorer)]
    assert [len(script) > 1000 for script in scripts].count(True) == 1
    assert sum(len(script.encode()) for script in scripts) <= MOST_BYTES


def test_every_widget_awaits_a_part_that_the_module_has(explorer):
    parts = re.search(r"const widgets = \{ (.*) \};", (WIDGETS / "panel.js").read_text("utf-8"))[1].split(", ")
    awaited = {
        part[1] for widget in _widgets(explorer) if (part := re.search(r"await place\.widgets\)\.(\w+);", widget._esm))
    }
    assert awaited == set(parts)  # "live" for the second and third canvas


def test_whoever_waits_follows_a_module_that_is_built_anew(explorer):
    layout = explorer.panel.layout
    layout.live._esm = "/* nbfeatviz panel 123abc: built anew */"
    assert all(
        "nbfeatviz-123abc" in widget._esm for widget in (layout.tree, layout.tabs, layout.controls, layout.features)
    )


ORDERS = {
    "the module first": "await load(module); const tree = await (await load(tree_line)).default();",
    "the line first": "const waits = (await load(tree_line)).default(); await load(module); const tree = await waits;",
    "another panel's module between": "const waits = (await load(tree_line)).default(); await load(module + '#other');"
    "await load(module); const tree = await waits; assert.equal(await (await load(tree_line + ' ')).default(), tree);",
}


@pytest.mark.parametrize("order", ORDERS)
def test_a_widget_finds_its_part_in_whichever_order_the_page_restores_them(order: str):
    script = f"""
        import assert from "node:assert/strict";
        const module = {frontend._BUILT.as_uri()!r}, tree_line = {json.dumps(frontend.awaiting("tree"))};
        const url = (what) => (what.startsWith("file:") ? what : "data:text/javascript," + encodeURIComponent(what));
        const load = (what) => import(url(what));
        {ORDERS[order]}
        assert.equal(typeof tree.render, "function");
        assert.equal((await load(module)).default.constructor, Object);
    """
    done = subprocess.run(
        ["node", "--input-type=module", "-e", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr


def test_a_module_without_a_version_is_refused():
    with pytest.raises(ValueError, match="does not begin with its version"):
        frontend.awaiting("tree", "export default {};")


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(WIDGETS)))
def test_names_are_shown_as_text(file: Path):
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", file.read_text("utf-8"))


def test_the_style_sheet_is_whole():
    style = frontend.STYLE
    assert style.count("{") == style.count("}") > 10
    assert "http" not in style  # nothing is fetched


def test_nothing_is_published_on_the_commands(explorer, monkeypatch):
    spoken: list[object] = []
    monkeypatch.setattr(explorer.panel.layout.commands, "_send", lambda *args, **more: spoken.append(args))
    explorer.run()
    explorer.unit = 1
    assert explorer.state == "idle"
    assert spoken == []
