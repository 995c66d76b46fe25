"""The harness itself: it drives both front ends, it tells failures, and its slow link is slow."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

import psutil  # type: ignore[import-untyped]
import pytest
from playwright.sync_api import Page
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

from tests.browser import harness
from tests.browser.harness import (
    Browser,
    CellError,
    JupyterServer,
    NotebookPage,
    browser_memory,
    find_browser,
    write_notebook,
)
from tests.browser.throttle import ThrottledProxy

_WIDGETS = """
import anywidget, ipywidgets, traitlets
clicks = []

class Echo(anywidget.AnyWidget):
    _esm = '''export default { render({model, el}) {
      const button = document.createElement("button"); button.className = "ask"; button.textContent = "ask";
      button.onclick = () => model.send({ask: 21});
      model.on("msg:custom", (answer) => { el.dataset.answer = answer.answer; });
      el.className = "echo"; el.append(button); } }'''

echo = Echo()
echo.on_msg(lambda widget, content, buffers: widget.send({"answer": 2 * content["ask"]}))
button = ipywidgets.Button(description="press")
def pressed(button):
    clicks.append(1)
    button.description = f"pressed {len(clicks)}"
button.on_click(pressed)
ipywidgets.VBox([echo, button])
"""
_MEGABYTE = 1_000_000


@contextmanager
def _server_of(size: int) -> Iterator[int]:
    """Serve `size` bytes to each connection; yields the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client, suppress(OSError):
                    client.sendall(bytes(size))

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def _wait(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.02)


def _runs(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def _download(port: int) -> tuple[int, float]:
    start, total = time.perf_counter(), 0
    with socket.create_connection(("127.0.0.1", port)) as client:
        while part := client.recv(65536):
            total += len(part)
    return total, time.perf_counter() - start


@pytest.mark.parametrize("kind", ["lab", "notebook7"])
def test_a_click_in_the_page_reaches_the_kernel_and_comes_back(
    kind: str, request: pytest.FixtureRequest, browser: Browser
) -> None:
    server: JupyterServer = request.getfixturevalue(kind)
    write_notebook(server.folder / "widgets.ipynb", _WIDGETS)
    page = browser.new_page()
    notebook = NotebookPage(page, server).open("widgets.ipynb")
    notebook.run_all()
    page.locator(".jupyter-button", has_text="press").click()
    page.locator(".jupyter-button", has_text="pressed 1").wait_for(timeout=10_000)
    page.locator(".echo[data-answer]").wait_for(state="hidden", timeout=2_000)  # nobody asked yet
    page.locator(".ask").click()
    page.locator(".echo[data-answer='42']").wait_for(timeout=10_000)
    assert notebook.run_code("print(len(clicks))") == "1\n"
    assert notebook.run_code("import sys; print(sys.executable)").strip() == sys.executable
    page.close()


@pytest.mark.parametrize("kernel", ["python3", "warm"])
def test_commands_of_a_notebook_page(kernel: Literal["python3", "warm"], lab: JupyterServer, browser: Browser) -> None:
    file = write_notebook(lab.folder / f"commands-{kernel}.ipynb", "kept = 1", kernel=kernel)
    page = browser.new_page()
    notebook = NotebookPage(page, lab).open(file.name)
    notebook.run_all()
    with pytest.raises(CellError, match="ZeroDivisionError"):
        notebook.run_code("1 / 0")
    notebook.run_code("import time; time.sleep(1); kept = 2", wait=False)
    assert notebook.run_code("kept") == "2"  # waits for its own end, not for that of the cell before
    with pytest.raises(PlaywrightTimeoutError):
        notebook.run_code("time.sleep(1)", seconds=0.3)
    notebook.run_code("time.sleep(60)", wait=False)
    _wait(lambda: notebook.kernel_status() == "busy", "the kernel to be busy")
    with pytest.raises(PlaywrightTimeoutError):
        notebook.wait_idle(seconds=0.5)
    notebook.interrupt_kernel()
    notebook.wait_idle(seconds=10)
    notebook.save()
    assert "time.sleep(60)" in file.read_text()
    notebook.reload()
    assert notebook.run_code("kept") == "2"
    notebook.restart_kernel()
    with pytest.raises(CellError, match="NameError"):
        notebook.run_code("kept")
    notebook.set_theme("JupyterLab Dark")
    assert page.evaluate("document.body.dataset.jpThemeLight") == "false"
    page.close()


def test_a_warm_kernel_has_tensorflow_imported_and_is_one_of_its_own(lab: JupyterServer, page: Page) -> None:
    write_notebook(lab.folder / "warm.ipynb", "import os, signal, sys", kernel="warm")
    notebook = NotebookPage(page, lab).open("warm.ipynb")
    notebook.run_all()
    assert notebook.run_code("sorted({'keras', 'tensorflow', 'ipywidgets'} & set(sys.modules))") == (
        "['keras', 'tensorflow']"
    )
    same = "(os.getsid(0) == os.getpid(), os.getcwd() == os.path.realpath(%r), os.environ['JUPYTER_TOKEN'] == %r)"
    assert notebook.run_code(same % (str(lab.folder), lab.token)) == "(True, True, True)"
    first = int(notebook.run_code("kept = 1; os.getpid()"))
    notebook.run_code("os.kill(os.getpid(), signal.SIGKILL)", wait=False)
    _wait(lambda: not _runs(first), "the kernel to be killed")
    _wait(lambda: notebook.run_code("import os; os.getpid()").isdigit(), "its server to start another")
    assert notebook.run_code("'kept' in globals()") == "False"
    second = int(notebook.run_code("os.getpid()"))
    assert second != first
    lab.end_kernels()
    _wait(lambda: not _runs(second), "the kernel to end with its server's wish")


def test_the_browser_counts_blobs_and_keeps_errors(lab: JupyterServer, browser: Browser) -> None:
    page = browser.new_page()
    page.goto(lab.url("api/status"))
    before = browser_memory(page)
    page.evaluate("window.u = URL.createObjectURL(new Blob([new Uint8Array(1000)]))")
    held = browser_memory(page)
    assert held["blob_bytes"] - before["blob_bytes"] == 1000
    assert held["blobs"] - before["blobs"] == 1
    page.evaluate("window.big = Array.from({length: 1e6}, (_, i) => 'x' + i)")
    assert browser_memory(page)["heap"] > held["heap"] + 8_000_000
    page.evaluate("URL.revokeObjectURL(u); window.big = null")
    after = browser_memory(page)
    assert after["blob_bytes"] == before["blob_bytes"]
    assert after["heap"] < held["heap"] + 1_000_000
    assert after["rss"] > after["heap"]
    assert browser.errors(page) == []
    with page.expect_event("pageerror"):
        page.evaluate("console.error('one'); setTimeout(() => { throw new Error('two'); })")
    assert browser.errors(page)[0] == "one"
    assert "two" in browser.errors(page)[1]
    page.close()


def test_a_missing_browser_is_an_error_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Nowhere:
        def __enter__(self) -> Nowhere:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        chromium = property(lambda self: self)
        executable_path = str(tmp_path / "chrome")

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(harness, "sync_playwright", Nowhere)
    with pytest.raises(RuntimeError, match="playwright install --with-deps chromium"):
        find_browser()


def test_a_server_that_cannot_start_shows_its_log(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="did not start"), JupyterServer("lab", tmp_path / "missing"):
        pass


def test_closing_a_server_ends_its_kernels(tmp_path: Path, browser: Browser) -> None:
    write_notebook(tmp_path / "one.ipynb", "1")
    page = browser.new_page()
    with JupyterServer("notebook", tmp_path, theme="dark") as server:
        NotebookPage(page, server).open("one.ipynb")
        assert page.evaluate("document.body.dataset.jpThemeName") == "JupyterLab Dark"
        kernels = server.kernel_processes()
        assert len(kernels) == 1
    assert not kernels[0].is_running()
    page.close()


def test_a_slow_link_takes_the_time_of_its_rate() -> None:
    with _server_of(_MEGABYTE) as port:
        _, direct = _download(port)
        with ThrottledProxy(port, megabits=5) as proxy:
            total, slow = _download(proxy.port)
            assert proxy.bytes_down == _MEGABYTE
            proxy.megabits = 50
            _, faster = _download(proxy.port)
            proxy.megabits = None
            _, unlimited = _download(proxy.port)
    assert total == _MEGABYTE
    assert direct < 0.5
    assert 1.5 < slow < 2.4  # 8 Mbit at 5 Mbit/s: 1.6 s
    assert 0.15 < faster < 0.6
    assert unlimited < 0.5


def test_a_slow_link_delays_by_its_latency() -> None:
    with _server_of(10) as port:
        with ThrottledProxy(port, megabits=5, latency_ms=200) as proxy:
            _, slow = _download(proxy.port)
        with ThrottledProxy(port, megabits=5) as proxy:
            _, quick = _download(proxy.port)
    assert 0.2 <= slow < 0.6
    assert quick < 0.1


def test_a_slow_link_pushes_back_on_the_sender() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ThrottledProxy(1, megabits=5) as proxy:
        proxy._target_port = listener.getsockname()[1]
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            receiver, _ = listener.accept()  # and reads nothing
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
            client.settimeout(1.5)
            taken = 0
            with pytest.raises(TimeoutError):
                while taken < 20 * _MEGABYTE:
                    taken += client.send(bytes(65536))
            receiver.close()
    assert taken < 8 * _MEGABYTE


def test_a_link_without_a_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="megabits"):
        ThrottledProxy(1, megabits=0)
