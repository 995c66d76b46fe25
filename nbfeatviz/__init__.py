"""nbfeatviz: watch what the units of a convolutional network like to see, live in a notebook.

Importing this package is quick: ipywidgets is loaded with the first name that needs it, and TensorFlow with the first
computation; a panel loads it in the background. The public names are listed once, in the stub beside this file.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from typing import Any

__version__ = "0.1.0"


def _homes() -> dict[str, str]:
    """By public name the module or package that has it, as type checkers read it in the stub."""
    stub = ast.parse(pkgutil.get_data(__name__, "__init__.pyi") or b"")
    return {
        name.name: str(line.module) for line in stub.body if isinstance(line, ast.ImportFrom) for name in line.names
    }


_HOMES = _homes()
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nbfeatviz' has no attribute {name!r}")
    home = importlib.import_module(_HOMES[name])
    is_package = hasattr(home, "__path__")  # then the name is a module in it
    value = importlib.import_module(f"{home.__name__}.{name}") if is_package else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
