"""TensorFlow and Keras, imported when one of their names is first used: the package has both from here.

Importing them takes seconds. A panel does it in the background, by `begin`, and is seen meanwhile.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import json
import os
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

__all__ = ["BackendError", "begin", "keras", "load", "loaded", "tf", "wait"]

_NAMES = {"keras", "tensorflow"}
_LONGEST_WAIT_SECONDS = 60.0
_lock = threading.Lock()
_ready = threading.Event()
_beginning = threading.Lock()
_background: _Background | None = None


class BackendError(ImportError):
    """Keras is set to compute with something else than TensorFlow."""


class _Later:
    """Stands for a module: each of its names is the module's, which is imported with the first."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        if not _ready.is_set():
            load()
        return getattr(sys.modules[self._module], name)


if TYPE_CHECKING:
    import keras
    import tensorflow as tf
else:
    keras, tf = _Later("keras"), _Later("tensorflow")


def loaded() -> bool:
    """Whether both are there, whoever imported them."""
    return _ready.is_set() or (wait(0) and sys.modules.keys() >= _NAMES)


def load(threads: int | None = None) -> None:
    """Imports both, or waits for the thread that does.

    Args:
        threads: TensorFlow's for one operation; None for its own choice. Of no effect where it is imported already, as
            the first operation, which Keras's import is, settles it.

    Raises:
        BackendError: Keras has another backend than TensorFlow; it is not imported for that.
        ImportError: they cannot be imported.
    """
    with _lock:
        if not _ready.is_set():
            _check_backend()
            _import_quietly(threads)
            _check_backend()  # a thread of the user's may have imported Keras with other settings meanwhile
            _ready.set()


def begin() -> None:
    """Has both imported in the background; whether that succeeded, a `load` after `wait` says."""
    global _background
    with _beginning:
        if not loaded() and wait(0):
            _background = _Background()
            _background.start()


def wait(seconds: float) -> bool:
    """Waits so long at most for the import in the background; returns whether none is under way (any more)."""
    return _background is None or _background.over.wait(seconds)


class _Background(threading.Thread):
    """Imports both, while other threads that import one of them wait.

    Python gives a thread the half-made module that another one is importing where it asks for a submodule
    (`from keras.layers import Dense`), or where two modules import one another, as these two do.
    """

    def __init__(self) -> None:
        super().__init__(name="nbfeatviz-tensorflow", daemon=False)  # an interpreter that ends meanwhile could crash
        self.over = threading.Event()
        self._ordinary = builtins.__import__

    def start(self) -> None:
        """Returns when the import of both has begun; where a thread of the user's has begun it, that one is first."""
        if sys.modules.keys() & _NAMES:
            super().start()
            return
        builtins.__import__ = self._wait_and_import  # type: ignore[assignment]
        super().start()
        while not sys.modules.keys() >= _NAMES and not self.over.wait(0.002):
            pass

    def run(self) -> None:
        try:
            with contextlib.suppress(Exception):  # the next to call `load` hears of it
                load()
        finally:
            if builtins.__import__ == self._wait_and_import:  # else another has built on it, and it stays
                builtins.__import__ = self._ordinary
            self.over.set()

    def _wait_and_import(self, name: str, namespace: Any = None, *rest: Any, **more: Any) -> Any:
        """Stands for the built-in `__import__`; one of their own modules never waits, as another may wait for it."""
        asks = (namespace or {}).get("__name__") or ""
        if _is_of_them(name) and not _is_of_them(asks) and threading.current_thread() is not self:
            self.over.wait(_LONGEST_WAIT_SECONDS)
        return self._ordinary(name, namespace, *rest, **more)


def _check_backend() -> None:
    backend, said_by = _backend()
    if backend != "tensorflow":
        raise BackendError(
            f"Keras is set to the backend {backend!r} ({said_by}), and nbfeatviz needs TensorFlow's: set the "
            "environment variable KERAS_BACKEND to 'tensorflow' before Keras is imported, and restart the kernel."
        )


def _backend() -> tuple[str, str]:
    """Keras's backend and where it is said; before Keras is imported, what it will be, found as Keras finds it."""
    config: Any = getattr(sys.modules.get("keras"), "config", None)
    if hasattr(config, "backend"):  # else another thread has only begun to import it
        return str(config.backend()), "and is imported already"
    if os.environ.get("KERAS_BACKEND"):
        return os.environ["KERAS_BACKEND"], "by the environment variable KERAS_BACKEND"
    home = os.path.expanduser("~")
    folder = os.environ.get("KERAS_HOME", os.path.join(home if os.access(home, os.W_OK) else "/tmp", ".keras"))
    file = Path(os.path.expanduser(folder), "keras.json")
    try:
        settings = json.loads(file.read_bytes())
    except (OSError, ValueError):  # no such file, or none that Keras could read either
        return "tensorflow", "by default"
    backend = settings.get("backend", "tensorflow") if isinstance(settings, dict) else "tensorflow"
    return str(backend), f"in {file}"


def _is_of_them(module: str) -> bool:
    return module.partition(".")[0] in _NAMES


def _import_quietly(threads: int | None) -> None:
    """Imports both without the dozen lines of log that TensorFlow writes to file descriptor 2 as it starts.

    A notebook would show them in red above the panel. They are written after all if the import fails.
    """
    stderr = None if "tensorflow" in sys.modules or _others_are_heard() else _copy_of_stderr()
    if stderr is None:
        _import(threads)
        return
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            _import(threads)
        except BaseException:
            log.seek(0)
            os.write(stderr, log.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _import(threads: int | None) -> None:
    if threads is not None and "tensorflow" not in sys.modules:
        threading_of = importlib.import_module("tensorflow").config.threading
        threading_of.set_intra_op_parallelism_threads(threads)
        threading_of.set_inter_op_parallelism_threads(min(threads, 2))
    if "tensorflow" in sys.modules:  # a thread of the user's has begun with it: wait for that, they import one another
        importlib.import_module("tensorflow")
    importlib.import_module("keras")
    importlib.import_module("tensorflow").constant(0)  # the lines about the processor come with the first operation


def _others_are_heard() -> bool:
    """Whether the main thread may write its errors there meanwhile: in the background, in a script."""
    try:
        return threading.current_thread() is not threading.main_thread() and sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):  # no stream, or one that is no file
        return False


def _copy_of_stderr() -> int | None:
    try:
        return os.dup(2)
    except OSError:  # no standard error at all
        return None
