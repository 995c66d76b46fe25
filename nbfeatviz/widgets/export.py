"""What leaves the panel: files, the code that makes the picture again, and a lasting picture in the notebook."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

import numpy as np
from PIL import Image

from nbfeatviz.images import encode_animation, encode_png, to_pil
from nbfeatviz.synthesis.visualization import Settings

_SMALLEST_SHOWN = 224


def code(settings: Settings) -> str:
    """Python that makes the picture again, with every run that it went on from."""
    chain: list[Settings] = []
    link: Settings | str | None = settings
    while isinstance(link, Settings):
        chain.append(link)
        link = link.start
    imports = "from nbfeatviz import objectives"
    lines = ["import nbfeatviz as nv", imports, "", f"net = nv.load({settings.network})"]
    if settings.network.startswith("..."):
        lines[-1] = f"net = nv.load(...)  # the network {settings.network[3:].strip()} that the panel was given"
    previous = None
    if link == "picture":
        lines.append("picture = ...  # the picture that the panel was given")
        previous = "picture"
    for number, link in enumerate(reversed(chain), start=1):
        name = "result" if len(chain) == 1 else f"result{number}"
        lines.append(f"{name} = {link.code(previous)}")
        previous = name
    return "\n".join([*lines, f"{previous}.image"])


def picture_file(kind: str, still: bytes, frames: Sequence[bytes], name: str) -> tuple[str, str, bytes]:
    """(file name, MIME type, bytes) of the last picture ("png") or of the run ("gif", "webp").

    Args:
        kind: ending of the file.
        still: the last picture, PNG.
        frames: the encoded pictures before it.
        name: what the file is named after.

    Raises:
        ValueError: nothing to save yet, or another kind.
    """
    if not still:
        raise ValueError("there is no picture to save yet: press Run first.")
    stem = re.sub(r"[^A-Za-z0-9._-]+", "_", name).strip("_") or "nbfeatviz"
    if kind == "png":
        return f"{stem}.png", "image/png", still
    shown = [Image.open(io.BytesIO(data)).convert("RGB") for data in (*frames, still)]
    return f"{stem}.{kind}", f"image/{kind}", encode_animation(shown, kind)


def enlarged(picture: np.ndarray) -> bytes:
    """PNG of a picture; one that is too small to look at is enlarged by a whole factor, pixels kept square."""
    factor = max(1, round(_SMALLEST_SHOWN / max(picture.shape[:2])))
    if factor == 1:
        return encode_png(picture)
    image = to_pil(picture)
    buffer = io.BytesIO()
    image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST).save(buffer, "PNG")
    return buffer.getvalue()
