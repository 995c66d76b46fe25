"""Class activation maps from the gradients at one layer, and plain CAM: float32 (H, W), raw.

A map is made on the layer's own grid and then stretched over the picture, bilinear; `resize=False` gives the grid.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nbfeatviz.attribution.emptiness import answered, blank_cam, is_blank, named, piece, same_everywhere
from nbfeatviz.attribution.gradients import saliency_steps
from nbfeatviz.attribution.partial import Partial, last, resized
from nbfeatviz.attribution.passes import at_layer, outputs_of
from nbfeatviz.attribution.question import Question, asked
from nbfeatviz.attribution.spatial import chosen_layer
from nbfeatviz.networks.compute.folding import is_plain_linear
from nbfeatviz.networks.graph.activations import fused_activation
from nbfeatviz.networks.graph.calls import Call
from nbfeatviz.networks.network import Network

_Map = Callable[[np.ndarray, np.ndarray], np.ndarray]


def grad_cam(
    network: Network, image: Any, target: Any = None, *, layer: str | None = None, resize: bool = True
) -> np.ndarray:
    """Grad-CAM: ReLU(sum over channels k of mean(d target / d A_k) * A_k).

    Selvaraju et al. 2017 (https://arxiv.org/abs/1610.02391).

    Args:
        network: the network.
        image: path, PIL image, uint8 array or float array in 0..1; fitted by centre crop.
        target: class index (its logit), class name or objective; None for the predicted class.
        layer: path of a layer with rows and columns; None for the last one before the head (or, for an objective,
            before the layer that it reads).
        resize: stretch the map over the picture, bilinear; False: the layer's own grid (h, w).

    Returns:
        float32 (H, W) or (h, w), not negative, raw.

    Raises:
        ValueError: an image or target that cannot be used; a layer that does not exist, has no rows and columns, or
            does not feed the target.
        NotFiniteError: NaN or infinity, as of broken weights; names the first layer that is to blame.

    Warns:
        UserWarning: the map says nothing, being 0 (or the same) everywhere; with the cause and its value.
    """
    return answered(grad_cam_steps(asked(network, image, target), layer=layer, resize=resize))


def grad_cam_plus_plus(
    network: Network, image: Any, target: Any = None, *, layer: str | None = None, resize: bool = True
) -> np.ndarray:
    """Grad-CAM++ (Chattopadhay et al. 2018, https://arxiv.org/abs/1710.11063); arguments as `grad_cam`.

    Channel k weighs sum(alpha * ReLU(g)), alpha = g^2 / (2 g^2 + sum(A_k) g^3), g the gradient of the target's value:
    the paper's closed form for the exponential of the score.
    """
    return answered(grad_cam_plus_plus_steps(asked(network, image, target), layer=layer, resize=resize))


def layer_cam(
    network: Network, image: Any, target: Any = None, *, layer: str | None = None, resize: bool = True
) -> np.ndarray:
    """LayerCAM: ReLU(sum over channels of A * ReLU(g)), place by place; arguments as `grad_cam`.

    Jiang et al. 2021 (https://doi.org/10.1109/TIP.2021.3089943).
    """
    return answered(layer_cam_steps(asked(network, image, target), layer=layer, resize=resize))


def grad_cam_steps(
    question: Question, *, layer: str | None = None, resize: bool = True, eager: bool = False
) -> Iterator[Partial]:
    """`grad_cam` as one piece."""
    yield _from_gradients(question, layer, resize, eager, "Grad-CAM", _grad_cam)


def grad_cam_plus_plus_steps(
    question: Question, *, layer: str | None = None, resize: bool = True, eager: bool = False
) -> Iterator[Partial]:
    """`grad_cam_plus_plus` as one piece."""
    yield _from_gradients(question, layer, resize, eager, "Grad-CAM++", _grad_cam_plus_plus)


def layer_cam_steps(
    question: Question, *, layer: str | None = None, resize: bool = True, eager: bool = False
) -> Iterator[Partial]:
    """`layer_cam` as one piece."""
    yield _from_gradients(question, layer, resize, eager, "LayerCAM", _layer_cam)


def _from_gradients(
    question: Question, layer: str | None, resize: bool, eager: bool, title: str, form: _Map
) -> Partial:
    path = chosen_layer(question, layer)
    outputs, gradients = at_layer(question, path, eager=eager)
    before = form(outputs, gradients)
    grid = np.maximum(before, 0)
    why = functools.partial(blank_cam, question, title, path, before, outputs, gradients)
    return piece(question, 1, 1, _fitted(grid, question, resize), why, blank=is_blank(grid), at=path)


def _grad_cam(outputs: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    return outputs @ gradients.mean(axis=(0, 1))


def _grad_cam_plus_plus(outputs: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    # in float64: cubes of small gradients leave the range of float32
    g = gradients.astype(np.float64)
    below = 2 * g**2 + outputs.sum(axis=(0, 1), dtype=np.float64) * g**3
    alpha = np.divide(g**2, below, out=np.zeros_like(g), where=below != 0)
    return outputs @ (alpha * np.maximum(g, 0)).sum(axis=(0, 1))


def _layer_cam(outputs: np.ndarray, gradients: np.ndarray) -> np.ndarray:
    return (outputs * np.maximum(gradients, 0)).sum(axis=-1)


def _fitted(grid: np.ndarray, question: Question, resize: bool) -> np.ndarray:
    grid = grid.astype(np.float32)
    return resized(grid, question.network.contract.size) if resize else grid


def guided_grad_cam(network: Network, image: Any, target: Any = None, *, layer: str | None = None) -> np.ndarray:
    """Guided Grad-CAM: the guided gradient times the stretched Grad-CAM (Selvaraju et al. 2017).

    Args:
        network: the network; it needs ReLU-like units, as `saliency(gradient="guided")` does.
        image: as `grad_cam`.
        target: as `grad_cam`.
        layer: as `grad_cam`.

    Returns:
        float32 (H, W, C), signed, raw.

    Raises:
        ValueError: as `grad_cam`, and on a network without ReLU-like units.
    """
    return answered(guided_grad_cam_steps(asked(network, image, target), layer=layer))


def guided_grad_cam_steps(question: Question, *, layer: str | None = None, eager: bool = False) -> Iterator[Partial]:
    """`guided_grad_cam` as one piece."""
    guided = last(saliency_steps(question, gradient="guided", eager=eager))
    where = last(grad_cam_steps(question, layer=layer, eager=eager))

    def why() -> str:
        apart = "wherever the guided gradient is not, the Grad-CAM is"
        return f"Guided Grad-CAM of {named(question)} says nothing: {guided.empty or where.empty or apart}"

    found = guided.map * where.map[:, :, None]
    yield piece(question, 1, 1, found, why)


def cam(
    network: Network, image: Any, target: Any = None, *, layer: str | None = None, resize: bool = True
) -> np.ndarray:
    """The class activation map of a network that ends in global average pooling and one dense layer.

    The layer's channels, weighted by the dense layer's weights of the class, without its bias (Zhou et al. 2016,
    https://arxiv.org/abs/1512.04150). Its mean over all positions plus the bias is the logit.

    Args:
        network: the network.
        image: as `grad_cam`.
        target: a class, or sums and differences of classes; None for the predicted class.
        layer: None, or the path of the layer that is pooled.
        resize: as `grad_cam`.

    Returns:
        float32 (H, W) or (h, w), signed, raw.

    Raises:
        ValueError: another head, layer or target; `grad_cam` does what this cannot.
    """
    return answered(cam_steps(asked(network, image, target), layer=layer, resize=resize))


def cam_steps(
    question: Question, *, layer: str | None = None, resize: bool = True, eager: bool = False
) -> Iterator[Partial]:
    """`cam` as one piece."""
    network = question.network
    head, pooled = _pooled_head(network)
    if layer is not None and network.layers[layer].path != pooled:
        raise ValueError(f"plain CAM reads the layer that is pooled, {pooled!r}, not {layer!r}: use grad_cam there.")
    if set(question.paths) != {network.head_layer.path}:
        raise ValueError(f"plain CAM explains classes, not {question.label}: use grad_cam.")
    kernel = np.asarray(network.derived.live(head.operation.kernel), np.float32)
    kernel = kernel.reshape(-1, kernel.shape[-1])
    terms = zip(question.weights, question.values, strict=True)
    weights = sum((weight * kernel[:, numbers[0]] for weight, numbers in terms), np.zeros(len(kernel), np.float32))
    outputs = outputs_of(network, question.picture, pooled, eager=eager)
    with np.errstate(invalid="ignore"):  # what is not finite is said below
        grid = outputs @ weights

    def why() -> str:
        whole = f"the CAM of {named(question)} at {pooled!r}"
        if not outputs.any():
            return f"{whole} is 0 everywhere: the layer is silent, all its outputs are 0 on this photo."
        if not weights.any():
            return f"{whole} is 0 everywhere: all weights of the head for it are 0."
        return same_everywhere(whole, grid)

    yield piece(question, 1, 1, _fitted(grid, question, resize), why, blank=is_blank(grid), at=pooled)


def _pooled_head(network: Network) -> tuple[Call, str]:
    """The dense layer of a head that averages over all positions first, and the path of what it averages."""
    calls = network.graph.calls
    call = calls[network.graph.output.call]
    found = network.before(call)
    if found is not None and found[0].reached:  # where the logits are
        call = calls[found[0].chain[0]]
        call = call if fused_activation(call) is not None else calls[call.inputs[0]]
    while call.kind in ("Dropout", "Flatten", "Reshape") and len(call.inputs) == 1:
        call = calls[call.inputs[0]]
    pointwise = call.kind == "Dense" or (call.kind == "Conv2D" and call.operation.kernel_size == (1, 1))
    dense = call if pointwise and is_plain_linear(call) else None
    while dense is not None and len(call.inputs) == 1:
        call = calls[call.inputs[0]]
        if call.kind == "GlobalAveragePooling2D" and call.operation.data_format == "channels_last":
            return dense, calls[call.inputs[0]].path
        if call.kind not in ("Dropout", "Flatten", "Reshape"):
            break
    raise ValueError(
        f"plain CAM needs a head of global average pooling and one dense layer; that of {network.name!r} has "
        f"{call.path!r} ({call.kind}) instead: use grad_cam."
    )
