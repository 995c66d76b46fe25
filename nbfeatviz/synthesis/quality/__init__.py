"""Measures of a picture and of what it does to a network: is it like a photograph, does it single out its unit."""

from __future__ import annotations

from nbfeatviz.synthesis.quality.photo_crops import crops, crops_of
from nbfeatviz.synthesis.quality.picture_measures import (
    Measures,
    colourfulness,
    contrast,
    high_frequency_ratio,
    measures,
    natural,
    saturation,
)
from nbfeatviz.synthesis.quality.trust import (
    above_chance,
    class_probability,
    natural_path,
    raised_above_others,
    rank_directions,
    rise_scores,
    seed_agreement,
    two_choice,
)
from nbfeatviz.synthesis.quality.unit_measures import (
    channel_means,
    percentile_among,
    selectivity,
    values_of,
    z_scores,
)

__all__ = [
    "Measures",
    "above_chance",
    "channel_means",
    "class_probability",
    "colourfulness",
    "contrast",
    "crops",
    "crops_of",
    "high_frequency_ratio",
    "measures",
    "natural",
    "natural_path",
    "percentile_among",
    "raised_above_others",
    "rank_directions",
    "rise_scores",
    "saturation",
    "seed_agreement",
    "selectivity",
    "two_choice",
    "values_of",
    "z_scores",
]
