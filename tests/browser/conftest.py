"""Fixtures of the browser tests: one server of each kind and one browser for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.harness import Browser, JupyterServer


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A JupyterLab whose notebooks lie in `lab.folder`."""
    with JupyterServer("lab", tmp_path_factory.mktemp("lab")) as server:
        yield server


@pytest.fixture(scope="package")
def notebook7(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    """A Notebook 7 whose notebooks lie in `notebook7.folder`."""
    with JupyterServer("notebook", tmp_path_factory.mktemp("notebook7")) as server:
        yield server


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium; its absence fails the tests."""
    with Browser() as opened:
        yield opened
