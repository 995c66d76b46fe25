"""How recognisable and how natural the pictures of a recipe are, judged by a second network.

`python -m tests.benchmarks.quality [--recipe default lucid ...] [--steps 64 256] [--classes 40] [--seed 0 1 2]` prints
a table and writes a contact sheet a recipe into tests/output. The pictures are made on EfficientNet-Lite0 and judged by
EfficientNet-Lite1, each once: clean, resized, no averaging. Instead of classes,

- `--units [100]` measures hidden units of ten layers,
- `--joint [5]` batches of seeds of so many classes with joint statistics beside independent ones,
- `--digits` those of `mnist-cnn`, read by a network that is trained on the spot from another seed,
- `--untrained` makes pictures on an InceptionV3 with random weights, with warnings as errors.

Nothing here is a test.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import astuple

import numpy as np

import nbfeatviz as nv
from nbfeatviz import objectives, recipes
from nbfeatviz.encoding import displayed
from nbfeatviz.networks.zoo import efficientnet_lite, train_mnist
from nbfeatviz.synthesis import quality
from tests.benchmarks.hidden_units import units_table
from tests.benchmarks.joint import joint_table
from tests.benchmarks.judging import Judgement, judged
from tests.benchmarks.naturalness import NaturalnessJudge, naturalness
from tests.benchmarks.pictures import OUTPUT, grown, photograph_crops, photographs, sheet, spread_classes
from tests.benchmarks.untrained import untrained_table

NEAR = 1.25  # how far from natural a measure may be, as a factor
SATURATED = 0.01
COLUMNS = (
    "top-1", "top-5", "probability", "saturation", "high frequencies", "contrast", "colourfulness", "distance",
    "pooled distance",
)  # fmt: skip
LIMITS = {  # least and most of what is wanted at every number of steps
    "saturation": (0.0, SATURATED),
    **dict.fromkeys(COLUMNS[4:7], (1 / NEAR, NEAR)),
    "distance": (0.0, 0.6),
    "pooled distance": (0.0, 1.2),
}
RECOGNISED = {  # number of steps: what is wanted from there on
    64: {"top-1": (0.97, 1.0), "probability": (0.85, 1.0)},
    256: {"top-1": (0.99, 1.0), "probability": (0.93, 1.0)},
}


def measured(pictures: np.ndarray, judgement: Judgement, natural: quality.Measures) -> list[float]:
    """The columns of the table that the judge's batch norms have no part in."""
    exact = np.round(pictures * 255) / 255
    found = np.mean([astuple(quality.measures(picture)) for picture in exact], axis=0)
    ratios = found[1:] / np.array(astuple(natural))[1:]
    return [judgement.top(1), judgement.top(5), judgement.probability, *(float(value) for value in (found[0], *ratios))]


def line(values: Sequence[float], steps: int) -> str:
    """A row of the table, and what of it is outside of what is wanted."""
    limits = dict(LIMITS)
    for least, wanted in RECOGNISED.items():
        limits |= wanted if steps >= least else {}
    outside = [
        f"{name} {value:.3f}"
        for name, value in zip(COLUMNS, values, strict=True)
        if name in limits and not limits[name][0] <= value <= limits[name][1]
    ]
    text = " | ".join(f"{value:.2f}" if place > 3 else f"{value:.3f}" for place, value in enumerate(values))
    return text + (f"   outside: {', '.join(outside)}" if outside else "   all inside")


def classes_table(
    names: Sequence[str], steps: Sequence[int | None], count: int, offset: int, seeds: Sequence[int]
) -> None:
    """Pictures of classes by each recipe, at each number of steps, of each seed."""
    net, judge = nv.load("efficientnet-lite0"), efficientnet_lite.build(efficientnet_lite.LITE1)
    assert net.class_names is not None
    natural, norms = quality.natural(photographs()), NaturalnessJudge(judge)
    classes = spread_classes(count, offset)
    photos = norms.moments(photograph_crops(count, net.contract.size))
    print(f"natural photographs: {natural}; distances by {norms.norms} batch norms")
    print(f"recipe | steps | seed | {' | '.join(COLUMNS)} (the last five ÷ those of photographs)")
    wanted = [objectives.class_logit(index) for index in classes]
    for recipe in names:
        for number in [given or recipes.get(recipe).steps for given in steps]:
            rows = []
            for seed in seeds:
                pictures = np.stack(list(grown(net, wanted, recipe, number, seed)))
                label = "" if seed == seeds[0] else f"-seed{seed}"
                shown = np.stack([displayed(picture, recipes.get(recipe).display) for picture in pictures])
                sheet(shown, OUTPUT / f"quality-{recipe}-{number}{label}.png")
                judgement = judged(pictures, classes, net.class_names, judge)
                apart = naturalness(norms, pictures, photos)
                rows.append([*measured(pictures, judgement, natural), apart.each, apart.pooled])
                print(f"{recipe} | {number} | {seed} | {line(rows[-1], number)}", flush=True)
                for right, seen in judgement.mistaken:
                    print(f"    {right} was seen as {seen}")
            if len(seeds) > 1:
                print(f"{recipe} | {number} | mean | {line(np.mean(rows, axis=0).tolist(), number)}", flush=True)


def digits_table(recipe: str, steps: int | None, seed: int) -> None:
    """The ten digits of `mnist-cnn`, read by a network of another seed."""
    net, other = nv.load("mnist-cnn"), nv.load(train_mnist.train(epochs=8, seed=seed + 5), input_range=(0, 1))
    pictures = np.stack(list(grown(net, [objectives.class_logit(k) for k in range(10)], recipe, steps, seed)))
    sheet(pictures, OUTPUT / f"quality-digits-{recipe}.png", columns=10)
    read = [other.predict(picture, top=1)[0] for picture in pictures]
    right = sum(index == digit for digit, (index, _, _) in enumerate(read))
    print(f"{recipe}: {right} of 10 read as intended: {', '.join(f'{name} {share:.2f}' for _, name, share in read)}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Reads the command line and prints the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--recipe", nargs="+", default=["default"], choices=list(recipes.ALL), metavar="NAME")
    parser.add_argument("--steps", type=int, nargs="+", default=[None], help="default: the recipe's own number")
    parser.add_argument("--classes", type=int, default=40)
    parser.add_argument("--offset", type=int, default=12, help="the first class")
    parser.add_argument("--seed", type=int, nargs="+", default=None, help="default: 0; for --units 0 1 2")
    parser.add_argument("--units", type=int, nargs="?", const=100, default=0, help="measure hidden units instead")
    parser.add_argument("--joint", type=int, nargs="?", const=5, default=0, help="of so many classes, 8 seeds each")
    parser.add_argument("--untrained", type=int, nargs="?", const=2, default=0, help="so many classes")
    parser.add_argument("--digits", action="store_true", help="measure digits instead")
    options = parser.parse_args(arguments)
    seeds = options.seed or [0]
    if options.digits or options.joint or options.untrained or options.units:
        for recipe in options.recipe:
            for steps in options.steps:
                if options.digits:
                    for seed in seeds:
                        digits_table(recipe, steps, seed)
                elif options.units:
                    units_table(recipe, steps, options.units, options.seed or [0, 1, 2])
                elif options.joint:
                    joint_table(recipe, steps, spread_classes(options.joint, options.offset))
                else:
                    untrained_table(recipe, steps, spread_classes(options.untrained, options.offset))
        return
    classes_table(options.recipe, options.steps, options.classes, options.offset, seeds)


if __name__ == "__main__":
    main(sys.argv[1:])
