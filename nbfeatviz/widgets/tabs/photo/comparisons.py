"""What the Compare tab shows: methods side by side with how faithful they are, and the randomization check."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nbfeatviz.attribution.evaluation import deletion_insertion_steps
from nbfeatviz.attribution.methods import METHODS
from nbfeatviz.attribution.randomization import Stage, randomization_stages
from nbfeatviz.widgets.execution.chunked_task import Result
from nbfeatviz.widgets.tabs.photo.results import View, displayed, map_of, quantized

FAITHFULNESS_STEPS = 16
RANDOMIZED_STAGES = 7


@dataclass(frozen=True, eq=False)
class Compared:
    """A method's map, how faithful it is (`deletion_insertion`), and how long both took.

    Of a map that says nothing there is no order of pixels, and so no area: both are None, and `empty` says why.
    """

    raw: np.ndarray
    deletion: float | None
    insertion: float | None
    seconds: float
    empty: str | None


def compared(view: View, methods: tuple[str, ...]) -> Iterator[Result]:
    """Several methods side by side, each with its deletion and insertion areas.

    A method that cannot be used here is left out, and it is said which and why.

    Raises:
        ValueError: none of them can be; says why.
    """
    refused: dict[str, str] = {}
    yield _left_out(refused, 0, len(methods))
    for number, name in enumerate(methods):
        try:
            yield from _compared(view, name, number, len(methods))
        except ValueError as error:
            refused[METHODS[name].title] = str(error)
            yield _left_out(refused, number + 1, len(methods))
    if len(refused) == len(methods):
        raise ValueError(" · ".join(dict.fromkeys(refused.values())))


def _left_out(refused: dict[str, str], number: int, count: int) -> Result:
    """Which methods cannot be, and why: those of one reason together."""
    reasons: dict[str, list[str]] = {}
    for title, reason in refused.items():
        reasons.setdefault(reason, []).append(title)
    entries = [[", ".join(titles), reason] for reason, titles in reasons.items()]
    return Result({"kind": "left-out", "entries": entries}, done=100 * number, total=100 * count)


def _compared(view: View, name: str, number: int, count: int) -> Iterator[Result]:
    title = METHODS[name].title
    result: Compared | None = view.cache.get(view.key("compared", name))
    if result is None:
        begun, deletion, insertion = time.monotonic(), None, None
        for piece in map_of(view, name):  # noqa: B007 (the last one counts)
            yield _progress(number, count, piece.done / piece.total / 2, title)
        raw = piece.map
        if piece.empty is None:
            for curves in deletion_insertion_steps(view.question, raw, steps=FAITHFULNESS_STEPS):
                share = len(curves.fractions) / (FAITHFULNESS_STEPS + 1)
                yield _progress(number, count, (1 + share) / 2, title)
            deletion, insertion = curves.deletion_auc, curves.insertion_auc
        result = Compared(raw, deletion, insertion, time.monotonic() - begun, piece.empty)
        view.cache.put(view.key("compared", name), result, raw.nbytes)
    content, buffer = quantized(*_small(name, result.raw), crowded=True)
    content |= {"kind": "compared", "method": name, "title": title, "seconds": result.seconds}
    content |= {"deletion": result.deletion, "insertion": result.insertion, "note": result.empty or ""}
    yield Result(content, (buffer,), number + 1, count)


def _small(method: str, raw: np.ndarray) -> tuple[np.ndarray, bool]:
    """A map (H, W) of any method for a comparison, and whether it has both signs."""
    return (displayed(raw, "mean"), False) if raw.ndim == 3 else (raw, METHODS[method].signed)


def randomized(view: View, method: str) -> Iterator[Result]:
    """The sanity check: the map from the trained network to one with random weights."""
    title = METHODS[method].title
    key = view.key("randomized", method)
    stages: tuple[Stage, ...] | None = view.cache.get(key)
    fresh: list[Stage] = []
    for number, stage in enumerate(
        stages or randomization_stages(view.question, method=method, stages=RANDOMIZED_STAGES, eager=True)
    ):
        fresh.append(stage)
        content, buffer = quantized(*_small(method, stage.map), crowded=True)
        content |= {"kind": "stage", "method": method, "title": title, "number": number, "layer": stage.layer or ""}
        content |= {"similarity": stage.similarity, "note": stage.empty or ""}
        yield Result(content, (buffer,), number + 1, RANDOMIZED_STAGES, f"randomizing · {title}")
    view.cache.put(key, tuple(fresh), sum(stage.map.nbytes for stage in fresh))


def _progress(number: int, count: int, share: float, text: str) -> Result:
    return Result(done=round(100 * (number + share)), total=100 * count, text=text)
