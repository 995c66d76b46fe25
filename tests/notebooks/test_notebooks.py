"""The notebooks run from top to bottom, carry no outputs, and keep their pictures without a kernel."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter

from tests.notebooks.running import FOLDER, LAB, executed, pictures, read

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
QUICKER = {
    r"\bsteps=\d+": "steps=2",
    r"\bsamples=\d+": "samples=2",
    r"^EFFORT = [\d.]+": "EFFORT = 0.001",
    r"\bnv\.score_cam\(net, photo, ": "nv.score_cam(net, photo, channels=8, target=",
    r"\bnv\.occlusion\(net, photo, ": "nv.occlusion(net, photo, stride=32, target=",
}
"""The same calls with fewer passes through the network."""


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_valid_and_carries_no_outputs(path: Path):
    notebook = read(path)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path != LAB], ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom(path: Path, tmp_path: Path):
    notebook = read(path)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            for more, less in QUICKER.items():
                cell.source = re.sub(more, less, cell.source, flags=re.M)
    shown = pictures(executed(notebook, tmp_path))
    assert len(shown) >= 2
    assert all(base64.b64decode(data).startswith(b"\x89PNG") for data in shown)


def test_a_panel_in_a_notebook_without_a_page_leaves_a_lasting_picture(tmp_path: Path):
    cells = [
        "import nbfeatviz as nv",
        "explorer = nv.FeatureExplorer('mnist-cnn', recipe='tutorial13-mnist', steps=3)\nexplorer",
        "explorer.run(wait=True)",
        "explorer.snapshot()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    (picture,) = pictures(executed(notebook, tmp_path))
    code = notebook.cells[-1].outputs[-1].data["text/plain"]
    assert "nv.load('mnist-cnn')" in code
    assert "steps=3" in code
    html, _ = HTMLExporter(embed_widgets=False).from_notebook_node(notebook)
    sources = [source.replace("\n", "") for source in re.findall(r'<img[^>]*src="data:image/png;base64,([^"]+)', html)]
    assert picture.replace("\n", "") in sources
