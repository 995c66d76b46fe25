"""Drive a real JupyterLab or Notebook 7 in a real Chromium, for browser tests and benchmarks."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import TracebackType

import psutil  # type: ignore[import-untyped]
from playwright.sync_api import Browser as PlaywrightBrowser
from playwright.sync_api import Page, Playwright, sync_playwright

from tests.browser.server import JupyterServer, write_notebook

__all__ = [
    "Browser",
    "CellError",
    "JupyterServer",
    "NotebookPage",
    "browser_memory",
    "find_browser",
    "write_notebook",
]

CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--js-flags=--expose-gc",
    "--enable-precise-memory-info",
)
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_COUNT_BLOBS = """(() => {
  const live = new Map(), make = URL.createObjectURL, drop = URL.revokeObjectURL;
  const count = window.__blobs = {live, made: 0, revoked: 0};
  URL.createObjectURL = (blob) => {
    const url = make.call(URL, blob); live.set(url, blob.size || 0); count.made++; return url; };
  URL.revokeObjectURL = (url) => { if (live.delete(url)) count.revoked++; return drop.call(URL, url); };
})()"""
_READY = """(name) => {
  const context = window.jupyterapp?.shell?.currentWidget?.context;
  const kernel = context?.sessionContext.session?.kernel;
  return context?.path === name && context.isReady && kernel?.status === 'idle';
}"""
_KERNEL = "window.jupyterapp.shell.currentWidget.context.sessionContext.session.kernel"


class CellError(RuntimeError):
    """A cell raised; the message is its error's name and text."""


def find_browser() -> str:
    """Return the path of a Chromium to drive: the system's, else the one that Playwright installed.

    Call it before a Playwright of this thread runs, which does not bear a second one beside it.

    Raises:
        RuntimeError: There is none; a browser test fails then and is never skipped.
    """
    for name in _BROWSERS:
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        bundled = playwright.chromium.executable_path
    if Path(bundled).exists():
        return bundled
    raise RuntimeError(
        "No Chromium was found for the browser tests: run `playwright install --with-deps chromium`, "
        "install Debian's `chromium` package, or run `bash tests/run.sh`, which does it for you."
    )


class Browser:
    """A headless Chromium whose pages count their blobs and keep what went wrong in them."""

    def __init__(self) -> None:
        self._playwright: Playwright | None = None
        self._browser: PlaywrightBrowser | None = None
        self._errors: dict[Page, list[str]] = {}

    def __enter__(self) -> Browser:
        path = find_browser()
        self._playwright = sync_playwright().start()
        try:
            self._browser = self._playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        except BaseException:
            self._playwright.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._browser is not None:
            self._browser.close()
        if self._playwright is not None:
            self._playwright.stop()

    def new_page(self, width: int = 1400, height: int = 900) -> Page:
        """Open an empty page of its own cookies and cache; close it with `page.close()`."""
        assert self._browser is not None, "use Browser as a context manager"
        page = self._browser.new_page(viewport={"width": width, "height": height})
        page.add_init_script(_COUNT_BLOBS)
        errors = self._errors[page] = []
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: errors.append(f"uncaught: {error}"))
        page.on("dialog", lambda dialog: dialog.accept())  # "leave without saving?"
        return page

    def errors(self, page: Page) -> list[str]:
        """Return the errors on the page's console and the uncaught ones so far, oldest first."""
        return self._errors[page]


class NotebookPage:
    """A notebook as a person sees it: a page, and the menu commands that tests need.

    Args:
        page: A page of `Browser.new_page`.
        server: The server to open notebooks of.
        port: The port of a proxy in between, if any.
    """

    def __init__(self, page: Page, server: JupyterServer, *, port: int | None = None) -> None:
        self.page = page
        self.server = server
        self._port = port
        self._name = ""

    def open(self, name: str, *, seconds: float = 60) -> NotebookPage:
        """Open the notebook file `name` and wait until its kernel is idle."""
        self._name = name
        self.page.goto(self.server.notebook_url(name, port=self._port), timeout=seconds * 1000)
        self.wait_idle(seconds=seconds)
        return self

    def wait_idle(self, *, seconds: float = 60) -> None:
        """Wait until the notebook is loaded and its kernel has nothing to do."""
        self.page.wait_for_function(_READY, arg=self._name, timeout=seconds * 1000)

    def run_all(self, *, wait: bool = True, seconds: float = 120) -> None:
        """Run every cell, as the menu does.

        Raises:
            CellError: A cell raised, if waited for.
        """
        count = self.page.evaluate("jupyterapp.shell.currentWidget.content.model.cells.length")
        run = self._start("notebook:run-all-cells")
        if wait:
            self._wait_end(run, seconds)
            for index in range(count):
                self.cell_text(index)

    def run_code(self, source: str, *, wait: bool = True, seconds: float = 120) -> str:
        """Append a code cell with `source` and run it.

        Returns:
            What the cell printed and its value as text; empty without `wait`.

        Raises:
            CellError: The cell raised, if waited for.
        """
        index = self.page.evaluate(
            """(source) => {
              const {content} = jupyterapp.shell.currentWidget;
              const book = content.model.sharedModel, n = book.cells.length;
              book.insertCell(n, {cell_type: 'code', source});
              content.deselectAll(); content.activeCellIndex = n; content.mode = 'command';
              return n;
            }""",
            source,
        )
        run = self._start("notebook:run-cell")
        if not wait:
            return ""
        self._wait_end(run, seconds)
        return self.cell_text(index)

    def cell_text(self, index: int) -> str:
        """Return the text that cell `index` has put out so far.

        Raises:
            CellError: Its output holds an error.
        """
        outputs = self.page.evaluate(
            "(n) => jupyterapp.shell.currentWidget.content.model.sharedModel.cells[n].toJSON().outputs ?? []",
            index,
        )
        for output in outputs:
            if output["output_type"] == "error":
                raise CellError(f"cell {index}: {output['ename']}: {output['evalue']}")
        texts = (output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)
        return "".join(text if isinstance(text, str) else "".join(text) for text in texts)

    def save(self) -> None:
        """Save the notebook's file and wait until it is written."""
        self.page.evaluate("jupyterapp.shell.currentWidget.context.save()")

    def reload(self, *, seconds: float = 60) -> None:
        """Load the page again, as F5 does; the kernel lives on, and cells that were not saved are gone."""
        self.page.reload(timeout=seconds * 1000)
        self.wait_idle(seconds=seconds)

    def restart_kernel(self, *, seconds: float = 60) -> None:
        """Restart the kernel without the question, and wait until it is idle."""
        self.page.evaluate("jupyterapp.shell.currentWidget.context.sessionContext.restartKernel()")
        self.wait_idle(seconds=seconds)

    def interrupt_kernel(self) -> None:
        """Interrupt the kernel, as the stop button of the toolbar does."""
        self.page.evaluate(f"{_KERNEL}.interrupt()")

    def kernel_status(self) -> str:
        """Return the kernel's status as the page knows it: "idle", "busy", "restarting", "dead", ..."""
        status: str = self.page.evaluate(f"{_KERNEL}?.status ?? 'none'")
        return status

    def set_theme(self, theme: str) -> None:
        """Change to "JupyterLab Dark" or "JupyterLab Light" and wait until it is on."""
        self.page.evaluate("(theme) => jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        self.page.wait_for_function(
            "(theme) => document.body.dataset.jpThemeName === theme && !document.querySelector('#jupyterlab-splash')",
            arg=theme,
        )

    def _start(self, command: str) -> int:
        """Begin a command; several may be under way, so each is known by the number returned."""
        script = """(command) => {
          const ended = window.__ended ??= new Set(), run = window.__runs = (window.__runs ?? 0) + 1;
          jupyterapp.commands.execute(command).finally(() => ended.add(run));
          return run;
        }"""
        run: int = self.page.evaluate(script, command)
        return run

    def _wait_end(self, run: int, seconds: float) -> None:
        self.page.wait_for_function("(run) => window.__ended.has(run)", arg=run, timeout=seconds * 1000)


def browser_memory(page: Page) -> dict[str, int]:
    """Weigh a page after a garbage collection.

    Returns:
        `heap`: bytes of the JavaScript heap in use; `blobs`: object URLs not revoked; `blob_bytes`: the bytes
        behind them; `blobs_made`: all object URLs so far; `rss`: bytes resident in all renderer processes.
    """
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.collectGarbage")
    metrics = {entry["name"]: entry["value"] for entry in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    blobs = page.evaluate(
        "({blobs: __blobs.live.size, blobs_made: __blobs.made,"
        " blob_bytes: [...__blobs.live.values()].reduce((sum, size) => sum + size, 0)})"
    )
    return {"heap": int(metrics["JSHeapUsedSize"]), "rss": _renderer_bytes(page), **blobs}


def _renderer_bytes(page: Page) -> int:
    browser = page.context.browser
    assert browser is not None
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    renderers = [process["id"] for process in processes if process["type"] == "renderer"]
    return sum(psutil.Process(pid).memory_info().rss for pid in renderers if psutil.pid_exists(pid))
