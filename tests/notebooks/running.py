"""Notebooks run without a page, and what they put out."""

from __future__ import annotations

from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[2] / "notebooks"
LAB = FOLDER / "lab_features.ipynb"


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def client_of(notebook: nbformat.NotebookNode, folder: Path) -> NotebookClient:
    return NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})


def executed(notebook: nbformat.NotebookNode, folder: Path) -> nbformat.NotebookNode:
    client_of(notebook, folder).execute()
    return notebook


def pictures(notebook: nbformat.NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert [output for output in outputs if output.output_type in ("error", "stream")] == []
    return [output.data["image/png"] for output in outputs if "image/png" in output.get("data", ())]
