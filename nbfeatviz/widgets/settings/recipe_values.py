"""The values of a recipe one by one: what the panel shows of each, and the recipe with one of them changed."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.recipe import MOST_STEPS, Phase, Recipe
from nbfeatviz.synthesis.recipe_parts.fields import check, checked_number, nearest
from nbfeatviz.widgets.settings.meanings import attributes_of, summary_of

_ELSEWHERE = ("name", "reference", "steps", "step_size", "display")  # the last three have fields of their own
_ONE = {"transforms": "transform", "regularizers": "regularizer", "phases": "phase"}


def values(recipe: Recipe) -> list[dict[str, Any]]:
    """Every value of a recipe, in the order of operations.

    Returns:
        A dict a value: `path` (what `changed` takes), `group` (which part it belongs to, in words), `name`, `value`,
        `kind` ("number", "whole", "check", or "fixed" for a part without numbers), where it has such `about` and
        `meaning` (what part and value do, in words), and for numbers `low` and `high` (None for no limit) and
        `optional`.
    """
    told = attributes_of(type(recipe))
    found: list[dict[str, Any]] = []
    own: list[dict[str, Any]] = []  # of no part
    for field in dataclasses.fields(recipe):
        if field.name in _ELSEWHERE:
            continue
        value = getattr(recipe, field.name)
        if isinstance(value, tuple):
            for place, part in enumerate(value):
                title = _ONE.get(field.name, field.name) + f" {place + 1}" * (len(value) > 1)
                found += _of_part(f"{field.name}.{place}", title, part)
        elif dataclasses.is_dataclass(value):
            found += _of_part(field.name, _words(field.name), value)
        elif value is not None:
            row = _row(field.name, field, value, {"low": 0, "high": MOST_STEPS, "whole": True})
            own.append({**row, "group": "run", "meaning": told.get(field.name, "")})
    return found + own


def changed(recipe: Recipe, path: str, value: Any) -> Recipe:
    """The recipe with the value at a path changed.

    Raises:
        ValueError, TypeError: no such value, or one that is not possible; says what would be.
    """
    known = {row["path"]: row for row in values(recipe) if row["kind"] != "fixed"}
    row = known.get(path) if isinstance(path, str) else None
    if row is None:
        raise ValueError(
            f"the recipe {recipe.name!r} has no value {path!r} to be changed; {nearest(str(path), [*known])}"
        )
    name = f"{row['group']}: {row['name']}"
    if row["kind"] == "check" and not isinstance(value, bool):
        raise TypeError(f"{name} is True or False, not {value!r}.")
    if row["kind"] != "check" and not (value is None and row["optional"]):
        value = _number(name, value, row)
    head, *rest = path.split(".")
    return recipe.replace(**{head: _with(getattr(recipe, head), rest, value)})


def published(recipe: str | Recipe) -> Recipe | None:
    """The published recipe that one is made from, None for one of the user's own."""
    return recipes.ALL.get(recipe if isinstance(recipe, str) else recipe.name)


def as_page(recipe: str | Recipe) -> dict[str, Any]:
    """What the page shows of a recipe: name, reference, steps, step_size, whether it is changed, and its values."""
    known, recipe = published(recipe), recipes.get(recipe)
    before = {} if known is None else {row["path"]: row.get("value") for row in values(known)}
    rows = [{**row, "published": before.get(row["path"])} for row in values(recipe)]
    return {
        "name": recipe.name,
        "reference": recipe.reference,
        "steps": recipe.steps,
        "step_size": recipe.step_size,
        "changed": known is not None and known != recipe,
        "values": rows,
    }


def _of_part(path: str, title: str, part: Any) -> Iterator[dict[str, Any]]:
    if not dataclasses.is_dataclass(part):
        yield {"path": path, "group": title, "name": getattr(part, "__name__", "a function"), "kind": "fixed"}
        return
    group = title if isinstance(part, Phase) else f"{title}: {_spaced(type(part).__name__)}"
    rows = list(_fields(path, part))
    about = {"group": group, "about": summary_of(type(part))}
    yield from ({**row, **about} for row in rows)
    if not rows:
        yield {"path": path, "name": "", "kind": "fixed", **about}


def _fields(path: str, part: Any, prefix: str = "", limits: Any = None, within: str = "") -> Iterator[dict[str, Any]]:
    """The values of a part, those of parts within it too; `within`: what the part means."""
    told = attributes_of(type(part))
    for field in dataclasses.fields(part):
        meaning = f"{within} {told.get(field.name) or summary_of(type(part))}".strip()
        value, name = getattr(part, field.name), prefix + _words(field.name)
        here, limit = f"{path}.{field.name}", field.metadata or limits
        if isinstance(value, tuple):
            for place, item in enumerate(value):
                if dataclasses.is_dataclass(item):
                    kind = _spaced(type(item).__name__)
                    inside = list(_fields(f"{here}.{place}", item, f"{name} ({kind}) ", within=summary_of(type(item))))
                    yield from inside or [{"path": f"{here}.{place}", "name": f"{name} ({kind})", "kind": "fixed"}]
                elif isinstance(item, int | float):
                    yield {
                        **_row(f"{here}.{place}", field, item, limit),
                        "name": f"{name} {place + 1}",
                        "meaning": meaning,
                    }
                else:
                    own = getattr(item, "__name__", "a function")
                    yield {"path": f"{here}.{place}", "name": f"{name} ({own})", "kind": "fixed"}
        elif dataclasses.is_dataclass(value):  # a ramp has the limits of what it moves
            yield from _fields(here, value, f"{name} ", limit, meaning)
        elif value is not None or "float" in str(field.type):
            yield {**_row(here, field, value, limit), "name": name, "meaning": meaning}


def _row(path: str, field: Any, value: Any, limits: Any = None) -> dict[str, Any]:
    limits = limits or field.metadata
    row = {"path": path, "name": _words(field.name), "value": value}
    if isinstance(value, bool):
        return {**row, "kind": "check"}
    low, high = limits.get("low", -math.inf), limits.get("high", math.inf)
    whole = limits.get("whole", False) or field.type == "int"
    return {
        **row,
        "kind": "whole" if whole else "number",
        "low": low if math.isfinite(low) else None,
        "high": high if math.isfinite(high) else None,
        "optional": "None" in str(field.type),
    }


def _number(name: str, value: Any, row: dict[str, Any]) -> Any:
    """The number, of the kind that it takes the place of."""
    low = -math.inf if row["low"] is None else row["low"]
    high = math.inf if row["high"] is None else row["high"]
    checked_number(name, value, low, high, whole=row["kind"] == "whole")
    return int(value) if row["kind"] == "whole" else float(value)


def _with(part: Any, rest: list[str], value: Any) -> Any:
    """A part, tuple or number with the value at the end of a path in it; checked on the way."""
    if not rest:
        return value
    head, *further = rest
    if isinstance(part, tuple):
        place = int(head)
        return (*part[:place], _with(part[place], further, value), *part[place + 1 :])
    made = dataclasses.replace(part, **{head: _with(getattr(part, head), further, value)})
    check(made)
    return made


def _words(name: str) -> str:
    return name.replace("_", " ")


def _spaced(name: str) -> str:
    """The name of a class as words: "TotalVariation" as "total variation"."""
    return "".join(f" {letter.lower()}" if letter.isupper() and k and name[k - 1].islower() else letter
                   for k, letter in enumerate(name)).lower()  # fmt: skip
