"""The command line: open the panel in JupyterLab, or do the main job without a notebook."""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbfeatviz.networks.network import Network

_EPILOG = """examples:
  nbfeatviz lab                                       JupyterLab on the starter notebook, in this folder
  nbfeatviz lab --port 9000 --no-browser              further arguments go on to `jupyter lab`
  nbfeatviz layers efficientnet-lite0                 the layer tree as text
  nbfeatviz maximize efficientnet-lite0 block5c_add 3 -o unit3.png
  nbfeatviz maximize InceptionV3 mixed4 11 --recipe tutorial13 --steps 30 -o unit11.png
  nbfeatviz catalogue efficientnet-lite0 -o lite0.nbfv --photos holidays
"""
_STARTERS = ("explore.ipynb", "photo.ipynb", "figures.ipynb", "lab_features.ipynb")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status (1 after an error, said in a sentence)."""
    parser, lab = _parser()
    options, further = parser.parse_known_args(arguments)
    if further and options.command is not lab:
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    try:
        options.further = further
        return int(options.command(options))
    except (ValueError, TypeError, ImportError, OSError) as error:
        print(f"nbfeatviz: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("nbfeatviz: interrupted", file=sys.stderr)
        return 130


def _parser() -> tuple[argparse.ArgumentParser, object]:
    parser = argparse.ArgumentParser(
        prog="nbfeatviz",
        description="Watch what the units of a convolutional network like to see.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True, metavar="lab | maximize | layers | catalogue")

    def command(name: str, function: object, summary: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(command=function)
        return sub

    words = "open JupyterLab on the starter notebook, put into this folder with three more"
    command("lab", lab, words, "nbfeatviz lab --no-browser")

    sub = command(
        "maximize",
        maximize,
        "find the picture that a unit likes to see, and save it",
        "nbfeatviz maximize efficientnet-lite0 block5c_add 3 -o unit3.png",
    )
    sub.add_argument("network", help="name, or path of a .keras or .h5 file")
    sub.add_argument("layer", help="path of a layer (see `nbfeatviz layers NETWORK`)")
    sub.add_argument("unit", type=int, help="index of the unit, from 0")
    sub.add_argument("-o", "--output", type=Path, required=True, help=".png or .jpg, or .gif or .webp of the run")
    sub.add_argument("--recipe", default=None, help="default, lucid, tutorial13, ...")
    sub.add_argument("--steps", type=int, default=None, help="default: the recipe's")
    sub.add_argument("--size", type=int, default=None, help="pixels of a side; default: the network's")
    sub.add_argument("--seed", type=int, default=0, help="default: 0")
    _add_weights(sub)

    sub = command("layers", layers, "print the layer tree of a network", "nbfeatviz layers efficientnet-lite0")
    sub.add_argument("network", help="name, or path of a .keras or .h5 file")
    _add_weights(sub)

    sub = command(
        "catalogue",
        catalogue,
        "picture every unit of a network, and find the photographs that excite it; goes on where it was interrupted",
        "nbfeatviz catalogue efficientnet-lite0 -o lite0.nbfv --layers 'block5*' --photos holidays",
    )
    sub.add_argument("network", help="name, or path of a .keras or .h5 file")
    sub.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="folder of the catalogue")
    sub.add_argument("--layers", nargs="+", help="paths or patterns; '*' for all; default: where blocks end")
    sub.add_argument("--units", help="such as 0-63 or 0,5,7; default: all")
    sub.add_argument("--recipe", help="default, lucid, tutorial13, ...")
    sub.add_argument("--steps", type=int, help="default: 64")
    sub.add_argument("--size", type=int, help="pixels of a side; default: 128, for classes the network's own")
    sub.add_argument("--seeds", type=int, default=1, help="pictures of each unit; default: 1")
    sub.add_argument("--photos", metavar="FOLDER", help="photographs; default: the bundled ones")
    where = sub.add_mutually_exclusive_group()
    where.add_argument("--workers", type=int, help="processes; default: what is faster here, measured once")
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask scheduler, such as tcp://10.0.0.1:8786")
    _add_weights(sub)
    return parser, lab


def _add_weights(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--random", action="store_true", help="random weights for a network of keras.applications")


def lab(options: argparse.Namespace) -> int:
    """Puts the starter notebooks into the working folder (what is there stays) and opens JupyterLab on the first."""
    if find_spec("jupyterlab") is None:
        raise ImportError('JupyterLab is not installed: pip install "nbfeatviz[lab]"')
    for name in _STARTERS:
        notebook = Path.cwd() / name
        if not notebook.exists():
            shutil.copyfile(_starter(name), notebook)
    command = [sys.executable, "-m", "jupyter", "lab", str(Path.cwd() / _STARTERS[0]), *options.further]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in options.further:
        command.append("--allow-root")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    if os.name == "nt":
        import subprocess

        return subprocess.call(command)
    sys.stdout.flush()
    os.execv(command[0], command)


def _starter(name: str) -> Path:
    """A starter notebook: inside the installed package, or in the repository of an editable installation."""
    package = Path(__file__).parent
    for candidate in (package / "starter" / name, package.parent / "notebooks" / name):
        if candidate.is_file():
            return candidate
    raise ImportError("the starter notebook is missing from this installation: install nbfeatviz again.")


def maximize(options: argparse.Namespace) -> int:
    """The main job without a notebook."""
    from tqdm import tqdm

    import nbfeatviz as nv
    from nbfeatviz.synthesis.visualization import checked_target

    target = checked_target(options.output)
    net = _network(options)
    if net.contract.channels not in (1, 3, 4):
        raise ValueError(f"{net.name!r} takes {net.contract.channels} channels; 1, 3 or 4 can be saved as a picture.")
    settings = {"steps": options.steps, "size": options.size, "seed": options.seed}
    if options.recipe is not None:
        settings["recipe"] = options.recipe
    objective = nv.objectives.channel(options.layer, options.unit)
    total = nv.ascend(net, objective, **settings).steps  # says what is wrong before a progress bar is shown
    with tqdm(total=total, unit="step", desc=f"{options.layer} {options.unit}") as progress:

        def show(step: nv.Step) -> None:
            progress.set_postfix(loss=f"{step.loss:.4g}", refresh=False)
            progress.update()

        result = nv.maximize(net, objective, **settings, on_step=show)
    print(result.save(target))
    return 0


def layers(options: argparse.Namespace) -> int:
    """The layer tree as text."""
    print(_network(options).layers)
    return 0


def catalogue(options: argparse.Namespace) -> int:
    """Builds a catalogue, or goes on with one."""
    from nbfeatviz.catalogue import build
    from nbfeatviz.catalogue.worker import limit_threads

    limit_threads(None)
    names = ("layers", "units", "recipe", "steps", "size", "seeds", "photos", "workers")
    settings = {name: getattr(options, name) for name in names}
    with contextlib.ExitStack() as stack:
        client = None if options.scheduler is None else stack.enter_context(_dask(options.scheduler))
        found = stack.enter_context(build(_network(options), options.output, executor=client, **settings))
        missing = sum(map(len, found.missing().values()))
        print(f"{options.output}: {len(found):,} units" + (f", {missing:,} missing (see log.jsonl)" if missing else ""))
    return int(bool(missing))


def _dask(address: str) -> Any:
    """A client of a running scheduler."""
    try:
        from dask.distributed import Client
    except ImportError:
        raise ImportError('Dask is not installed: pip install "nbfeatviz[cluster]"') from None
    return Client(address, timeout=20)


def _network(options: argparse.Namespace) -> Network:
    import nbfeatviz as nv

    return nv.load(options.network, weights=None if options.random else "imagenet")


if __name__ == "__main__":
    sys.exit(main())
