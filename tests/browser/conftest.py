"""Fixtures of the browser tests: one server of each kind and one browser for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.forkserver import KernelForkServer
from tests.browser.harness import Browser, JupyterServer


@pytest.fixture(scope="package")
def warm_kernel() -> Iterator[list[str]]:
    """The command of a kernel that has TensorFlow imported when it begins."""
    with KernelForkServer() as forks:
        yield forks.argv


@pytest.fixture(scope="package")
def lab_server(tmp_path_factory: pytest.TempPathFactory, warm_kernel: list[str]) -> Iterator[JupyterServer]:
    """A JupyterLab for the whole session."""
    with JupyterServer("lab", tmp_path_factory.mktemp("lab"), warm_kernel=warm_kernel) as server:
        yield server


@pytest.fixture
def lab(lab_server: JupyterServer) -> Iterator[JupyterServer]:
    """A JupyterLab whose notebooks lie in `lab.folder`; its kernels end with the test."""
    yield lab_server
    lab_server.end_kernels()


@pytest.fixture(scope="package")
def notebook7_server(tmp_path_factory: pytest.TempPathFactory, warm_kernel: list[str]) -> Iterator[JupyterServer]:
    """A Notebook 7 for the whole session."""
    with JupyterServer("notebook", tmp_path_factory.mktemp("notebook7"), warm_kernel=warm_kernel) as server:
        yield server


@pytest.fixture
def notebook7(notebook7_server: JupyterServer) -> Iterator[JupyterServer]:
    """A Notebook 7 whose notebooks lie in `notebook7.folder`; its kernels end with the test."""
    yield notebook7_server
    notebook7_server.end_kernels()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """A headless Chromium; its absence fails the tests."""
    with Browser() as opened:
        yield opened


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A wide page of its own."""
    page = browser.new_page(1400, 1100)
    yield page
    page.close()
