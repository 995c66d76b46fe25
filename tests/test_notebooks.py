"""The notebooks run from top to bottom, carry no outputs, and keep their pictures without a kernel."""

from __future__ import annotations

import ast
import base64
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert import HTMLExporter

ROOT = Path(__file__).parent.parent
LAB = ROOT / "notebooks" / "lab_features.ipynb"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def executed(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return notebook


def pictures(notebook: nbformat.NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output for output in outputs if output.output_type in ("error", "stream")] == []
    return [output.data["image/png"] for output in outputs if "image/png" in output.get("data", ())]


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
            cell.source = re.sub(r"\bsteps=\d+", "steps=2", cell.source)
            cell.source = re.sub(r"^EFFORT = [\d.]+", "EFFORT = 0.001", cell.source, flags=re.M)
    shown = pictures(executed(notebook, tmp_path))
    assert len(shown) >= 2
    assert all(base64.b64decode(data).startswith(b"\x89PNG") for data in shown)


def said(notebook: nbformat.NotebookNode) -> list[str]:
    """What the checks of the lab answered."""
    data = [output.data for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    return [one["text/markdown"] for one in data if "text/markdown" in one]


def teachers_answers() -> dict[str, str]:
    """Name -> the Python that answers it."""
    source = (ROOT / "notebooks" / "lab_features_answers.py").read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = ast.unparse(node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = ast.unparse(node)
    return found


def test_every_question_of_the_lab_has_an_answer_and_a_check():
    source = "\n".join(cell.source for cell in read(LAB).cells if cell.cell_type == "code")
    questions = re.findall(r"^(\w+) = None  # your answer", source, flags=re.M)
    assert len(questions) >= 12
    assert set(questions) == set(teachers_answers())
    assert set(questions) == set(re.findall(r"^check\(\s*(\w+),", source, flags=re.M))


def test_the_minutes_of_the_lab_are_45():
    text = "\n".join(cell.source for cell in read(LAB).cells if cell.cell_type == "markdown")
    table = [int(minutes) for minutes in re.findall(r"^\| \d \|.*\| (\d+) \|$", text, flags=re.M)]
    assert [int(minutes) for minutes in re.findall(r"^## \d .*\((\d+) minutes\)$", text, flags=re.M)] == table
    assert sum(table) == 45


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"steps_to_see": "'five'", "loss_spread": "1e6", "noisier": "7", "others_above_3": "[]", "network_reads": "11"},
    ],
    ids=["unanswered", "wrong"],
)
def test_what_is_unanswered_or_wrong_is_said_and_stops_nothing(wrong: dict[str, str], tmp_path: Path):
    notebook = read(LAB)
    for cell in notebook.cells:
        cell.source = cell.source.replace("EFFORT = 1.0", "EFFORT = 0.001")
        for name, value in wrong.items():
            cell.source = cell.source.replace(f"{name} = None", f"{name} = {value}")
    answers = said(executed(notebook, tmp_path))
    assert sum("Not answered yet" in answer for answer in answers) == len(teachers_answers()) - len(wrong)
    assert sum("cannot be checked" in answer for answer in answers) == (2 if wrong else 0)
    assert sum("Not quite" in answer for answer in answers) == (3 if wrong else 0)


def test_the_teachers_answers_pass_every_check_of_the_lab(tmp_path: Path):
    notebook = read(LAB)
    for cell in notebook.cells:
        for name, source in teachers_answers().items():
            cell.source = re.sub(rf"^{name} = None  # your answer.*$", lambda _: source, cell.source, flags=re.M)  # noqa: B023
    assert len(pictures(executed(notebook, tmp_path))) >= 10
    answers = said(notebook)
    assert len(answers) == len(teachers_answers())
    assert [answer for answer in answers if "That agrees" not in answer] == []


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
