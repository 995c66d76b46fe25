"""Python as the panel hands it out: in lines that can be read, and with the names that the notebook has."""

from __future__ import annotations

import ast
from typing import Any

WIDTH = 100


def wrapped(statement: str, width: int = WIDTH) -> str:
    """A statement of one line, broken at the arguments of its calls where it is longer than `width`."""
    if len(statement) <= width:
        return statement
    target, equals, value = statement.partition(" = ")
    if not equals or not target.isidentifier():
        target, equals, value = "", "", statement
    return f"{target}{equals}{_broken(value, 0, width - len(target) - len(equals), width)}"


def _broken(text: str, indent: int, first: int, width: int) -> str:
    """An expression whose first line may have `first` letters, and the others `width`."""
    if len(text) <= first:
        return text
    node = ast.parse(text, mode="eval").body

    def source(part: ast.AST) -> str:
        return ast.get_source_segment(text, part) or ""

    if isinstance(node, ast.Call):
        items = [source(one) for one in node.args]
        items += [f"{one.arg}={source(one.value)}" for one in node.keywords]
        opening, closing = f"{source(node.func)}(", ")"
    elif isinstance(node, ast.Tuple | ast.List):
        items = [source(one) for one in node.elts]
        opening, closing = ("(", ")") if isinstance(node, ast.Tuple) else ("[", "]")
    elif isinstance(node, ast.BinOp) and indent:
        operator = text[len(source(node.left)) : text.rindex(source(node.right))].strip()
        left = _broken(source(node.left), indent, first, width)
        return f"{left}\n{' ' * indent}{operator} {_broken(source(node.right), indent, width - indent - 2, width)}"
    else:
        return text
    if not items:
        return text
    inner = " " * (indent + 4)
    lines = []
    for item in items:
        name, equals, value = item.partition("=") if _is_keyword(item) else ("", "", item)
        room = width - len(inner) - len(name) - len(equals) - 1
        lines.append(f"{inner}{name}{equals}{_broken(value, indent + 4, room, width)},")
    return "\n".join([opening, *lines, " " * indent + closing])


def _is_keyword(item: str) -> bool:
    name, equals, value = item.partition("=")
    return bool(equals) and name.isidentifier() and not value.startswith("=")


def name_in_notebook(value: Any) -> str | None:
    """The name that a variable of the notebook has for an object; None where there is none, or no notebook."""
    from IPython import get_ipython

    shell = get_ipython()
    names = {} if shell is None else shell.user_ns
    found = [name for name, held in list(names.items()) if held is value and not name.startswith("_")]
    return min(found, default=None)
