"""What the page says of a photo, wherever one is brought."""

from __future__ import annotations

from nbfeatviz.widgets.comm.dispatch import Message, number
from nbfeatviz.widgets.photo_input.photo_source import PhotoSource


def received(source: PhotoSource, content: Message) -> None:
    """Gives a source the photo that came with a message."""
    if not content["buffers"]:
        raise ValueError("the page sent a photo without its bytes.")
    source.receive(str(content["name"])[:200], bytes(content["buffers"][0]))


HANDLERS = {
    "photo": received,
    "photo-sample": lambda source, content: source.sample(content["name"]),
    "photo-remove": lambda source, content: source.remove(),
    "photo-fit": lambda source, content: source.fit(fit=content["fit"]),
    "photo-crop": lambda source, content: source.fit(centre=(number(content, "y"), number(content, "x"))),
}
