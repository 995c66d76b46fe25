"""nbfeatviz: watch what the units of a convolutional network like to see, live in a notebook.

Importing this package is quick: TensorFlow and ipywidgets are loaded with the first name that needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbfeatviz.networks.loading import load
    from nbfeatviz.networks.network import Network
    from nbfeatviz.networks.receptive_field import ReceptiveField, receptive_field
    from nbfeatviz.synthesis import objectives, recipes
    from nbfeatviz.synthesis.ascent import NotFiniteError, Step, ascend
    from nbfeatviz.synthesis.maximize import maximize, maximize_grid
    from nbfeatviz.synthesis.visualization import Visualization
    from nbfeatviz.widgets.explorer import FeatureExplorer

__version__ = "0.1.0"

__all__ = [
    "FeatureExplorer",
    "Network",
    "NotFiniteError",
    "ReceptiveField",
    "Step",
    "Visualization",
    "ascend",
    "load",
    "maximize",
    "maximize_grid",
    "objectives",
    "receptive_field",
    "recipes",
]

_HOMES = {
    "FeatureExplorer": "widgets.explorer",
    "Network": "networks.network",
    "NotFiniteError": "synthesis.ascent",
    "ReceptiveField": "networks.receptive_field",
    "Step": "synthesis.ascent",
    "Visualization": "synthesis.visualization",
    "ascend": "synthesis.ascent",
    "load": "networks.loading",
    "maximize": "synthesis.maximize",
    "maximize_grid": "synthesis.maximize",
    "receptive_field": "networks.receptive_field",
}
_MODULES = {"objectives": "synthesis.objectives", "recipes": "synthesis.recipes"}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(importlib.import_module(f"nbfeatviz.{_HOMES[name]}"), name)
    elif name in _MODULES:
        value = importlib.import_module(f"nbfeatviz.{_MODULES[name]}")
    else:
        raise AttributeError(f"module 'nbfeatviz' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
