"""The networks of keras.applications: which there are, and how one is made without waiting for ever."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from nbfeatviz.engine import keras

_FETCH_SECONDS = 10.0
_fetching = threading.Lock()


@dataclass(frozen=True)
class Application:
    """A network of keras.applications.

    Attributes:
        module: of Keras, which has its `preprocess_input`.
    """

    module: types.ModuleType

    def preprocess_input(self, pictures: Any) -> Any:
        """The network's input from pictures (..., 3), RGB in 0..255, whatever order of dimensions Keras is set to."""
        return self.module.preprocess_input(pictures, data_format="channels_last")


@cache
def applications() -> dict[str, Application]:
    """The networks of keras.applications by name."""
    modules = {
        _squeezed(name): module
        for name, module in vars(keras.applications).items()
        if isinstance(module, types.ModuleType) and hasattr(module, "preprocess_input")
    }
    found: dict[str, Application] = {}
    for name, maker in vars(keras.applications).items():
        if name[0].isupper() and callable(maker):
            owners = [module for module in modules.values() if hasattr(module, name)]
            alike = [module for title, module in modules.items() if name.casefold().startswith(title)]
            if owners or alike:
                found[name] = Application((owners or alike[-1:])[0])
    return found


def make_application(name: str, weights: str | None, **options: Any) -> keras.Model:
    """Makes a network of keras.applications that ends in logits, quietly; Keras downloads its weights once.

    Args:
        name: one of `applications()`.
        weights: "imagenet" or None.
        **options: further arguments of Keras's function, as include_top=False.
    """
    with _bounded_fetch(), _channels_last():
        return getattr(keras.applications, name)(weights=weights, classifier_activation=None, **options)


@contextlib.contextmanager
def _bounded_fetch() -> Iterator[None]:
    """Keras fetches without a time limit and prints: give its sockets one, and let it be quiet."""
    with _fetching:  # these settings are the process's: one at a time
        before, talks = socket.getdefaulttimeout(), keras.config.is_interactive_logging_enabled()
        socket.setdefaulttimeout(_FETCH_SECONDS)
        keras.config.disable_interactive_logging()
        try:
            yield
        finally:
            socket.setdefaulttimeout(before)
            if talks:
                keras.config.enable_interactive_logging()


@contextlib.contextmanager
def _channels_last() -> Iterator[None]:
    """Only by Keras's global setting can its networks be told that channels come last, as they do in all pictures."""
    before = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_last")
    try:
        yield
    finally:
        keras.config.set_image_data_format(before)


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.casefold())
