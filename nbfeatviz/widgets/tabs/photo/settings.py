"""What the photo tabs are set to, and the sentences that refuse what is not possible."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from nbfeatviz.attribution.fills import FILLS
from nbfeatviz.attribution.methods import METHODS
from nbfeatviz.attribution.spatial import has_positions
from nbfeatviz.checks import is_whole
from nbfeatviz.networks.network import Network
from nbfeatviz.synthesis import objectives

DISPLAYS = {"max": "largest channel", "mean": "mean of the channels", "signed": "signed sum"}
TARGETS = ("predicted", "class", "unit", "difference")
COMPARED = ("gradient", "smooth-grad", "integrated-gradients", "grad-cam", "layer-cam", "occlusion")
_SALIENCY = tuple(name for name, method in METHODS.items() if method.family == "saliency")
_CAMS = tuple(name for name, method in METHODS.items() if method.family == "cam")
_OPTIONS = {
    ("saliency", "method"): "saliency",
    ("saliency", "display"): "display",
    ("cam", "method"): "cam",
    ("cam", "layer"): "cam_layer",
    ("occlusion", "patch"): "patch",
    ("occlusion", "stride"): "stride",
    ("occlusion", "fill"): "fill",
    ("compare", "methods"): "compared",
    ("compare", "sanity"): "randomized",
}


@dataclass(frozen=True)
class Target:
    """What the photo tabs ask about.

    Attributes:
        kind: "predicted" (class), "class", "unit" or "difference" (of two classes).
        first: the class, also of a difference.
        against: the class that is subtracted.
        layer: of the unit.
        unit: index of the unit.
    """

    kind: str = "predicted"
    first: int = 0
    against: int = 0
    layer: str = ""
    unit: int = 0

    @staticmethod
    def of(network: Network, asked: Any) -> Target:
        """The target that a page or a person describes (ValueError, TypeError where there is none such).

        Args:
            network: the network.
            asked: {"kind", "class", "against", "layer", "unit"}; classes by index or name.
        """
        kind = asked.get("kind") if isinstance(asked, dict) else None
        if kind not in TARGETS:
            raise ValueError(f"target {asked!r} is unknown: its kind is 'predicted', 'class', 'unit' or 'difference'.")
        if kind == "unit":
            layer, unit = asked["layer"], asked["unit"]
            objectives.channel(layer, unit).resolved(network)
            return Target(kind, layer=layer, unit=unit)
        if kind == "predicted":
            return Target()
        first = network.class_index(asked["class"])
        against = network.class_index(asked["against"]) if kind == "difference" else 0
        if kind == "difference" and first == against:
            raise ValueError(
                f"a class differs from itself in nothing: choose two, not {network.class_name(first)} twice."
            )
        return Target(kind, first, against)

    def question(self, predicted: int | None) -> Any:
        """What `nbfeatviz.attribution` takes: None, a class or an objective."""
        if self.kind == "unit":
            return objectives.channel(self.layer, self.unit)
        if self.kind == "difference":
            return objectives.class_logit(self.first) - objectives.class_logit(self.against)
        return self.first if self.kind == "class" else predicted

    def label(self, network: Network, predicted: int | None) -> str:
        """The target in words; "" while the prediction is not known."""
        if self.kind == "unit":
            return f"unit {self.unit} of {self.layer}"
        if self.kind == "difference":
            return f"{network.class_name(self.first)} rather than {network.class_name(self.against)}"
        index = self.first if self.kind == "class" else predicted
        return "" if index is None else network.class_name(index)


@dataclass(frozen=True)
class PhotoSettings:
    """What the photo tabs are set to.

    Attributes:
        tab: the open tab, of `registry.TABS`.
        target: what is asked about.
        saliency: method of the Saliency tab.
        display: how its channels become one: one of `DISPLAYS`.
        cam: method of the Grad-CAM tab.
        cam_layer: its layer, None for the last with spatial extent.
        patch: side of the occluded square in pixels, None for what suits the network.
        stride: from one square to the next, None likewise.
        fill: what covers it.
        compared: methods of the Compare tab.
        randomized: method of the randomization check.
    """

    tab: str = "optimize"
    target: Target = Target()
    saliency: str = "gradient"
    display: str = "max"
    cam: str = "grad-cam"
    cam_layer: str | None = None
    patch: int | None = None
    stride: int | None = None
    fill: str = "grey"
    compared: tuple[str, ...] = COMPARED
    randomized: str = "gradient"

    def changed(self, network: Network, group: str, name: str, value: Any) -> PhotoSettings:
        """The settings with one option of a tab changed.

        Raises:
            ValueError: no such option, or a value that is not possible.
        """
        known = isinstance(group, str) and isinstance(name, str)
        field = _OPTIONS.get((group, name)) if known else None
        if field is None:
            raise ValueError(f"the tab {group!r} has no option {name!r}.")
        return dataclasses.replace(self, **{field: _checked(network, field, value)})

    def fitting(self, network: Network) -> PhotoSettings:
        """The settings as far as they are possible with another network."""
        target, layer = self.target, self.cam_layer
        classes = network.classes if network.classifies else 0
        known = {
            "predicted": network.classifies,
            "unit": _exists(network, target),
        }.get(target.kind, max(target.first, target.against) < classes)
        return dataclasses.replace(
            self,
            target=target if known else _first_target(network),
            cam_layer=layer if layer is not None and _has_positions(network, layer) else None,
            patch=None,
            stride=None,
        )

    def as_page(self, label: str) -> dict[str, Any]:
        """The settings in the groups that the page shows."""
        target = self.target
        return {
            "target": {
                "kind": target.kind,
                "class": target.first,
                "against": target.against,
                "layer": target.layer,
                "unit": target.unit,
                "label": label,
            },
            "saliency": {"method": self.saliency, "display": self.display},
            "cam": {"method": self.cam, "layer": self.cam_layer},
            "occlusion": {"patch": self.patch, "stride": self.stride, "fill": self.fill},
            "compare": {"methods": list(self.compared), "sanity": self.randomized},
        }


def _first_target(network: Network) -> Target:
    """The predicted class, or of a network that does not classify the first unit of its output."""
    return Target() if network.classifies else Target("unit", layer=network.head_layer.path)


def _exists(network: Network, target: Target) -> bool:
    """Whether a network has that unit."""
    try:
        objectives.channel(target.layer, target.unit).resolved(network)
    except (ValueError, TypeError):
        return False
    return True


def _has_positions(network: Network, layer: str) -> bool:
    return layer in network.layers and has_positions(network.layers[layer])


def _checked(network: Network, field: str, value: Any) -> Any:
    """The value, or a sentence on what would be right."""
    known: dict[str, tuple[str, ...]] = {
        "saliency": _SALIENCY,
        "cam": _CAMS,
        "display": tuple(DISPLAYS),
        "fill": tuple(FILLS),
        "randomized": tuple(METHODS),
    }
    if field in known and value not in known[field]:
        raise ValueError(f"{field} {value!r} is unknown: it is {_either(known[field])}.")
    if field == "compared":
        if not isinstance(value, list | tuple):
            raise ValueError(f"methods to compare are a list of names, not {value!r}.")
        wrong = [name for name in value if not isinstance(name, str) or name not in METHODS]
        if wrong or not value:
            raise ValueError(f"methods to compare are some of {', '.join(METHODS)}, not {wrong or 'none'}.")
        return tuple(name for name in METHODS if name in value)
    if field in ("patch", "stride") and value is not None:
        longest = max(network.contract.size)
        if not is_whole(value, 1, longest):
            raise ValueError(f"{field} {value!r} must be a whole number of pixels from 1 to {longest}.")
        return int(value)
    if field == "cam_layer" and value is not None:
        return network.layers[value].path
    return value


def _either(names: tuple[str, ...]) -> str:
    return ", ".join(map(repr, names[:-1])) + f" or {names[-1]!r}"
