"""The page's files are there, complete and whole; nothing is ever published on the comm of the commands."""

from __future__ import annotations

from pathlib import Path

import pytest

import nbfeatviz as nv
from nbfeatviz.widgets.comm import frontend as page
from nbfeatviz.widgets.execution.worker import SameThread
from tests.synthesis.conftest import make_network

STATIC = Path(page.__file__).parents[1] / "static"


@pytest.mark.parametrize("name", ["live", "controls", "tree", "photo", "features", "remake"])
def test_a_script_is_one_module_with_the_shared_functions_in_front(name: str):
    text = page.script(name)
    shared, own = (STATIC / "shared.js").read_text("utf-8"), (STATIC / f"{name}.js").read_text("utf-8")
    assert text.index(own) > text.index(shared)
    assert text.count("export default") == 1
    assert "innerHTML" not in text  # names are shown as text


def test_every_script_is_used():
    scripts = "".join(page.script(name) for name in ("live", "controls", "tree", "photo", "features", "remake"))
    assert [file.name for file in STATIC.glob("*.js") if file.read_text("utf-8") not in scripts] == []


def test_the_style_sheet_is_whole():
    style = page.style()
    assert style.count("{") == style.count("}") > 10
    assert "http" not in style  # nothing is fetched


def test_nothing_is_published_on_the_commands(monkeypatch):
    explorer = nv.FeatureExplorer(make_network(), worker=SameThread(), recipe="tutorial13", steps=2)
    spoken: list[object] = []
    monkeypatch.setattr(explorer.panel.layout.commands, "_send", lambda *args, **more: spoken.append(args))
    explorer.run()
    explorer.unit = 1
    assert explorer.state == "idle"
    assert spoken == []
    explorer.close()
