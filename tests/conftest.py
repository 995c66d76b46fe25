"""Fixtures that several folders of tests share."""

from __future__ import annotations

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


@pytest.fixture(scope="session")
def inception() -> Network:
    """InceptionV3 with random weights: built once, as that takes seconds."""
    import nbfeatviz

    return nbfeatviz.load("InceptionV3", weights=None)
