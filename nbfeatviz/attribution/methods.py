"""METHODS: every attribution method by name, all started and followed in the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from nbfeatviz.attribution import cams, gradients
from nbfeatviz.attribution.integrated import integrated_gradients_steps
from nbfeatviz.attribution.occlusion import occlusion_steps
from nbfeatviz.attribution.partial import Partial
from nbfeatviz.attribution.score_cam import score_cam_steps

Family = Literal["saliency", "cam", "occlusion"]


@dataclass(frozen=True)
class Method:
    """A way of attribution.

    Attributes:
        name: key in `METHODS`.
        title: what people call it.
        family: "saliency" gives (H, W, C), "cam" and "occlusion" (H, W); a "cam" takes `layer`. One exception:
            guided Grad-CAM takes a layer and gives (H, W, C).
        signed: whether the map has both signs.
        reference: the paper.
        start: called with a `Question` and the method's options as keywords; gives `Partial`s. `eager=True` avoids
            waiting for traces where one quick answer matters: each piece uses what is compiled by then.
    """

    name: str
    title: str
    family: Family
    signed: bool
    reference: str
    start: Callable[..., Iterator[Partial]]


_guided = partial(gradients.saliency_steps, gradient="guided")
_rectified = partial(gradients.saliency_steps, gradient="rectified")

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("gradient", "Gradient", "saliency", True, "Simonyan et al. 2013", gradients.saliency_steps),
        Method("guided", "Guided backpropagation", "saliency", True, "Springenberg et al. 2015", _guided),
        Method(
            "rectified",
            "Rectified gradient (deconvnet)",
            "saliency",
            True,
            "Zeiler and Fergus 2014",
            _rectified,
        ),
        Method(
            "gradient-times-input",
            "Gradient × input",
            "saliency",
            True,
            "Shrikumar et al. 2016",
            gradients.gradient_times_input_steps,
        ),
        Method(
            "smooth-grad",
            "SmoothGrad",
            "saliency",
            True,
            "Smilkov et al. 2017",
            gradients.smooth_grad_steps,
        ),
        Method("var-grad", "VarGrad", "saliency", False, "Adebayo et al. 2018", gradients.var_grad_steps),
        Method(
            "integrated-gradients",
            "Integrated gradients",
            "saliency",
            True,
            "Sundararajan et al. 2017",
            integrated_gradients_steps,
        ),
        Method("grad-cam", "Grad-CAM", "cam", False, "Selvaraju et al. 2017", cams.grad_cam_steps),
        Method(
            "grad-cam++",
            "Grad-CAM++",
            "cam",
            False,
            "Chattopadhay et al. 2018",
            cams.grad_cam_plus_plus_steps,
        ),
        Method("layer-cam", "LayerCAM", "cam", False, "Jiang et al. 2021", cams.layer_cam_steps),
        Method("score-cam", "Score-CAM", "cam", False, "Wang et al. 2020", score_cam_steps),
        Method("cam", "CAM", "cam", True, "Zhou et al. 2016", cams.cam_steps),
        Method(
            "guided-grad-cam",
            "Guided Grad-CAM",
            "cam",
            True,
            "Selvaraju et al. 2017",
            cams.guided_grad_cam_steps,
        ),
        Method("occlusion", "Occlusion", "occlusion", True, "Zeiler and Fergus 2014", occlusion_steps),
    )
}
"""Every method by name."""
