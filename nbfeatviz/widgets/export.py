"""What leaves the panel: files, the code that makes the picture again, and a lasting picture in the notebook."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nbfeatviz.encoding import encode_animation, encode_png, to_pil
from nbfeatviz.synthesis import recipes
from nbfeatviz.synthesis.objective_terms.photo_terms import Caricature, Content, Photo, Style
from nbfeatviz.synthesis.objectives import ClassLogit, exact
from nbfeatviz.synthesis.run.batch_run import BatchRun
from nbfeatviz.synthesis.visualization import Settings, recipe_code
from nbfeatviz.widgets.python_code import wrapped

_SMALLEST_SHOWN = 224
_IMPORTS = ("import nbfeatviz as nv", "from nbfeatviz import objectives", "")
_GIVEN = "  # the network that the panel was given:"


def code(settings: Settings, given: str | None = None) -> str:
    """Python that makes the picture again, with every run that it went on from, and shows it.

    Args:
        settings: of the picture.
        given: the network that the panel was given as an object, as Python; None where the notebook has no name for it.
    """
    chain: list[Settings] = []
    link: Settings | str | None = settings
    while isinstance(link, Settings):
        chain.append(link)
        link = link.start
    lines = [*_IMPORTS]
    photos = {repr(photo): None for run in chain for photo in _photos(run) if repr(photo).isidentifier()}
    lines += [f"{photo} = ...  # the photo that the panel was given" for photo in photos]
    previous, network = None, None
    if link == "picture":
        lines.append("picture = ...  # the picture that the panel was given")
        previous = "picture"
    for number, run in enumerate(reversed(chain), start=1):
        if run.network != network:
            network = run.network
            lines += _loaded(network, given)
        name = "result" if len(chain) == 1 else f"result{number}"
        lines.append(wrapped(f"{name} = {run.code(previous)}"))
        previous = name
    return "\n".join([*lines, f"{previous}"])


def sheet_code(runs: BatchRun, given: str | None = None) -> str:
    """Python that makes the pictures of a sheet again, and shows them; `given`: as for `code`."""
    columns = {
        "recipe": [recipe_code(recipes.get(case.recipe)) for case in runs.cases],
        "steps": [str(min(case.count, runs.done)) for case in runs.cases],
        "seed": [str(case.seed) for case in runs.cases],
    }
    arguments = [_one_or_all([repr(case.objective) for case in runs.cases])]
    arguments += [f"{name}={_one_or_all(values)}" for name, values in columns.items()]
    if runs.step_size is not None:
        arguments.append(f"step_size={exact(runs.step_size)}")
    arguments.append(f"precision={runs.precision!r}")
    call = wrapped(f"result = nv.compare({', '.join(['net', *arguments])})")
    network = runs.network.source or f"... {runs.network.name!r}"
    return "\n".join([*_IMPORTS, *_loaded(network, given), call, "result"])


def _one_or_all(values: list[str]) -> str:
    """What is the same for all is said once."""
    return values[0] if len({*values}) == 1 else f"[{', '.join(values)}]"


def _loaded(network: str, given: str | None) -> list[str]:
    """The lines by which a network comes into the variable `net`; see `Settings.network`."""
    if not network.startswith("..."):
        return [f"net = nv.load({network})"]
    if given is None:
        return [f"net = nv.load(...){_GIVEN}{network[3:]}"]
    return [] if given == "net" else [f"net = {given}"]


def name(settings: Settings | None) -> str:
    """What a picture is called after: the network and what was maximized."""
    if settings is None:
        return "picture"
    network = re.search(r"'([^']*)'", settings.network)
    parts = [Path(network[1]).stem if network else "network"]
    for _, term in settings.objective.terms:
        if isinstance(term, ClassLogit):
            parts += ["class", str(term.target)]
        elif isinstance(term, Content | Style):
            parts += ["content", term.layer] if isinstance(term, Content) else ["style"]
        else:
            parts += [term.layer, str(term.unit)] if hasattr(term, "unit") else [term.layer]
    return "-".join(parts)


def _photos(settings: Settings) -> list[Photo]:
    """The photos that a run's objective is about."""
    terms = [term for _, term in settings.objective.terms]
    return [term.photo for term in terms if isinstance(term, Content | Caricature | Style)]


def picture_file(
    kind: str, still: bytes, frames: Sequence[bytes], name: str, display: str = "as it is"
) -> tuple[str, str, bytes]:
    """(file name, MIME type, bytes) of the last picture ("png") or of the run ("gif", "webp").

    Args:
        kind: ending of the file.
        still: the last picture, PNG.
        frames: the encoded pictures before it.
        name: what the file is named after.
        display: how the frames are shown, as the last picture is already.

    Raises:
        ValueError: nothing to save yet, or another kind.
    """
    if not still:
        raise ValueError("there is no picture to save yet: press Run first.")
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("_") or "nbfeatviz"
    if kind == "png":
        return f"{stem}.png", "image/png", still
    return f"{stem}.{kind}", f"image/{kind}", encode_animation([*frames, still], kind, display=display)


def enlarged(picture: np.ndarray) -> bytes:
    """PNG of a picture; one that is too small to look at is enlarged by a whole factor, pixels kept square."""
    factor = max(1, round(_SMALLEST_SHOWN / max(picture.shape[:2])))
    if factor == 1:
        return encode_png(picture)
    image = to_pil(picture)
    buffer = io.BytesIO()
    image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()


def leave(picture: np.ndarray, text: str, alt: str) -> None:
    """Displays a picture and the text below it in the cell that runs: a lasting output, seen without a kernel."""
    from IPython.display import display

    bundle = {"image/png": enlarged(picture), "text/plain": text}
    display(bundle, metadata={"image/png": {"alt": alt}}, raw=True)
    display({"text/markdown": f"```python\n{text}\n```", "text/plain": text}, raw=True)
