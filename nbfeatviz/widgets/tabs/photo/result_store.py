"""What the photo tabs show: sent to the page, and kept to be saved or sent again."""

from __future__ import annotations

import io

import numpy as np

from nbfeatviz.widgets.execution.chunked_task import Result
from nbfeatviz.widgets.photo_input.photo import file_stem
from nbfeatviz.widgets.tabs import registry
from nbfeatviz.widgets.tabs.photo.view import PhotoView


class ResultStore:
    """Sends answers to the page; its methods may be called from any thread.

    Args:
        tabs: where they are shown.
    """

    def __init__(self, tabs: PhotoView) -> None:
        self._tabs = tabs
        self._raw: dict[str, np.ndarray] = {}  # what each tab last showed
        self._compared: dict[str, tuple[int, list[Result]]] = {}  # what the Compare tab shows, by kind

    def show(self, tab: str, number: int, dispatch: Result) -> None:
        """Shows an answer to the question of that number."""
        kind = (dispatch.content or {}).get("kind", "")
        if dispatch.raw is not None:
            self._raw[tab] = dispatch.raw
        elif kind == "map":  # still filling in: the one before is no longer what is shown
            self._raw.pop(tab, None)
        if tab == "compare":
            if self._compared.get(kind, (0, []))[0] != number:
                self._compared[kind] = number, []
            self._compared[kind][1].append(dispatch)
        self._send(tab, number, dispatch)

    def compared_again(self) -> None:
        """Sends what the Compare tab shows once more."""
        for number, results in list(self._compared.values()):
            for dispatch in list(results):
                self._send("compare", number, dispatch)

    def forget(self) -> None:
        """Keeps nothing; the page goes on showing it until something else comes."""
        self._raw.clear()
        self._compared.clear()

    def forget_comparison(self) -> None:
        """Keeps nothing of the Compare tab."""
        self._compared.clear()

    def clear(self) -> None:
        """Shows nothing any more."""
        self.forget()
        for tab in registry.names("photo"):
            self._tabs.send({"kind": "cleared", "tab": tab})

    def as_file(self, tab: str, photo: str) -> tuple[str, str, bytes]:
        """(file name, MIME type, bytes) of the raw array that a tab shows, as .npy.

        Raises:
            ValueError: it shows none, or not all of it yet.
        """
        raw = self._raw.get(tab)
        if raw is None:
            raise ValueError("there is no finished map to save yet.")
        buffer = io.BytesIO()
        np.save(buffer, raw)
        return f"{file_stem(photo)}-{tab}.npy", "application/octet-stream", buffer.getvalue()

    def _send(self, tab: str, number: int, dispatch: Result) -> None:
        self._tabs.send({"tab": tab, "id": number, **(dispatch.content or {})}, list(dispatch.buffers))
