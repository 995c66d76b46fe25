"""The command line: each command, each mistake as one sentence, and what the wheel brings along."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import nbfeatviz as nv
from nbfeatviz import cli
from nbfeatviz.images import as_picture

ROOT = Path(__file__).parent.parent
STARTER = ROOT / "notebooks" / "explore.ipynb"
DIGITS = ROOT / "nbfeatviz" / "networks" / "zoo" / "data" / "mnist-cnn.keras"


@pytest.mark.parametrize("command", ["lab", "maximize", "layers", "catalogue"])
def test_help_has_an_example(command: str, capsys):
    for arguments in ([command, "--help"], ["--help"]):
        with pytest.raises(SystemExit) as left:
            cli.main(arguments)
        assert left.value.code == 0
        assert f"nbfeatviz {command} " in capsys.readouterr().out.partition("example")[2]


def test_layers_prints_the_tree(capsys):
    assert cli.main(["layers", "mnist-cnn"]) == 0
    assert capsys.readouterr().out == f"{nv.load('mnist-cnn').layers}\n"


def test_maximize_a_file_from_outside(tmp_path: Path):
    shutil.copyfile(DIGITS, tmp_path / "digits.keras")
    layer = nv.load("mnist-cnn").convolutions[0].path
    command = [sys.executable, "-m", "nbfeatviz.cli", "maximize", "digits.keras", layer, "1", "--steps", "3"]
    command += ["--recipe", "tutorial13-mnist", "--seed", "4", "-o", "unit1.png"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == "unit1.png\n"
    assert "3/3" in done.stderr
    assert "Traceback" not in done.stderr
    picture = as_picture(tmp_path / "unit1.png", 1)
    unit = nv.objectives.channel(layer, 1)
    expected = nv.maximize(nv.load("mnist-cnn"), unit, recipe="tutorial13-mnist", steps=3, seed=4).image
    assert abs(picture - expected).max() < 2 / 255


def test_an_animation(tmp_path: Path, capsys):
    target = tmp_path / "unit.gif"
    layer = nv.load("mnist-cnn").convolutions[0].path
    more = ["--recipe", "tutorial13-mnist", "--steps", "2", "-o", str(target)]
    assert cli.main(["maximize", "mnist-cnn", layer, "0", *more]) == 0
    assert target.read_bytes().startswith(b"GIF8")
    assert capsys.readouterr().out == f"{target}\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("layers mnist-cn", "nearest: 'mnist-cnn'"),
        ("layers missing.keras", "missing.keras"),
        ("layers mnist-cnn --random", "its own weights"),
        ("maximize mnist-cnn nothing 0 -o a.png", "no layer 'nothing'"),
        ("maximize mnist-cnn LAYER 999 -o a.png", "unit 999"),
        ("maximize mnist-cnn LAYER -1 -o a.png", "unit -1"),
        ("maximize mnist-cnn LAYER 0 -o a.png --steps 0", "steps"),
        ("maximize mnist-cnn LAYER 0 -o a.png --seed -4", "seed"),
        ("maximize mnist-cnn LAYER 0 -o a.png --size 0", "size 0"),
        ("maximize mnist-cnn LAYER 0 -o a.png --recipe tutorial12", "nearest: 'tutorial13'"),
        ("catalogue mnist-cn -o a.nbfv", "nearest: 'mnist-cnn'"),
        ("catalogue mnist-cnn -o a.nbfv --layers nothing", "no layer 'nothing'"),
        ("catalogue mnist-cnn -o a.nbfv --units 5-3", "units '5-3' are no units"),
        ("catalogue mnist-cnn -o a.nbfv --steps 0", "steps"),
        ("catalogue mnist-cnn -o a.nbfv --size 3", "cannot be computed from pictures of 3×3"),
        ("catalogue mnist-cnn -o a.nbfv --seeds 0", "seeds 0 is out of range"),
        ("catalogue mnist-cnn -o a.nbfv --workers 0", "workers 0 is out of range"),
        ("catalogue mnist-cnn -o a.nbfv --photos nowhere", "nowhere"),
        ("catalogue mnist-cnn -o a.nbfv --recipe tutorial12", "nearest: 'tutorial13'"),
    ],
)
def test_a_mistake_is_one_sentence(arguments: str, sentence: str, capsys, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layer = nv.load("mnist-cnn").convolutions[0].path
    assert cli.main(arguments.replace("LAYER", layer).split()) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("nbfeatviz: ")
    assert sentence in said.err
    assert said.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_catalogue_is_built_once(tmp_path: Path, capsys):
    target = tmp_path / "digits.nbfv"
    command = ["catalogue", "mnist-cnn", "-o", str(target), "--steps", "2", "--layers", "conv[12]", "--units", "0-3"]
    for _ in range(2):
        assert cli.main(command) == 0
        assert capsys.readouterr().out == f"{target}: 32 units\n"
    assert (target / "log.jsonl").read_text().count('"event": "job"') == 2


def test_a_catalogue_of_which_a_job_fails_says_what_is_missing(tmp_path: Path, capsys, monkeypatch):
    from nbfeatviz.catalogue import dispatch

    do = dispatch.do
    monkeypatch.setattr(
        dispatch, "do", lambda network, folder, job: 1 / 0 if job.layer == "conv2" else do(network, folder, job)
    )
    target = tmp_path / "digits.nbfv"
    assert cli.main(["catalogue", "mnist-cnn", "-o", str(target), "--steps", "2", "--layers", "conv1", "conv2"]) == 1
    assert capsys.readouterr().out == f"{target}: 16 units, 32 missing (see log.jsonl)\n"
    assert "ZeroDivisionError" in (target / "log.jsonl").read_text()


def test_a_scheduler_that_does_not_answer_is_a_sentence(tmp_path: Path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["catalogue", "mnist-cnn", "-o", "a.nbfv", "--scheduler", "here"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("nbfeatviz: ")
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "sentence"), [("a.bmp", "'a.bmp': pictures are saved as .png"), ("no/a.png", "there is no folder 'no'")]
)
def test_a_wrong_output_is_refused_before_anything_is_computed(output: str, sentence: str, capsys, monkeypatch):
    monkeypatch.setattr(cli, "_network", lambda options: pytest.fail("a network was loaded"))
    assert cli.main(["maximize", "mnist-cnn", "conv", "0", "-o", output]) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["show"], ["layers"], ["layers", "mnist-cnn", "--colour"]])
def test_a_wrong_command_line_shows_the_usage(arguments: list[str], capsys):
    with pytest.raises(SystemExit) as left:
        cli.main(arguments)
    assert left.value.code == 2
    assert capsys.readouterr().err.startswith("usage: nbfeatviz")


def test_an_interrupt_is_no_traceback(capsys, monkeypatch):
    def interrupted(options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_network", interrupted)
    assert cli.main(["layers", "mnist-cnn"]) == 130
    assert capsys.readouterr().err == "nbfeatviz: interrupted\n"


@pytest.fixture
def started(monkeypatch, tmp_path: Path) -> list[list[str]]:
    """The commands that replace this process; the working folder is empty."""
    commands: list[list[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "execv", lambda program, command: commands.append([program, *command]))
    return commands


@pytest.mark.parametrize(("user", "further"), [(0, ["--allow-root"]), (1000, [])])
def test_lab_opens_the_starter_notebook(started, tmp_path: Path, monkeypatch, user: int, further: list[str]):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    cli.main(["lab", "--port", "9000", "--no-browser", "--ServerApp.token=x"])
    notebook = tmp_path / "explore.ipynb"
    assert notebook.read_bytes() == STARTER.read_bytes()
    for name in ("photo", "figures", "lab_features"):
        assert (tmp_path / f"{name}.ipynb").read_bytes() == STARTER.with_name(f"{name}.ipynb").read_bytes()
    jupyter = [sys.executable, sys.executable, "-m", "jupyter", "lab", str(notebook)]
    assert started == [[*jupyter, "--port", "9000", "--no-browser", "--ServerApp.token=x", *further]]


def test_lab_allows_root_once(started, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    cli.main(["lab", "--allow-root"])
    assert started[0].count("--allow-root") == 1


def test_lab_never_overwrites_a_notebook(started, tmp_path: Path):
    notebook = tmp_path / "explore.ipynb"
    notebook.write_text("mine")
    cli.main(["lab"])
    assert notebook.read_text() == "mine"
    assert len(started) == 1


def test_lab_without_jupyterlab_says_what_to_install(started, capsys, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert cli.main(["lab"]) == 1
    assert 'pip install "nbfeatviz[lab]"' in capsys.readouterr().err
    assert (started, list(tmp_path.iterdir())) == ([], [])


def test_lab_in_a_folder_that_cannot_be_written_is_a_sentence(started, capsys, monkeypatch):
    def denied(*paths: object) -> None:
        raise PermissionError(13, "Permission denied", "explore.ipynb")

    monkeypatch.setattr(shutil, "copyfile", denied)
    assert cli.main(["lab"]) == 1
    assert capsys.readouterr().err == "nbfeatviz: [Errno 13] Permission denied: 'explore.ipynb'\n"
    assert started == []


def test_a_broken_installation_is_a_sentence(started, capsys, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(cli, "__file__", str(tmp_path / "package" / "cli.py"))
    assert cli.main(["lab"]) == 1
    assert "the starter notebook is missing" in capsys.readouterr().err


def test_the_wheel_brings_everything(tmp_path: Path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        for notebook in STARTER.parent.glob("*.ipynb"):
            assert archive.read(f"nbfeatviz/starter/{notebook.name}") == notebook.read_bytes()
        entry = next(name for name in names if name.endswith("entry_points.txt"))
        assert b"nbfeatviz = nbfeatviz.cli:main" in archive.read(entry)
    package = ROOT / "nbfeatviz"
    files = {file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts}
    assert {f"nbfeatviz/{file.relative_to(package).as_posix()}" for file in files} <= names
    assert "nbfeatviz/networks/zoo/data/mnist-cnn.keras" in names
    assert "nbfeatviz/widgets/static/panel.js" in names
    assert not [name for name in names if name.startswith(("tests/", "notebooks/"))]
