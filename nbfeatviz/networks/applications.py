"""The networks of keras.applications: which there are, and how one is made without waiting for ever."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import types
from collections.abc import Iterator
from functools import cache

from nbfeatviz.engine import keras

_FETCH_SECONDS = 10.0
_fetching = threading.Lock()


@cache
def applications() -> dict[str, types.ModuleType]:
    """The networks of keras.applications by name, each with the module that has its `preprocess_input`."""
    modules = {
        _squeezed(name): module
        for name, module in vars(keras.applications).items()
        if isinstance(module, types.ModuleType) and hasattr(module, "preprocess_input")
    }
    found: dict[str, types.ModuleType] = {}
    for name, maker in vars(keras.applications).items():
        if name[0].isupper() and callable(maker):
            owners = [module for module in modules.values() if hasattr(module, name)]
            alike = [module for title, module in modules.items() if name.casefold().startswith(title)]
            if owners or alike:
                found[name] = (owners or alike[-1:])[0]
    return found


def application_of(model: keras.Model) -> types.ModuleType | None:
    """The module of the network that a model is, by its name; None where it is none of keras.applications."""
    known = {title.casefold(): module for title, module in applications().items()}
    return known.get(_squeezed(re.sub(r"_\d\.\d+_\d+$", "", model.name)))  # "mobilenetv2_1.00_224"


def make_application(name: str, weights: str | None) -> keras.Model:
    """Makes a network of keras.applications that ends in logits, quietly; Keras downloads its weights once."""
    with _bounded_fetch():
        return getattr(keras.applications, name)(weights=weights, classifier_activation=None)


@contextlib.contextmanager
def _bounded_fetch() -> Iterator[None]:
    """Keras fetches without a time limit and prints: give its sockets one, and let it be quiet."""
    with _fetching:  # both settings are the process's: one at a time
        before, talks = socket.getdefaulttimeout(), keras.config.is_interactive_logging_enabled()
        socket.setdefaulttimeout(_FETCH_SECONDS)
        keras.config.disable_interactive_logging()
        try:
            yield
        finally:
            socket.setdefaulttimeout(before)
            if talks:
                keras.config.enable_interactive_logging()


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
