"""What leaves the panel: files, the code that makes the picture again, and a lasting picture in the notebook."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from nbfeatviz.encoding import encode_animation, encode_png, to_pil
from nbfeatviz.synthesis.objective_terms.photo_terms import Caricature, Content, Photo, Style
from nbfeatviz.synthesis.objectives import ClassLogit
from nbfeatviz.synthesis.visualization import Settings

_SMALLEST_SHOWN = 224
_GIVEN = "  # the network that the panel was given:"


def code(settings: Settings) -> str:
    """Python that makes the picture again, with every run that it went on from."""
    chain: list[Settings] = []
    link: Settings | str | None = settings
    while isinstance(link, Settings):
        chain.append(link)
        link = link.start
    lines = ["import nbfeatviz as nv", "from nbfeatviz import objectives", ""]
    photos = {repr(photo): None for run in chain for photo in _photos(run) if repr(photo).isidentifier()}
    lines += [f"{photo} = ...  # the photo that the panel was given" for photo in photos]
    previous, network = None, None
    if link == "picture":
        lines.append("picture = ...  # the picture that the panel was given")
        previous = "picture"
    for number, run in enumerate(reversed(chain), start=1):
        if run.network != network:
            network = run.network
            given = network.startswith("...")
            lines.append(f"net = nv.load({'...' if given else network})" + (_GIVEN + network[3:] if given else ""))
        name = "result" if len(chain) == 1 else f"result{number}"
        lines.append(f"{name} = {run.code(previous)}")
        previous = name
    return "\n".join([*lines, f"{previous}.image"])


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
