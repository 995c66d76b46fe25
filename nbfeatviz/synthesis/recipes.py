"""Recipes: published settings by name, and the parts they are made of. Printed, it lists them with their references."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator, Mapping
from types import ModuleType

from nbfeatviz.synthesis.recipe import Recipe
from nbfeatviz.synthesis.recipe_parts.fields import Ramp, nearest
from nbfeatviz.synthesis.recipe_parts.focus import Focus
from nbfeatviz.synthesis.recipe_parts.gradient_scale import GradientScale
from nbfeatviz.synthesis.recipe_parts.gradient_updates import Margin, UnitDeviation, UnitNorm
from nbfeatviz.synthesis.recipe_parts.multi_resolution import MultiResolution
from nbfeatviz.synthesis.recipe_parts.natural_phase import NaturalPhase
from nbfeatviz.synthesis.recipe_parts.natural_prior import NaturalPrior
from nbfeatviz.synthesis.recipe_parts.optimizers import (
    Adam,
    MeanMagnitude,
    Nadam,
    Plain,
    Progress,
    RMSprop,
    Standardized,
)
from nbfeatviz.synthesis.recipe_parts.parameterizations import Centred, Fourier, Pixels, Sigmoid
from nbfeatviz.synthesis.recipe_parts.phases import Phase, Window
from nbfeatviz.synthesis.recipe_parts.pixel_updates import (
    Blur,
    Bound,
    Clip,
    Decay,
    Denoise,
    SmallContribution,
    SmallNorm,
    Zoom,
    ZScore,
)
from nbfeatviz.synthesis.recipe_parts.regularizers import CentreBias, LpNorm, PreSigmoid, TotalVariation
from nbfeatviz.synthesis.recipe_parts.split_bregman import SplitBregman
from nbfeatviz.synthesis.recipe_parts.transforms import Crops, Jitter, Noise, Pad, Part, Roll, Rotate, Scale, Views

__all__ = [
    "ALL", "DEFAULT", "Adam", "Blur", "Bound", "CentreBias", "Centred", "Clip", "Crops", "Decay", "Denoise",
    "Focus", "Fourier", "GradientScale", "Jitter", "LpNorm", "Margin", "MeanMagnitude", "MultiResolution", "Nadam",
    "NaturalPhase", "NaturalPrior", "Noise", "Pad", "Part", "Phase", "Pixels", "Plain", "PreSigmoid", "Progress",
    "RMSprop", "Ramp", "Recipe", "Roll", "Rotate", "Scale", "Sigmoid", "SmallContribution", "SmallNorm",
    "SplitBregman", "Standardized", "TotalVariation", "UnitDeviation", "UnitNorm", "Views", "Window", "ZScore",
    "Zoom", "get",
]  # fmt: skip

TUTORIAL13 = Recipe(
    name="tutorial13",
    reference="M. E. H. Pedersen, TensorFlow Tutorial #13, Visual Analysis (for a first layer 10 steps, a class 100; "
    "stretched for display, as the tutorial does)",
    steps=30,
    step_size=1.0,
    parameterization=Pixels(white=255.0, start=128.0, noise=1.0),
    step_rule=Standardized(),
    display="stretched",
)

TUTORIAL13_MNIST = Recipe(
    name="tutorial13-mnist",
    reference="M. E. H. Pedersen, TensorFlow Tutorial #13-B, Visual Analysis (MNIST; stretched for "
    "display, as the tutorial does)",
    steps=30,
    step_size=1.0,
    parameterization=Pixels(white=1.0, start=0.45, noise=0.1),
    step_rule=Standardized(),
    display="stretched",
)

LUCID = Recipe(
    name="lucid",
    reference="Olah, Mordvintsev and Schubert, Feature Visualization, Distill 2017",
    steps=512,
    step_size=0.05,
    parameterization=Fourier(deviation=0.01, decay=1.0, decorrelate=True),
    step_rule=Adam(),
    transforms=(Pad(0.5), Jitter(8 / 224), Scale(0.9, 1.1), Rotate(10.0, still=0.5), Jitter(4 / 224)),
    passed_gradients=16,
)

_YOSINSKI = (
    "Yosinski et al., Understanding Neural Networks Through Deep Visualization, 2015, set {} (stretched for display, "
    "as their toolbox saves pictures{})"
)
# Decay takes 30 % of the picture at every step of set 2, and a step of 100 times the gradient brings it back. A start
# of 10 levels stays one of 10 where a step moves pixels by 10 * 0.3 / 0.7 levels: where their gradient is this.
_YOSINSKI_GRADIENT = 10 * 0.3 / 0.7 / 100
_YOSINSKI_TRANSLATED = (
    "; the constant step of 100 is for the gradients of CaffeNet: here every gradient is brought to 0.043 a level, "
    "where a step of 100 holds the start's 10 levels against the decay of set 2"
)


def _yosinski(place: int, steps: int, step_size: float, rule: Plain | Progress, after: tuple) -> Recipe:
    """X is the picture minus the mean: decay fades to the mean. Published for pictures of 227 pixels.

    A step that is a constant times the gradient is translated (see `GradientScale`); `Progress` finds its own.
    """
    translated = isinstance(rule, Plain)
    return Recipe(
        name=f"yosinski-{place}",
        reference=_YOSINSKI.format(place, _YOSINSKI_TRANSLATED if translated else ""),
        transforms=(GradientScale(_YOSINSKI_GRADIENT),) if translated else (),
        steps=steps,
        step_size=step_size,
        parameterization=Centred(deviation=10.0),
        step_rule=rule,
        before=(Clip(),),
        after=after,
        display="stretched",
    )


YOSINSKI = (
    _yosinski(1, 500, 2.0, Progress(100.0), (Blur(0.5 / 227, every=4), SmallNorm(50.0))),
    _yosinski(2, 750, 100.0, Plain(), (Decay(0.3), SmallNorm(20.0))),
    _yosinski(3, 1000, 100.0, Plain(), (Decay(1e-4), Blur(1.0 / 227, every=4))),
    _yosinski(4, 1000, 2.0, Progress(1e8), (Blur(0.5 / 227, every=4), SmallContribution(90.0))),
)

KERAS_VIS = Recipe(
    name="keras-vis",
    reference="R. Kotikalapudi and contributors, keras-vis, 2017 (activation maximization; grey pictures are stretched "
    "for display, as its MNIST example shows them by imshow, and so are others here; its weights of 10 balance the "
    "gradients of that example: every gradient is brought to theirs, 0.2 in 28 × 28 pixels, less in larger ones as the "
    "penalties are)",
    steps=200,
    step_size=1.0,
    # uniform noise with the mean 127.5 and the standard deviation 0.05 * 255
    parameterization=Pixels(white=255.0, start=127.5 - 12.75 * 3**0.5, noise=2 * 12.75 * 3**0.5),
    step_rule=RMSprop(rho=0.95, epsilon=1e-7),
    # The example of MNIST has a network of 0..1 and no limits, and its pictures reach about ± 40 of its units: these
    # are our levels. A logit's gradient is about 0.2 a unit there, as measured on `mnist-cnn`, a network of that kind.
    # So total variation ends near 860 and all is in balance, as in the numbers that the example prints.
    transforms=(GradientScale(0.2, values=784), Roll(0.1)),
    regularizers=(LpNorm(weight=10.0, p=6.0), TotalVariation(weight=10.0, beta=2.0)),
    gradient=(UnitNorm(),),
    keep_best=True,
    display="stretched",
)

SAINBURG = Recipe(
    name="sainburg",
    reference="T. Sainburg, Visualizing features, receptive fields and classes, TensorFlow 2 notebooks, 2020",
    steps=1000,  # 50 epochs of 20
    step_size=0.1,
    parameterization=Sigmoid(),
    step_rule=Adam(epsilon=1e-7),
    gradient=(UnitDeviation(),),
    after=(
        Bound(50.0),
        ZScore(1.5),
        Zoom(1.01, every=20, first=19, last=False),
        Blur(1.0 / 224, every=20, first=19, last=False),
    ),
)

MACO = Recipe(
    name="maco",
    reference="Fel et al., Unlocking Feature Visualization for Deeper Networks with MAgnitude Constrained "
    "Optimization, 2023 (published at size=512; stretched for display, as its authors do, but without cutting off the "
    "outermost 1 % of values or laying their transparency over it)",
    steps=256,
    step_size=1.0,
    parameterization=NaturalPhase(),
    step_rule=Nadam(),
    transforms=(Crops(count=32, box=Ramp(0.5, 0.05), noise=0.08),),
    display="stretched",
)


def _nguyen(
    steps: int,
    probability: bool,
    size: tuple[float, float],
    enlarge: float,
    weight: tuple[float, float],
    margin: float,
    spread: float,
) -> Phase:
    """A row of the published schedule; `margin` in pixels of 227."""
    return Phase(
        steps=steps,
        step_size=size[0] if size[0] == size[1] else Ramp(*size, reached=False),
        enlarge=enlarge,
        probability=probability,
        gradient=(Margin(margin / 227),) if margin else (),
        after=(Clip(), SplitBregman(Ramp(*weight, reached=False))),
        window=Window(spread),
    )


MULTIFACETED = Recipe(
    name="multifaceted",
    reference="Nguyen, Yosinski and Clune, Multifaceted Feature Visualization, 2016 (centre-biased regularization; "
    "from start=, such as a picture of nbfeatviz.facets; shown as it is, as published; its denoising is 100 iterations "
    "of split Bregman, as in the published code, which leaves faint shapes that the exact minimum wipes out)",
    steps=530,
    step_size=11.0,
    parameterization=Centred(mean=(123.0, 117.0, 104.0), deviation=8.0, background=175.0),
    step_rule=MeanMagnitude(),
    phases=(
        _nguyen(190, True, (11, 11), 1.0, (0.001, 0.05), 0, 0.3),
        _nguyen(150, True, (6, 6), 1.2, (0.01, 0.08), 0, 0.3),
        _nguyen(150, False, (1, 1), 1.2, (0.01, 2), 0, 0.3),
        _nguyen(30, False, (3, 3), 1.0, (0.1, 2), 50, 0.1),
        _nguyen(10, False, (6, 3), 1.0, (0.01, 2), 0, 0.3),
    ),
)

DEEP_DREAM = Recipe(
    name="deep-dream",
    reference="Mordvintsev, Olah and Tyka, Inceptionism, 2015 (one octave; nbfeatviz.deep_dream runs them all)",
    steps=10,
    step_size=1.5,
    parameterization=Pixels(white=255.0, start=117.0, noise=22.0),
    step_rule=MeanMagnitude(),
    transforms=(Roll(64 / 224),),
)

INVERSION = Recipe(
    name="inversion",
    reference="T. Sainburg, Reconstructing images from layer activations, TensorFlow 2 notebooks, 2020: for "
    "objectives.content, from noise, smoothed between rounds",
    steps=400,  # 20 rounds of 20
    step_size=0.1,
    parameterization=Sigmoid(),
    step_rule=Adam(epsilon=1e-7),
    gradient=(UnitDeviation(),),
    after=(Blur(0.5 / 224, every=20, first=19, last=False),),
)

DIRECT_ASCENT = Recipe(
    name="direct-ascent",
    reference="Fort and Whitaker, Direct Ascent Synthesis, 2025: one subject on plain ground without any regularizer "
    "(published with 84 planes, 16 views, plain steps of 0.005; here steps of one length, for units of any scale)",
    steps=100,
    step_size=1.5,
    parameterization=MultiResolution(planes=16, deviation=0.01),
    step_rule=Plain(),
    transforms=(Views(2), Roll(112 / 336), Noise(uniform=0.2)),
    gradient=(UnitNorm(),),
)

ACCENTUATION = Recipe(
    name="accentuation",
    reference="Hamblin et al., Feature Accentuation, 2024: from a photo, which nbfeatviz.accentuate keeps (published "
    "with 16 random crops a step; here one view, moved a little)",
    steps=100,
    step_size=0.05,
    parameterization=Fourier(),
    step_rule=Adam(),
    # small, so that activations stay comparable place by place; without them a second network sees half as much
    transforms=(Pad(0.5), Jitter(8 / 224), Scale(0.95, 1.05), Rotate(5.0, still=0.5), Noise(normal=0.02)),
)

DEFAULT = Recipe(
    name="default",
    reference="this package's own: held to what natural pictures are to the network, the spectrum falls nearly as that "
    "of photographs does, soft limits, the best places lead",
    steps=256,
    step_size=0.0275,
    parameterization=Fourier(deviation=0.003, decay=1.25, chroma=2.4),
    step_rule=Adam(epsilon=1e-18, pace=Ramp(1.0, 0.0, reached=False, hold=0.4, suits=256)),  # some units speak in 1e-8
    transforms=(Pad(0.5), Part(0.8, 0.97, over=0.07), Rotate(10.0, still=0.5)),
    regularizers=(PreSigmoid(weight=1.2, limit=2.5), NaturalPrior(weight=0.5)),
    passed_gradients=16,
    focus=Focus(Ramp(0.25, 2.0)),
)


class Catalogue(Mapping[str, Recipe]):
    """Recipes by name; its text lists them with their references."""

    def __init__(self, *recipes: Recipe) -> None:
        self._recipes = {recipe.name: recipe for recipe in recipes}

    def __getitem__(self, name: str) -> Recipe:
        return self._recipes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._recipes)

    def __len__(self) -> int:
        return len(self._recipes)

    def __repr__(self) -> str:
        width = max(map(len, self), default=0) + 2
        return "\n".join(
            textwrap.fill(recipe.reference, 110, initial_indent=name.ljust(width), subsequent_indent=" " * width)
            for name, recipe in self.items()
        )


ALL = Catalogue(
    DEFAULT,
    LUCID,
    TUTORIAL13,
    TUTORIAL13_MNIST,
    *YOSINSKI,
    KERAS_VIS,
    SAINBURG,
    MACO,
    MULTIFACETED,
    DEEP_DREAM,
    INVERSION,
    DIRECT_ASCENT,
    ACCENTUATION,
)


def get(recipe: str | Recipe) -> Recipe:
    """A recipe by name; a recipe is handed back as it is.

    Raises:
        ValueError: no recipe of that name; the nearest is given.
        TypeError: neither a name nor a recipe.
    """
    if isinstance(recipe, Recipe):
        return recipe
    if not isinstance(recipe, str):
        raise TypeError(f"a recipe is a name or a Recipe, not {recipe!r} ({type(recipe).__name__}).")
    if recipe not in ALL:
        near = nearest(recipe, list(ALL))
        hint = near[:-1] + "; " if near.startswith("nearest") else ""
        raise ValueError(f"no recipe {recipe!r}; {hint}there are {', '.join(map(repr, ALL))}.")
    return ALL[recipe]


class _Listing(ModuleType):
    """The module itself: `nv.recipes` in a notebook, or print(nv.recipes), shows what there is."""

    def __repr__(self) -> str:
        return f"{ALL!r}\n\nEach is plain data: nv.recipes.get(name), .replace(...), .to_json()."


sys.modules[__name__].__class__ = _Listing
