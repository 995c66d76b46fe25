"""The pictures that benchmarks of quality measure: which classes, which photographs, how they are made and shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import matplotlib.cbook
import numpy as np
from PIL import Image
from tqdm import tqdm

import nbfeatviz as nv
from nbfeatviz import objectives, recipes, samples
from nbfeatviz.synthesis import quality
from nbfeatviz.synthesis.ascent import Ascent
from nbfeatviz.synthesis.recipe import Recipe

OUTPUT = Path(__file__).parents[1] / "output"
BATCH = 10


def spread_classes(count: int, offset: int = 12) -> list[int]:
    """So many ImageNet classes, evenly over the range."""
    return [int(index) for index in (offset + np.arange(count) * (1000 // count)) % 1000]


def colour_samples() -> list[str]:
    """The colour photographs of the package."""
    return [str(sample.path) for sample in samples.ALL if sample.name != "camera"]


def photographs() -> list[str]:
    """The colour photographs of the package, and matplotlib's."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return [*colour_samples(), file.name]


def photograph_crops(count: int, size: tuple[int, int]) -> np.ndarray:
    """Random square parts of the colour photographs: what pictures of that number are set against."""
    return quality.crops_of(colour_samples(), count, size)


def grown(
    net: nv.Network, wanted: Sequence[objectives.Objective], recipe: str | Recipe, steps: int | None, seed: int
) -> Iterator[np.ndarray]:
    """The picture of each objective, in batches behind a progress bar."""
    chosen = recipes.get(recipe)
    count = steps or chosen.steps
    with tqdm(total=-(-len(wanted) // BATCH) * count, desc=chosen.name, unit="step") as bar:
        for begin in range(0, len(wanted), BATCH):
            part = list(wanted[begin : begin + BATCH])
            filled = part + part[:1] * (BATCH - len(part) if begin else 0)  # one size of batch, one trace
            ascent = Ascent(net, filled, recipe=chosen, steps=count, seed=seed)
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
