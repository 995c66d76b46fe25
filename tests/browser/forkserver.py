"""Kernels that begin with TensorFlow imported: each is forked from one process, which has done that once.

A kernel that starts as usual imports TensorFlow for seconds, and a browser test needs a kernel of its own. Run as a
script this file is either side: `forkserver.py serve SOCKET` is the process that forks, `forkserver.py launch SOCKET
CONNECTION_FILE` is what a Jupyter server starts, watches and signals in the place of the kernel.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

_LENGTH_BYTES = 4


class KernelForkServer:
    """The process that forks kernels; as a context manager it runs until the end of the block.

    The kernels are ordinary ones in every other respect. They have this process's environment as TensorFlow read it
    (`KERAS_HOME`, `TF_...`) and their Jupyter server's in all that is read later.
    """

    def __init__(self) -> None:
        self._home = tempfile.TemporaryDirectory(prefix="nbfeatviz-forks-")
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def argv(self) -> list[str]:
        """The command of a kernel, as a kernel specification has it."""
        # without site-packages, which the launcher needs nothing of, it starts at once
        return [sys.executable, "-I", "-S", __file__, "launch", self._address, "{connection_file}"]

    @property
    def _address(self) -> str:
        return str(Path(self._home.name, "socket"))

    def __enter__(self) -> KernelForkServer:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "serve", self._address], stdin=subprocess.DEVNULL, start_new_session=True
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait()
        self._home.cleanup()


def serve(address: str) -> tuple[dict[str, Any], list[int]]:
    """Fork for each connection, until SIGTERM; a kernel ends with its connection, and the other way round.

    Returns:
        In a forked process, and only there: what its launcher asks for, and the launcher's standard streams.
    """
    os.environ["JPY_PARENT_PID"] = str(os.getpid())  # a kernel that this process leaves behind ends itself
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(address)
        listener.listen()  # who connects before the imports are done waits in this queue
        _import_all()
        launchers: dict[int, socket.socket] = {}
        woken, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: _end(launchers))
        for each in (listener, woken):
            selector.register(each, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is woken:
                    woken.recv(1024)
                    _report_ends(launchers, selector)
                elif key.fileobj is listener:
                    launcher, _ = listener.accept()
                    request, streams = _receive(launcher)
                    pid = os.fork()
                    if pid == 0:
                        signal.set_wakeup_fd(-1)
                        for number in (signal.SIGCHLD, signal.SIGTERM):
                            signal.signal(number, signal.SIG_DFL)
                        for each in (launcher, woken, waker, *launchers.values()):
                            each.close()
                        return request, streams
                    for stream in streams:
                        os.close(stream)
                    launchers[pid] = launcher
                    launcher.sendall(pid.to_bytes(_LENGTH_BYTES))
                    selector.register(launcher, selectors.EVENT_READ, pid)
                else:  # a launcher says nothing more: it was killed
                    selector.unregister(key.fileobj)
                    _kill(key.data)


def be_kernel(request: dict[str, Any], streams: list[int]) -> None:
    """Go on as `python -m ipykernel_launcher -f CONNECTION_FILE` would in the launcher's place."""
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    own = {name: os.environ[name] for name in ("JPY_PARENT_PID",)}
    os.environ.clear()
    os.environ.update(request["environment"] | own)
    os.chdir(request["folder"])
    sys.argv = ["ipykernel_launcher", "-f", request["connection_file"]]
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()


def launch(address: str, connection_file: str) -> int:
    """Have a kernel forked, hand signals on to it, and return its exit code when it ends."""
    with _connected(address) as server:
        request = {"connection_file": connection_file, "environment": dict(os.environ), "folder": os.getcwd()}
        message = json.dumps(request).encode()
        socket.send_fds(server, [len(message).to_bytes(_LENGTH_BYTES)], [0, 1, 2])
        server.sendall(message)
        kernel = int.from_bytes(_read(server, _LENGTH_BYTES))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: os.killpg(kernel, number))
        return int.from_bytes(_read(server, _LENGTH_BYTES))


def _connected(address: str, seconds: float = 60) -> socket.socket:
    end = time.monotonic() + seconds
    while True:
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(address)
            return server
        except OSError:  # it has only begun
            server.close()
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


def _import_all() -> None:
    """Import what takes long, and nothing that begins something: neither threads nor widgets outlive a fork.

    TensorFlow makes its threads when it computes; ipywidgets and ipycanvas tell their kernel of themselves on import.
    """
    del sys.path[0]  # the folder of this file, which no kernel has
    for name in ("tensorflow", "keras", "ipykernel.kernelapp"):
        importlib.import_module(name)
    assert "ipywidgets" not in sys.modules
    gc.freeze()  # the kernels share what is there, as no collection touches it


def _receive(launcher: socket.socket) -> tuple[dict[str, Any], list[int]]:
    length, streams, _, _ = socket.recv_fds(launcher, _LENGTH_BYTES, 3)
    return json.loads(_read(launcher, int.from_bytes(length))), streams


def _read(connection: socket.socket, size: int) -> bytes:
    read = b""
    while len(read) < size:
        part = connection.recv(size - len(read))
        if not part:
            raise ConnectionError("the other side has ended")
        read += part
    return read


def _report_ends(launchers: dict[int, socket.socket], selector: selectors.BaseSelector) -> None:
    """Tell the launchers of kernels that have ended."""
    while launchers:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        launcher = launchers.pop(pid)
        with suppress(KeyError):
            selector.unregister(launcher)
        with launcher, suppress(OSError):
            launcher.sendall((os.waitstatus_to_exitcode(status) % 256).to_bytes(_LENGTH_BYTES))


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _end(launchers: dict[int, socket.socket]) -> None:
    for pid in launchers:
        _kill(pid)
    os._exit(0)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        be_kernel(*serve(sys.argv[2]))
    else:
        sys.exit(launch(sys.argv[2], sys.argv[3]))
