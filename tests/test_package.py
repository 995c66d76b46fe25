"""The house: who may import what, public names exist, and importing the package is light.

That imports go down only and in no circle is a contract of import-linter, in pyproject.toml.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbfeatviz

PACKAGE = Path(nbfeatviz.__file__).parent
ROOT = PACKAGE.parent
FILES = sorted(PACKAGE.rglob("*.py"))


def _module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(file: Path) -> Iterator[str]:
    """Every module that a file imports, inside functions too: `from a import b` gives a and a.b."""
    package = _module(file) if file.name == "__init__.py" else _module(file).rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                parts = package.split(".")
                source = ".".join([*parts[: len(parts) - node.level + 1], *filter(None, [source])])
            yield source
            yield from (f"{source}.{name.name}" for name in node.names)


def _part(module: str) -> str | None:
    """ "networks" of "nbfeatviz.networks.graph.calls"; None for what is not ours, and for the package itself."""
    head, *rest = module.split(".")
    return rest[0] if head == "nbfeatviz" and rest else None


def test_the_reader_of_imports_sees_them_all(tmp_path: Path, monkeypatch):
    file = tmp_path / "nbfeatviz" / "networks" / "sample.py"
    file.parent.mkdir(parents=True)
    file.write_text(
        "import nbfeatviz.cli as c\nfrom nbfeatviz import widgets\nfrom ..synthesis import ascent\n"
        "from . import graph\ndef f():\n    from nbfeatviz.catalogue.build import x\n"
    )
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    parts = {_part(module) for module in _imports(file)}
    assert parts >= {"cli", "widgets", "synthesis", "networks", "catalogue"}


@pytest.mark.parametrize("file", FILES, ids=_module)
def test_no_file_is_named_after_nothing(file: Path):
    words = {"utils", "util", "misc", "base", "common", "helpers", "helper"}
    assert not words & set(_module(file).split("."))


@pytest.mark.parametrize("file", FILES, ids=_module)
def test_only_the_public_api_of_keras_is_used(file: Path):
    assert not [module for module in _imports(file) if module.startswith("keras.src")]
    assert "keras.src" not in {
        ast.unparse(node) for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Attribute)
    }


@pytest.mark.parametrize("file", FILES, ids=_module)
def test_only_widgets_know_jupyter(file: Path):
    jupyter = {"ipywidgets", "ipycanvas", "anywidget", "IPython", "traitlets"}
    if _part(_module(file)) not in ("widgets", "cli"):
        assert not jupyter & {module.split(".")[0] for module in _imports(file)}


@pytest.mark.parametrize("file", FILES, ids=_module)
def test_tensorflow_and_keras_come_from_the_engine(file: Path):
    if _module(file) != "nbfeatviz.engine":
        assert not {"tensorflow", "keras"} & {module.split(".")[0] for module in _imports(file)}


@pytest.mark.parametrize("file", FILES, ids=_module)
def test_every_module_says_what_it_is(file: Path):
    assert ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))


def test_every_module_can_be_imported():
    for module in pkgutil.walk_packages([str(PACKAGE)], "nbfeatviz."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def test_all_is_complete_sorted_and_importable():
    assert nbfeatviz.__all__ == sorted(set(nbfeatviz.__all__))
    for name in nbfeatviz.__all__:
        assert getattr(nbfeatviz, name).__name__.rpartition(".")[2] == name
    assert set(nbfeatviz.__all__) <= set(dir(nbfeatviz))


def test_what_type_checkers_see_is_what_there_is():
    seen: dict[str, object] = {}
    for node in ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0
            for alias in node.names:
                assert alias.asname == alias.name, "in a stub only `name as name` is public"
                assert alias.name not in seen, "listed twice"
                importlib.import_module(str(node.module))
                exec(f"from {node.module} import {alias.name}", seen)
    seen.pop("__builtins__")
    assert set(seen) == set(nbfeatviz.__all__)
    for name, value in seen.items():
        assert getattr(nbfeatviz, name) is value


def test_a_star_import_gives_the_public_names():
    names: dict = {}
    exec("from nbfeatviz import *", names)
    assert set(nbfeatviz.__all__) == set(names) - {"__builtins__"}


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'nbfeatviz' has no attribute 'visualise'"):
        nbfeatviz.visualise  # noqa: B018


def _loaded_after(code: str) -> set[str]:
    script = f"import sys; {code}; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


def test_importing_the_package_loads_neither_tensorflow_nor_widgets():
    heavy = {"tensorflow", "keras", "ipywidgets", "IPython", "matplotlib"}
    loaded = _loaded_after("import nbfeatviz; nbfeatviz.__all__; dir(nbfeatviz); nbfeatviz.__version__")
    assert "nbfeatviz" in loaded
    assert not heavy & loaded


def test_pictures_load_neither_tensorflow_nor_widgets():
    assert not {"tensorflow", "keras", "ipywidgets"} & _loaded_after("import nbfeatviz.images")


def test_naming_what_computes_does_not_load_tensorflow_yet():
    loaded = _loaded_after("import nbfeatviz as nv; [getattr(nv, name) for name in nv.__all__]")
    assert {"numpy", "ipywidgets"} <= loaded
    assert not {"tensorflow", "keras"} & loaded


def test_computing_loads_no_widgets():
    loaded = _loaded_after("import nbfeatviz as nv; nv.maximize, nv.receptive_field, nv.load('mnist-cnn')")
    assert "tensorflow" in loaded
    assert not {"ipywidgets", "ipycanvas", "anywidget"} & loaded  # Keras itself loads IPython


def test_the_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert nbfeatviz.__version__ == project["version"]
