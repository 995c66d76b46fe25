"""TensorFlow and Keras, imported when one of their names is first used: the package has both from here.

Importing them takes seconds. A panel does it in the background, by `begin`, and is seen meanwhile.
"""

from __future__ import annotations

import builtins
import importlib
import os
import sys
import tempfile
import threading
from typing import TYPE_CHECKING, Any

__all__ = ["begin", "keras", "load", "loaded", "tf", "wait"]

_LONGEST_WAIT_SECONDS = 60.0
_lock = threading.Lock()
_ready = threading.Event()
_background: threading.Thread | None = None


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
    return _ready.is_set() or (wait(0) and {"keras", "tensorflow"} <= sys.modules.keys())


def load() -> None:
    """Imports both, or waits for the thread that does (ImportError if they cannot be imported)."""
    with _lock:
        if not _ready.is_set():
            _import_quietly()
            _ready.set()


def begin() -> None:
    """Has both imported in the background; whether that succeeds, a `load` after `wait` says.

    Returns when the import of both has begun, so that whoever else imports one of them waits for its end.
    """
    global _background
    if not loaded() and wait(0):
        # no daemon: an interpreter that goes down during the import could crash
        _background = threading.Thread(target=_load_in_background, name="nbfeatviz-tensorflow", daemon=False)
        _background.start()
    while not wait(0.002) and not {"keras", "tensorflow"} <= sys.modules.keys():
        pass


def wait(seconds: float) -> bool:
    """Waits so long at most for the import in the background; returns whether none is under way (any more)."""
    thread = _background
    if thread is not None:
        thread.join(seconds)
    return thread is None or not thread.is_alive()


def _load_in_background() -> None:
    """Imports both, while other threads that import one of them wait.

    Python gives a thread the half-made module that another one is importing where it asks for a submodule
    (`from keras.layers import Dense`), or where two modules import one another, as these two do.
    """
    ordinary, this = builtins.__import__, threading.get_ident()

    def waiting(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] in ("keras", "tensorflow") and threading.get_ident() != this:
            wait(_LONGEST_WAIT_SECONDS)
        return ordinary(name, *rest, **more)

    builtins.__import__ = waiting
    try:
        load()
    except Exception:
        return  # the next to call `load` hears of it
    finally:
        if builtins.__import__ is waiting:  # if not, another has built on it: then it stays, and nobody waits any more
            builtins.__import__ = ordinary


def _import_quietly() -> None:
    """Imports both without the dozen lines of log that TensorFlow writes to file descriptor 2 as it starts.

    A notebook would show them in red above the panel. They are written after all if the import fails.
    """
    stderr = None if "tensorflow" in sys.modules or _others_are_heard() else _copy_of_stderr()
    if stderr is None:
        _import()
        return
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            _import()
        except BaseException:
            log.seek(0)
            os.write(stderr, log.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


def _import() -> None:
    importlib.import_module("keras")  # imports TensorFlow in turn
    importlib.import_module("tensorflow").constant(0)  # the lines about the processor come with the first operation


def _others_are_heard() -> bool:
    """Whether, in the background, the main thread may write its errors there meanwhile: in a script, not a notebook."""
    try:
        return threading.current_thread() is _background and sys.stderr.fileno() == 2
    except (AttributeError, OSError, ValueError):  # no stream, or one that is no file
        return False


def _copy_of_stderr() -> int | None:
    try:
        return os.dup(2)
    except OSError:  # no standard error at all
        return None
