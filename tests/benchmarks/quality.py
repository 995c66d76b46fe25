"""How recognisable and how natural the pictures of a recipe are, judged by a second network.

`python -m tests.benchmarks.quality [--recipe default lucid ...] [--steps 256] [--classes 40] [--seed 0] [--units]
[--digits]` prints a table and writes a contact sheet a recipe into tests/output. The pictures are made on
EfficientNet-Lite0 and judged by EfficientNet-Lite1, each once: clean, resized, no averaging. `--units` measures hidden
units instead, and `--digits` those of `mnist-cnn`, read by a network that is trained on the spot from another seed.
Nothing here is a test.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import keras
import matplotlib.cbook
import numpy as np
import tensorflow as tf
from PIL import Image
from tqdm import tqdm

import nbfeatviz as nv
from nbfeatviz import objectives, recipes, samples
from nbfeatviz.networks import efficientnet_lite, train_mnist
from nbfeatviz.networks.backbone import Backbone, Tap
from nbfeatviz.synthesis import quality
from nbfeatviz.synthesis.ascent import Ascent

OUTPUT = Path(__file__).parents[1] / "output"
BATCH = 10
NEAR = 1.5  # how far from natural a measure may be, as a factor
LAYERS = (  # expansions and linear ends, early to late
    "block2a_expand_conv", "block2b_project_conv", "block3a_expand_conv", "block3b_add", "block4b_expand_conv",
    "block4c_add", "block5b_expand_conv", "block5c_add", "block6b_expand_conv", "block6d_add",
)  # fmt: skip


@dataclass(frozen=True)
class Judgement:
    """How the judge sees pictures of classes.

    Attributes:
        ranks: of the right class, from 0.
        probability: mean, of the right class.
        mistaken: what was wanted and what was seen instead, of each miss.
    """

    ranks: np.ndarray
    probability: float
    mistaken: tuple[tuple[str, str], ...]

    def top(self, count: int) -> float:
        """The share of pictures whose class is among the first."""
        return float((self.ranks < count).mean())


def spread_classes(count: int, offset: int = 12) -> list[int]:
    """So many ImageNet classes, evenly over the range."""
    return [int(index) for index in (offset + np.arange(count) * (1000 // count)) % 1000]


def photographs() -> list[str]:
    """The colour photographs of the package, and matplotlib's."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return [str(sample.path) for sample in samples.ALL if sample.name != "camera"] + [file.name]


def judged(pictures: np.ndarray, classes: Sequence[int], names: Sequence[str], judge: keras.Model) -> Judgement:
    """What a second network says of each clean picture, resized to what it takes."""
    size = judge.input_shape[2], judge.input_shape[1]
    whole = [Image.fromarray(np.round(picture * 255).astype(np.uint8)) for picture in pictures]
    sized = np.stack([np.asarray(image.resize(size, Image.Resampling.BICUBIC), np.float32) for image in whole])
    inputs = (sized - efficientnet_lite.INPUT_MEAN) / efficientnet_lite.INPUT_SCALE
    logits = judge.predict(inputs, batch_size=BATCH, verbose=0).astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    right = odds[np.arange(len(odds)), classes]
    ranks = (odds > right[:, None]).sum(axis=1)
    misses = [(names[classes[k]], names[int(odds[k].argmax())]) for k in np.flatnonzero(ranks)]
    return Judgement(ranks, float(right.mean()), tuple(misses))


def grown(
    net: nv.Network, wanted: Sequence[objectives.Objective], recipe: str, steps: int | None, seed: int
) -> Iterator[np.ndarray]:
    """The picture of each objective, in batches behind a progress bar."""
    count = steps or recipes.get(recipe).steps
    with tqdm(total=-(-len(wanted) // BATCH) * count, desc=recipe, unit="step") as bar:
        for begin in range(0, len(wanted), BATCH):
            part = list(wanted[begin : begin + BATCH])
            filled = part + part[:1] * (BATCH - len(part) if begin else 0)  # one size of batch, one trace
            ascent = Ascent(net, filled, recipe=recipe, steps=count, seed=seed)
            for _ in ascent:
                bar.update()
            yield from ascent.picture()[: len(part)]


def sheet(pictures: np.ndarray, path: Path, columns: int = 8) -> None:
    """Writes all pictures side by side."""
    height, width = pictures.shape[1:3]
    rows = -(-len(pictures) // columns)
    whole = np.ones((rows * (height + 4), columns * (width + 4), 3), np.float32)  # grey pictures fill all three
    for place, picture in enumerate(pictures):
        top, left = place // columns * (height + 4), place % columns * (width + 4)
        whole[top : top + height, left : left + width] = picture
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.round(whole * 255).astype(np.uint8)).save(path)


def row(pictures: np.ndarray, judgement: Judgement, natural: quality.Measures) -> tuple[str, list[str]]:
    """A line of the table, and what it misses of what is wanted at 256 steps."""
    exact = np.round(pictures * 255) / 255
    found = np.mean([astuple(quality.measures(picture)) for picture in exact], axis=0)
    ratios = {
        "high frequencies": found[1] / natural.high_frequency_ratio,
        "contrast": found[2] / natural.contrast,
        "colourfulness": found[3] / natural.colourfulness,
    }
    short = [f"{name} {ratio:.2f}" for name, ratio in ratios.items() if not 1 / NEAR <= ratio <= NEAR]
    short += [f"saturation {found[0]:.3f}"] if found[0] > 0.05 else []
    values = (judgement.top(1), judgement.top(5), judgement.probability)
    line = [f"{value:.3f}" for value in (*values, found[0])] + [f"{ratio:.2f}" for ratio in ratios.values()]
    return " | ".join(line), short


def classes_table(names: Sequence[str], steps: int | None, count: int, offset: int, seed: int) -> None:
    """Pictures of classes by each recipe."""
    net, judge = nv.load("efficientnet-lite0"), efficientnet_lite.build(efficientnet_lite.LITE1)
    natural = quality.natural(photographs())
    classes = spread_classes(count, offset)
    print(f"natural photographs: {natural}")
    print("recipe | top-1 | top-5 | probability | saturation | high frequencies | contrast | colourfulness (× natural)")
    for recipe in names:
        wanted = [objectives.class_logit(index) for index in classes]
        pictures = np.stack(list(grown(net, wanted, recipe, steps, seed)))
        sheet(pictures, OUTPUT / f"quality-{recipe}-{steps or recipes.get(recipe).steps}.png")
        judgement = judged(pictures, classes, net.class_names, judge)
        line, short = row(pictures, judgement, natural)
        print(f"{recipe} | {line}" + (f"   outside: {', '.join(short)}" if short else "   all inside"))
        for right, seen in judgement.mistaken:
            print(f"    {right} was seen as {seen}")


def units_table(recipe: str, steps: int | None, count: int, crops: int = 1000) -> None:
    """Hidden units: the spatial maximum of the picture against those of random crops of photographs."""
    net, random = nv.load("efficientnet-lite0"), np.random.default_rng(0)
    photos = quality.crops_of([sample.path for sample in samples.ALL], crops, net.contract.size)
    taps = [Tap(layer, True) for layer in LAYERS]
    backbone = Backbone(net, taps)

    def maxima(seen: np.ndarray) -> list:
        return [tf.reduce_max(value, axis=[1, 2]) for value in backbone(seen).values()]

    compute = net.compiled(("benchmark maxima", len(taps)), lambda: maxima)
    parts = [compute(photos[k : k + BATCH]) for k in tqdm(range(0, crops, BATCH), desc="photographs")]
    natural = [np.concatenate([np.asarray(part[k]) for part in parts]) for k in range(len(taps))]
    each, reached, silent, contrasts = count // len(LAYERS), 0, [], []
    for place, layer in enumerate(LAYERS):
        units = random.choice(net.layers[layer].units, each, replace=False)
        wanted = [objectives.channel(layer, int(unit), pre_activation=True) for unit in units]
        runs = [np.stack(list(grown(net, wanted, recipe, steps, seed))) for seed in range(3)]
        values = np.mean([np.asarray(compute(run)[place])[np.arange(each), units] for run in runs], axis=0)
        limit = np.percentile(natural[place][:, units], 99, axis=0)
        reached += int((values > limit).sum())
        contrasts += [quality.contrast(picture) for run in runs for picture in run]
        silent += [(layer, int(unit)) for unit in units if natural[place][:, unit].max() <= 0]
        print(f"{layer}: {(values > limit).mean():.0%} above the 99th percentile", flush=True)
        sheet(np.concatenate(runs), OUTPUT / f"quality-units-{layer}.png", columns=each)
    grey = sum(contrast < 0.1 for contrast in contrasts)
    print(f"all: {reached / (each * len(LAYERS)):.1%}; silent on every crop: {silent or 'none'}")
    print(f"{grey} of {len(contrasts)} pictures have a contrast below 0.1; the least is {min(contrasts):.3f}")


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
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.quality", description=__doc__)
    parser.add_argument("--recipe", nargs="+", default=["default"], choices=list(recipes.ALL), metavar="NAME")
    parser.add_argument("--steps", type=int, default=None, help="default: the recipe's own number")
    parser.add_argument("--classes", type=int, default=40)
    parser.add_argument("--offset", type=int, default=12, help="the first class")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--units", type=int, nargs="?", const=100, default=0, help="measure hidden units instead")
    parser.add_argument("--digits", action="store_true", help="measure digits instead")
    options = parser.parse_args(arguments)
    if options.digits:
        for recipe in options.recipe:
            digits_table(recipe, options.steps, options.seed)
    elif options.units:
        units_table(options.recipe[0], options.steps, options.units)
    else:
        classes_table(options.recipe, options.steps, options.classes, options.offset, options.seed)


if __name__ == "__main__":
    main(sys.argv[1:])
