"""Measures the spectrum of the photographs that come with the package.

Run as `python -m nbfeatviz.catalogue.natural_spectrum`. The result, `nbfeatviz/data/natural_spectrum.npz`, is what
the recipe `maco` takes as the magnitudes of a picture.
"""

from __future__ import annotations

import numpy as np

from nbfeatviz import samples
from nbfeatviz.images import as_picture, fitted
from nbfeatviz.synthesis.recipe_parts.natural_phase import SPECTRUM
from nbfeatviz.synthesis.recipe_parts.parameterizations import colour_matrix

SIDE = 128
CROPS = 64


def measured(side: int = SIDE, crops: int = CROPS, seed: int = 0) -> dict[str, np.ndarray]:
    """Mean magnitudes over random square crops of every colour photograph, each mirrored both ways.

    Colours are those before a sigmoid, decorrelated as in Lucid.

    Args:
        side: pixels of a crop after resizing.
        crops: of each photograph.
        seed: of the crops.

    Returns:
        `log_magnitude` float16 (3, side, side // 2 + 1), even in rows; `level` (3,), the mean of |mean|; `deviation`
        (3,), the root of the mean variance.
    """
    random = np.random.default_rng(seed)
    total, level, variance, count = np.zeros((3, side, side // 2 + 1)), np.zeros(3), np.zeros(3), 0
    for sample in samples.ALL:
        photo = as_picture(str(sample.path), 3)
        if (photo[..., 0] == photo[..., 1]).all():
            continue  # a grey photograph says nothing about colour
        for _ in range(crops):
            length = int(random.integers(min(photo.shape[:2]) // 3, min(photo.shape[:2]) + 1))
            top, left = (int(random.integers(0, extent - length + 1)) for extent in photo.shape[:2])
            crop = fitted(photo[top : top + length, left : left + length], (side, side)).astype(np.float64)
            inside = np.clip(crop, 1 / 510, 1 - 1 / 510)
            planes = (np.log(inside / (1 - inside)) @ np.linalg.inv(colour_matrix()).T).transpose(2, 0, 1)
            size = np.abs(np.fft.rfft2(planes))
            total += (size + size[:, (-np.arange(side)) % side]) / 2  # up and down alike
            level += np.abs(planes.mean((1, 2)))
            variance += planes.var((1, 2))
            count += 1
    return {
        "log_magnitude": np.log(total / count).astype(np.float16),
        "level": (level / count).astype(np.float32),
        "deviation": np.sqrt(variance / count).astype(np.float32),
    }


if __name__ == "__main__":
    found = measured()
    np.savez_compressed(
        SPECTRUM, log_magnitude=found["log_magnitude"], level=found["level"], deviation=found["deviation"]
    )
