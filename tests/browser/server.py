"""A JupyterLab or Notebook 7 server for one test run, apart from the user's own settings."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import psutil  # type: ignore[import-untyped]

# drawn without a graphics card, its animation takes a second of a core at each page and each change of the theme
_UNNEEDED_PLUGINS = ["@jupyterlab/apputils-extension:splash"]
_KERNEL_TITLES = {"python3": "Python 3", "warm": "Python 3 with TensorFlow imported"}


class JupyterServer:
    """A JupyterLab or Notebook 7 server on loopback that shares no settings with this machine's user.

    Args:
        kind: Which page it serves notebooks with.
        folder: The folder of the notebooks.
        theme: The theme a page starts with, "light" or "dark".
        warm_kernel: The command of the kernel that notebooks of `write_notebook(..., kernel="warm")` have.
        settings: More front-end settings by plugin, as in
            `{"@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"}}`.

    Attributes:
        port: The server's port, known after entering.
        log: The file that holds what the server and its kernels print.
    """

    def __init__(
        self,
        kind: Literal["lab", "notebook"],
        folder: Path,
        *,
        theme: Literal["light", "dark"] = "light",
        warm_kernel: Sequence[str] = (),
        settings: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        if kind not in ("lab", "notebook"):
            raise ValueError(f"kind must be 'lab' or 'notebook', not {kind!r}")
        self.kind = kind
        self.folder = folder
        self.port = 0
        self.token = secrets.token_hex(16)
        self._home = Path(tempfile.mkdtemp(prefix="nbfeatviz-jupyter-"))
        self.log = self._home / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._kernels = {"python3": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]}
        if warm_kernel:
            self._kernels["warm"] = list(warm_kernel)
        themes = {"theme": f"JupyterLab {theme.title()}", "adaptive-theme": False}
        quiet = {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True}
        self._settings: dict[str, Mapping[str, Any]] = {
            "@jupyterlab/apputils-extension:notification": quiet,
            "@jupyterlab/apputils-extension:themes": themes,
            **(settings or {}),
        }

    def __enter__(self) -> JupyterServer:
        self._write_home()
        self.port = _free_port()
        app = "LabApp" if self.kind == "lab" else "JupyterNotebookApp"
        command = [sys.executable, "-m", "jupyter", self.kind, "--no-browser", "--allow-root"]
        command += [f"--ServerApp.{name}" for name in self._server_options()]
        command += [f"--{app}.expose_app_in_browser=True"]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            self._wait_until_ready()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def url(self, path: str, *, port: int | None = None) -> str:
        """Return the address of `path` with the token, by way of `port` (a proxy's) if given."""
        mark = "&" if "?" in path else "?"
        return f"http://127.0.0.1:{port or self.port}/{path.lstrip('/')}{mark}token={self.token}"

    def notebook_url(self, name: str, *, port: int | None = None) -> str:
        """Return the address of the page that shows the notebook `name`."""
        name = urllib.parse.quote(name)
        path = f"lab/tree/{name}?reset" if self.kind == "lab" else f"notebooks/{name}"
        return self.url(path, port=port)

    def kernel_processes(self) -> list[psutil.Process]:
        """Return the running kernels, to weigh or to kill in a test."""
        if self._process is None or self._process.poll() is not None:
            return []
        children = psutil.Process(self._process.pid).children(recursive=True)
        return [child for child in children if "ipykernel_launcher" in " ".join(child.cmdline())]

    def end_kernels(self) -> None:
        """Shut every kernel down, as a person does who closes the notebook: each holds about a gigabyte."""
        with urllib.request.urlopen(self.url("api/kernels"), timeout=30) as dispatch:
            kernels = json.load(dispatch)
        for kernel in kernels:
            request = urllib.request.Request(self.url(f"api/kernels/{kernel['id']}"), method="DELETE")
            with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=60):
                pass  # HTTPError: it has ended by itself meanwhile

    def close(self) -> None:
        """End the server and every process that it started."""
        process, self._process = self._process, None
        if process is not None:
            try:
                started = psutil.Process(process.pid).children(recursive=True)
            except psutil.NoSuchProcess:
                started = []
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for child in psutil.wait_procs(started, timeout=2)[1]:
                child.kill()
        shutil.rmtree(self._home, ignore_errors=True)

    def _server_options(self) -> list[str]:
        return [
            "ip=127.0.0.1",
            f"port={self.port}",
            "port_retries=0",
            f"root_dir={self.folder}",
            "terminals_enabled=False",
            "allow_origin=*",
        ]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
        return kept | {
            "JUPYTER_TOKEN": self.token,
            "JUPYTER_CONFIG_DIR": str(self._home / "config"),
            "JUPYTER_DATA_DIR": str(self._home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self._home / "runtime"),
            "JUPYTERLAB_SETTINGS_DIR": str(self._home / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self._home / "workspaces"),
            "IPYTHONDIR": str(self._home / "ipython"),
            "JUPYTER_PREFER_ENV_PATH": "0",  # the kernel below goes before the environment's own
        }

    def _write_home(self) -> None:
        for name, argv in self._kernels.items():
            kernel = self._home / "data" / "kernels" / name
            kernel.mkdir(parents=True)
            spec = {"argv": argv, "display_name": _KERNEL_TITLES[name], "language": "python"}
            (kernel / "kernel.json").write_text(json.dumps(spec))
        page_config = self._home / "config" / "labconfig" / "page_config.json"
        page_config.parent.mkdir(parents=True)
        page_config.write_text(json.dumps({"disabledExtensions": dict.fromkeys(_UNNEEDED_PLUGINS, True)}))
        for plugin, values in self._settings.items():
            package, name = plugin.split(":")
            file = self._home / "settings" / package / f"{name}.jupyterlab-settings"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))

    def _wait_until_ready(self, seconds: float = 60) -> None:
        assert self._process is not None
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with urllib.request.urlopen(self.url("api/status"), timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        log = self.log.read_text(errors="replace")[-3000:]
        raise RuntimeError(f"jupyter {self.kind} did not start:\n{log}")


def write_notebook(path: Path, *cells: str, kernel: Literal["python3", "warm"] = "python3") -> Path:
    """Write a notebook with the given code cells for that kernel, and return its path."""
    made: list[dict[str, Any]] = [
        {"cell_type": "code", "id": f"c{index}", "metadata": {}, "source": source}
        | {"execution_count": None, "outputs": []}
        for index, source in enumerate(cells)
    ]
    kernelspec = {"name": kernel, "display_name": _KERNEL_TITLES[kernel], "language": "python"}
    book = {"cells": made, "metadata": {"kernelspec": kernelspec}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(book))
    return path


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
