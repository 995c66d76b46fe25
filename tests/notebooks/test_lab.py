"""The lab: its questions have answers that its checks agree with, and it goes on without them."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import nbformat

from tests.notebooks.running import FOLDER, LAB, client_of, executed, pictures, read


def said(notebook: nbformat.NotebookNode) -> list[str]:
    """What the checks of the lab answered."""
    data = [output.data for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    return [one["text/markdown"] for one in data if "text/markdown" in one]


def teachers_answers() -> dict[str, str]:
    """Name -> the Python that answers it."""
    source = (FOLDER / "lab_features_answers.py").read_text(encoding="utf-8")
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


WRONG = {
    "steps_to_see": "'five'",
    "loss_spread": "1e6",
    "noisier": "7",
    "others_above_3": "[]",
    "network_reads": "11",
}


def test_what_is_unanswered_or_wrong_is_said_and_stops_nothing(tmp_path: Path):
    """As a student works: the lab unanswered, and then in the same kernel the cells that some answers are in again."""
    notebook = read(LAB)
    for cell in notebook.cells:
        cell.source = cell.source.replace("EFFORT = 1.0", "EFFORT = 0.001")
    client = client_of(notebook, tmp_path)

    def run_those_about(names: str) -> tuple[int, int, int]:
        """How many answers were found missing, not to be checked and wrong, once the cells with such names have run."""
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == "code" and re.search(names, cell.source):
                client.execute_cell(cell, index)
        pictures(notebook)  # which finds errors
        kinds = ("Not answered yet", "cannot be checked", "Not quite")
        missing, unchecked, wrong = (sum(kind in answer for answer in said(notebook)) for kind in kinds)
        return missing, unchecked, wrong

    with client.setup_kernel():
        assert run_those_about("") == (len(teachers_answers()), 0, 0)
        for cell in notebook.cells:
            for name, value in WRONG.items():
                cell.source = cell.source.replace(f"{name} = None", f"{name} = {value}")
        assert run_those_about(rf"\b({'|'.join(WRONG)})\b") == (len(teachers_answers()) - len(WRONG), 2, 3)


def test_the_teachers_answers_pass_every_check_of_the_lab(tmp_path: Path):
    notebook = read(LAB)
    for cell in notebook.cells:
        for name, source in teachers_answers().items():
            cell.source = re.sub(rf"^{name} = None  # your answer.*$", lambda _: source, cell.source, flags=re.M)  # noqa: B023
    assert len(pictures(executed(notebook, tmp_path))) >= 10
    answers = said(notebook)
    assert len(answers) == len(teachers_answers())
    assert [answer for answer in answers if "That agrees" not in answer] == []
