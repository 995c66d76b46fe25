"""Gradient methods: how the target's value changes with every value of the picture.

All gradients are taken with respect to the picture in 0..1, before the network's own scaling of its input, so a
step of 1 is from black to white whatever the network takes. Results are raw: float32 (H, W, C), signed, neither
normalized nor reduced over the channels.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from nbfeatviz.attribution.emptiness import (
    ROUNDING,
    answered,
    blank_gradient,
    is_blank,
    named,
    piece,
    same_everywhere,
    value_of,
    where_it_ends,
)
from nbfeatviz.attribution.partial import Partial, pieces
from nbfeatviz.attribution.passes import gradients_of
from nbfeatviz.attribution.question import Question, asked
from nbfeatviz.checks import is_number, is_whole
from nbfeatviz.networks.backbone import Backbone
from nbfeatviz.networks.compute.rectifiers import ReluGradient
from nbfeatviz.networks.network import Network
from nbfeatviz.warn_location import frames_inside

Gradient = Literal["vanilla", "guided", "rectified"]


def saliency(network: Network, image: Any, target: Any = None, *, gradient: Gradient = "vanilla") -> np.ndarray:
    """The gradient of the target's value with respect to the picture in 0..1.

    Simonyan et al. 2013 (https://arxiv.org/abs/1312.6034); guided: Springenberg et al. 2015
    (https://arxiv.org/abs/1412.6806); rectified: Zeiler and Fergus 2014 (https://arxiv.org/abs/1311.2901).

    Args:
        network: the network; it is not altered.
        image: path, PIL image, uint8 array or float array in 0..1; fitted by centre crop.
        target: class index (its logit), class name or objective; None for the predicted class.
        gradient: "vanilla"; or "guided" or "rectified" at ReLU-like units.

    Returns:
        float32 (H, W, C), signed, raw.

    Raises:
        ValueError: an image or target that cannot be used, or a guided or rectified gradient of a network without
            ReLU-like units (its activations are named).

        NotFiniteError: NaN or infinity, as of broken weights; names the first layer that is to blame.

    Warns:
        UserWarning: guided or rectified, and the network has other activations besides; or the map says nothing, being
            0 (or the same) everywhere, with the cause and the target's value.
    """
    return answered(saliency_steps(asked(network, image, target), gradient=gradient))


def saliency_steps(question: Question, *, gradient: Gradient = "vanilla", eager: bool = False) -> Iterator[Partial]:
    """`saliency` as one piece."""
    relu = checked_gradient(question, gradient)
    found = gradients_of(question, question.picture[None], relu, eager=eager)[1][0]
    what = "the gradient" if relu is None else f"the {relu} gradient"
    yield piece(question, 1, 1, found, lambda: blank_gradient(question, what, found, relu))


def gradient_times_input(network: Network, image: Any, target: Any = None) -> np.ndarray:
    """Gradient times picture (Shrikumar et al. 2016, https://arxiv.org/abs/1605.01713); arguments as `saliency`."""
    return answered(gradient_times_input_steps(asked(network, image, target)))


def gradient_times_input_steps(question: Question, *, eager: bool = False) -> Iterator[Partial]:
    """`gradient_times_input` as one piece."""
    gradient = gradients_of(question, question.picture[None], eager=eager)[1][0]
    found = gradient * question.picture

    def why() -> str:
        whole = f"gradient × picture of {named(question)} (whose value is {value_of(question):.4g})"
        if found.any():
            return same_everywhere(whole, found)
        if not question.picture.any():
            return f"{whole} is 0 at every pixel because the picture is black, which is 0: try the gradient alone."
        if gradient.any():
            return f"{whole} is 0 at every pixel: wherever the gradient is not, the picture is black, which is 0."
        return blank_gradient(question, "the gradient", gradient)

    yield piece(question, 1, 1, found, why)


def smooth_grad(
    network: Network,
    image: Any,
    target: Any = None,
    *,
    samples: int = 50,
    noise: float = 0.2,
    seed: int = 0,
    gradient: Gradient = "vanilla",
) -> np.ndarray:
    """The mean gradient over noisy copies of the picture (Smilkov et al. 2017, https://arxiv.org/abs/1706.03825).

    Args:
        network: the network.
        image: as `saliency`.
        target: as `saliency`.
        samples: how many copies.
        noise: standard deviation of the Gaussian noise, as a share of the picture's range (largest less smallest
            value). The noisy copies are not clipped.
        seed: of the noise.
        gradient: as `saliency`.

    Returns:
        float32 (H, W, C), signed, raw.

    Raises:
        ValueError: as `saliency`, or `samples` or `noise` out of range.
    """
    question = asked(network, image, target)
    return answered(smooth_grad_steps(question, samples=samples, noise=noise, seed=seed, gradient=gradient))


def smooth_grad_steps(
    question: Question,
    *,
    samples: int = 50,
    noise: float = 0.2,
    seed: int = 0,
    gradient: Gradient = "vanilla",
    eager: bool = False,
) -> Iterator[Partial]:
    """`smooth_grad`, piece by piece."""
    relu = None if gradient == "vanilla" else gradient
    for done, total, _ in _noisy_sums(question, samples, noise, seed, gradient, eager, squared=False):
        found = (total / done).astype(np.float32)
        why = functools.partial(blank_gradient, question, f"the mean gradient over {samples} noisy copies", found, relu)
        yield piece(question, done, samples, found, why)


def var_grad(
    network: Network,
    image: Any,
    target: Any = None,
    *,
    samples: int = 50,
    noise: float = 0.2,
    seed: int = 0,
    gradient: Gradient = "vanilla",
) -> np.ndarray:
    """The variance of the gradient over noisy copies of the picture (Adebayo et al. 2018,
    https://arxiv.org/abs/1810.03307); arguments as `smooth_grad`, nowhere negative.
    """  # noqa: D205
    question = asked(network, image, target)
    return answered(var_grad_steps(question, samples=samples, noise=noise, seed=seed, gradient=gradient))


def var_grad_steps(
    question: Question,
    *,
    samples: int = 50,
    noise: float = 0.2,
    seed: int = 0,
    gradient: Gradient = "vanilla",
    eager: bool = False,
) -> Iterator[Partial]:
    """`var_grad`, piece by piece."""
    for done, total, squares in _noisy_sums(question, samples, noise, seed, gradient, eager, squared=True):
        mean = total / done
        found = np.maximum(squares / done - mean**2, 0).astype(np.float32)
        blank = bool(np.sqrt(found.max()) <= ROUNDING * np.abs(mean).max())
        why = functools.partial(_unvaried, question, samples, noise, float(np.abs(mean).max()))
        yield piece(question, done, samples, found, why, blank=blank or is_blank(found))


def _unvaried(question: Question, samples: int, noise: float, largest: float) -> str:
    """Why the gradient does not vary over noisy copies."""
    whole = f"VarGrad of {named(question)} says nothing: "
    picture = question.picture
    if samples == 1:
        return f"{whole}one sample has no variance. Give more samples."
    if noise == 0 or picture.max() == picture.min():
        even = f"the picture is {picture.flat[0]:.3g} everywhere, and noise is a share of its range"
        return f"{whole}all copies are the same, as {'noise is 0' if noise == 0 else even}."
    if largest == 0:
        return f"{whole}the gradient is 0 in all {samples} noisy copies: {where_it_ends(question)}"
    return (
        f"{whole}the gradient is the same in all {samples} noisy copies (up to {largest:.3g}), as of a model that is "
        "linear around this photo."
    )


def _noisy_sums(
    question: Question, samples: int, noise: float, seed: int, gradient: Gradient, eager: bool, *, squared: bool
) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """(samples done, sum of their gradients, sum of the squares), in float64 so that the variance is exact.

    Without `squared` the second sum stays 0: it costs as much as a sample does.
    """
    checked_count("samples", samples)
    if not is_number(noise, 0):
        raise ValueError(f"noise {noise!r} is out of range: give a share of the picture's range, such as 0.2.")
    relu = checked_gradient(question, gradient)
    picture, random = question.picture, np.random.default_rng(seed)
    sigma = float(noise) * float(picture.max() - picture.min())
    total, squares = np.zeros(picture.shape), np.zeros(picture.shape)
    for cut in pieces(samples, picture):
        shape = (cut.stop - cut.start, *picture.shape)
        noisy = picture + sigma * random.standard_normal(shape, np.float32)
        gradients = gradients_of(question, noisy.astype(np.float32, copy=False), relu, eager=eager)[1]
        total += gradients.sum(axis=0, dtype=np.float64)
        if squared:
            squares += np.square(gradients, dtype=np.float64).sum(axis=0)
        yield cut.stop, total, squares


def checked_gradient(question: Question, gradient: Any) -> ReluGradient | None:
    """What to do at ReLU-like units; ValueError where it is unknown or cannot be done in this network.

    Warns:
        UserWarning: `caution` has something to say.
    """
    said = caution(question, gradient)
    if said is not None:
        warnings.warn(said, stacklevel=frames_inside() + 1)
    return None if gradient == "vanilla" else gradient


def caution(question: Question, gradient: Any) -> str | None:
    """What a person should know about such a gradient in this network; None for nothing.

    Raises:
        ValueError: an unknown gradient, or a guided or rectified one of a network without ReLU-like units.
    """
    if gradient == "vanilla":
        return None
    if gradient not in ("guided", "rectified"):
        raise ValueError(f"gradient {gradient!r} is unknown: it is 'vanilla', 'guided' or 'rectified'.")
    return Backbone(question.network, [tap for _, tap in question.structure]).check_relu(gradient)


def checked_count(name: str, value: Any, most: int = 100_000) -> int:
    """A whole number from 1 on; ValueError (or TypeError) names what is wrong."""
    if not is_whole(value):
        raise TypeError(f"{name} is a whole number, not {value!r} ({type(value).__name__}).")
    if not 1 <= value <= most:
        raise ValueError(f"{name} {value!r} is out of range: give a whole number from 1 to {most:,}.")
    return int(value)
