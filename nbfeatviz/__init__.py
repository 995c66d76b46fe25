"""nbfeatviz: watch what the units of a convolutional network like to see, live in a notebook.

Importing this package is quick: ipywidgets is loaded with the first name that needs it, and TensorFlow with the first
computation; a panel loads it in the background.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbfeatviz import samples
    from nbfeatviz.attribution.activations import activations, apply_filter, filters
    from nbfeatviz.attribution.cams import cam, grad_cam, grad_cam_plus_plus, guided_grad_cam, layer_cam
    from nbfeatviz.attribution.evaluation import DeletionInsertion, deletion_insertion
    from nbfeatviz.attribution.gradients import gradient_times_input, saliency, smooth_grad, var_grad
    from nbfeatviz.attribution.integrated import completeness, integrated_gradients
    from nbfeatviz.attribution.occlusion import occlusion
    from nbfeatviz.attribution.randomization import Stage, randomization_check
    from nbfeatviz.attribution.score_cam import score_cam
    from nbfeatviz.catalogue.facets import Facet, Facets, facets
    from nbfeatviz.catalogue.rises import rises
    from nbfeatviz.encoding import overlay
    from nbfeatviz.images import read_image
    from nbfeatviz.networks.loading import load
    from nbfeatviz.networks.network import Network
    from nbfeatviz.networks.not_finite import NotFiniteError
    from nbfeatviz.networks.receptive_field import ReceptiveField, receptive_field
    from nbfeatviz.synthesis import objectives, quality, recipes
    from nbfeatviz.synthesis.accentuation import accentuate
    from nbfeatviz.synthesis.ascent import Step, ascend
    from nbfeatviz.synthesis.comparison import compare
    from nbfeatviz.synthesis.dream import deep_dream
    from nbfeatviz.synthesis.maximize import maximize, maximize_grid
    from nbfeatviz.synthesis.neurons import NeuronView, neuron_views
    from nbfeatviz.synthesis.unit_responses import Rises
    from nbfeatviz.synthesis.visualization import Visualization
    from nbfeatviz.widgets.explorer import FeatureExplorer

__version__ = "0.1.0"

__all__ = [
    "DeletionInsertion",
    "Facet",
    "Facets",
    "FeatureExplorer",
    "Network",
    "NeuronView",
    "NotFiniteError",
    "ReceptiveField",
    "Rises",
    "Stage",
    "Step",
    "Visualization",
    "accentuate",
    "activations",
    "apply_filter",
    "ascend",
    "cam",
    "compare",
    "completeness",
    "deep_dream",
    "deletion_insertion",
    "facets",
    "filters",
    "grad_cam",
    "grad_cam_plus_plus",
    "gradient_times_input",
    "guided_grad_cam",
    "integrated_gradients",
    "layer_cam",
    "load",
    "maximize",
    "maximize_grid",
    "neuron_views",
    "objectives",
    "occlusion",
    "overlay",
    "quality",
    "randomization_check",
    "read_image",
    "receptive_field",
    "recipes",
    "rises",
    "saliency",
    "samples",
    "score_cam",
    "smooth_grad",
    "var_grad",
]

_HOMES = {
    "DeletionInsertion": "attribution.evaluation",
    "Facet": "catalogue.facets",
    "Facets": "catalogue.facets",
    "FeatureExplorer": "widgets.explorer",
    "Network": "networks.network",
    "NeuronView": "synthesis.neurons",
    "NotFiniteError": "networks.not_finite",
    "ReceptiveField": "networks.receptive_field",
    "Rises": "synthesis.unit_responses",
    "Stage": "attribution.randomization",
    "Step": "synthesis.ascent",
    "Visualization": "synthesis.visualization",
    "accentuate": "synthesis.accentuation",
    "activations": "attribution.activations",
    "apply_filter": "attribution.activations",
    "ascend": "synthesis.ascent",
    "cam": "attribution.cams",
    "compare": "synthesis.comparison",
    "completeness": "attribution.integrated",
    "deep_dream": "synthesis.dream",
    "deletion_insertion": "attribution.evaluation",
    "facets": "catalogue.facets",
    "filters": "attribution.activations",
    "grad_cam": "attribution.cams",
    "grad_cam_plus_plus": "attribution.cams",
    "gradient_times_input": "attribution.gradients",
    "guided_grad_cam": "attribution.cams",
    "integrated_gradients": "attribution.integrated",
    "layer_cam": "attribution.cams",
    "load": "networks.loading",
    "maximize": "synthesis.maximize",
    "maximize_grid": "synthesis.maximize",
    "neuron_views": "synthesis.neurons",
    "occlusion": "attribution.occlusion",
    "randomization_check": "attribution.randomization",
    "overlay": "encoding",
    "read_image": "images",
    "receptive_field": "networks.receptive_field",
    "rises": "catalogue.rises",
    "saliency": "attribution.gradients",
    "score_cam": "attribution.score_cam",
    "smooth_grad": "attribution.gradients",
    "var_grad": "attribution.gradients",
}
_MODULES = {
    "objectives": "synthesis.objectives",
    "quality": "synthesis.quality",
    "recipes": "synthesis.recipes",
    "samples": "samples",
}


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
