"""The controls of the Optimize tab."""

from __future__ import annotations

import dataclasses
from collections.abc import Set
from typing import Any

import ipywidgets
import traitlets

from nbfeatviz.encoding import DISPLAYS
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.recipe_parts.natural_prior import weight_of
from nbfeatviz.widgets.canvas.live_canvas import LiveCanvas
from nbfeatviz.widgets.comm.frontend import Commands, PanelWidget, awaiting
from nbfeatviz.widgets.settings import recipe_values
from nbfeatviz.widgets.settings.panel_settings import PanelSettings
from nbfeatviz.widgets.settings.term_settings import KINDS, MOST_FURTHER


class OptimizeView(PanelWidget):
    """The controls. The page shows `settings` and `facts` and says changes on `commands`.

    Attributes:
        settings: the fields of `PanelSettings`; of the recipe its name.
        facts: what the controls need to know: networks, the one in use, units, class names, recipes, and every value
            of the recipe in use.
        live: the live canvas, whose state enables the buttons.
    """

    _esm = awaiting("optimize")
    settings = traitlets.Dict().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    live = traitlets.Instance(LiveCanvas).tag(sync=True, **ipywidgets.widget_serialization)
    commands = traitlets.Instance(Commands).tag(sync=True, **ipywidgets.widget_serialization)

    def show(self, settings: PanelSettings, network: Network | None, changed: Set[str]) -> None:
        """Shows settings, and what can be chosen with the network that is in use.

        Args:
            settings: the settings.
            network: in use.
            changed: the names of the fields that are others than before, and "network" where that is another.
        """
        shown = dict(self.settings)
        for name in changed & vars(settings).keys() - {"recipe", "terms"}:
            shown[name] = getattr(settings, name)
        if "terms" in changed:
            shown["terms"] = [dataclasses.asdict(term) for term in settings.terms]
        facts = dict(self.facts)
        if "recipe" in changed:
            recipe = recipe_values.as_page(settings.recipe)
            shown |= {"recipe": recipe["name"], "natural": weight_of(recipes.get(settings.recipe).regularizers)}
            facts |= {"recipe": recipe, "recipes": _recipes(recipe["name"], settings)}
        facts |= {"kinds": list(KINDS), "displays": list(DISPLAYS), "most_terms": MOST_FURTHER}
        facts["ready"] = network is not None
        if network is not None and "network" in changed:
            facts |= {
                "untrained": not network.trained,
                "classes": list(network.class_names or ()),
                "layers": [one.path for one in network.layers.walk() if one.selectable],
            }
        if network is not None and changed & {"network", "layer", "objective"}:
            layer = network.layers[settings.layer]
            facts |= {
                "units": settings.units(network),
                "positions": len(layer.output_shape or ()) == 3,
                "unit_names": list(layer.unit_names or ()) if settings.objective != "class" else [],
            }
        if network is not None and changed & {"network", "layer", "objective", "terms"}:
            facts["term_units"] = [term.units(network, settings.leads) for term in settings.terms]
        self.settings = shown
        if facts != self.facts:
            self.facts = facts

    def show_networks(self, name: str, names: list[str]) -> None:
        """Shows which networks can be chosen, and the name of the one in use."""
        facts = {**self.facts, "network": name, "networks": names}
        if facts != self.facts:
            self.facts = facts


def _recipes(name: str, settings: PanelSettings) -> list[dict[str, Any]]:
    """What the page knows of the published recipes, and of the one in use."""
    return [
        {"name": r.name, "reference": r.reference, "steps": r.steps, "step_size": r.step_size, "display": r.display}
        for r in {name: recipes.get(settings.recipe), **recipes.ALL}.values()
    ]
