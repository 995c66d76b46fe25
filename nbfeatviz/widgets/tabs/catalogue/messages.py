"""What the page says in the Catalogue tab."""

from __future__ import annotations

from collections.abc import Callable

from nbfeatviz.widgets.comm.dispatch import Message
from nbfeatviz.widgets.tabs.catalogue.controller import CatalogueController

HANDLERS: dict[str, Callable[[CatalogueController, Message], None]] = {
    "catalogue-hello": lambda controller, content: controller.restore(),
    "catalogue-sort": lambda controller, content: controller.sort(content["value"]),
    "catalogue-order": lambda controller, content: controller.send_order(content["layer"]),
    "catalogue-pictures": lambda controller, content: controller.send_pictures(content["layer"], content["units"]),
    "tree-strip": lambda controller, content: controller.send_strip(content["layer"]),
    "catalogue-choose": lambda controller, content: controller.choose(content["layer"], content["unit"]),
    "catalogue-search": lambda controller, content: controller.search(content["text"]),
    "catalogue-like": lambda controller, content: controller.show_like(content["layer"], content["unit"]),
    "catalogue-run": lambda controller, content: controller.run_from(content["layer"], content["unit"]),
    "catalogue-fill": lambda controller, content: controller.fill(content["layer"]),
    "catalogue-photo": lambda controller, content: controller.open_photo(content["place"]),
    "catalogue-pause": lambda controller, content: controller.pause_filling(),
}
