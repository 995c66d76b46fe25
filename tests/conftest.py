"""Fixtures that several folders of tests share, and the order of the files."""

from __future__ import annotations

import gc
import os
import tempfile

# no weights that this machine has fetched before; Keras reads it when it is imported
os.environ["KERAS_HOME"] = tempfile.mkdtemp(prefix="nbfeatviz-keras-")

# nothing that was measured on this machine before
os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="nbfeatviz-cache-")

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from nbfeatviz import Network

LONGEST = (
    "tests/catalogue/test_processes.py",
    "tests/catalogue/test_executors.py",
    "tests/notebooks/test_lab.py",
    "tests/notebooks/test_notebooks.py",
    "tests/models/test_kinds.py",
)
"""The files that take longest and therefore begin first: neither of two processes is left with one at the end."""

# Tracing makes many objects that live on, and looking through them took up to a tenth of the time. Not less often than
# so: networks lie in circles of references, and two processes must fit into a small machine.
gc.set_threshold(10_000, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {file: place for place, file in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(scope="session")
def inception() -> Network:
    """InceptionV3 with random weights: built once, as that takes seconds."""
    import nbfeatviz

    return nbfeatviz.load("InceptionV3", weights=None)
