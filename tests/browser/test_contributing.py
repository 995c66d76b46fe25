"""What the recipes of CONTRIBUTING.md add, in the panel of a copy of the repository."""

from __future__ import annotations

from tests.browser.photo import PhotoPanel
from tests.browser.server import JupyterServer
from tests.contributing import copied, followed

IMPORT = """import sys
for name in [name for name in sys.modules if name.split(".")[0] == "nbfeatviz"]:
    del sys.modules[name]  # of a kernel that began with it
sys.path.insert(0, {copy!r})
import nbfeatviz as nv
assert nv.__file__.startswith({copy!r}), nv.__file__
explorer = nv.FeatureExplorer("efficientnet-lite0", layer="block2a_expand_conv")
explorer"""


def test_a_method_and_a_tab_that_were_added_are_in_the_panel(lab: JupyterServer, page, tmp_path) -> None:
    copy = followed(copied(tmp_path))
    _, panel = PhotoPanel.opened(page, lab, "contributed.ipynb", IMPORT.format(copy=str(copy)))

    panel.open("Facts")
    facts = panel.root.get_by_role("tabpanel", name="Facts")
    facts.get_by_text("block2a_expand_conv: Conv2D, 96 units", exact=True).wait_for()
    facts.get_by_role("button", name="Tell more").click()
    facts.get_by_text("(112, 112, 96)").wait_for()
    panel.choose("block2b_add")
    facts.get_by_text("block2b_add: Add, 24 units, (56, 56, 24)", exact=True).wait_for()
    assert panel.button("Pause").count() == 0, "what belongs to other tabs is hidden"

    panel.open("Saliency")
    assert not facts.is_visible()
    panel.field("sample").select_option(index=1)
    panel.wait(lambda: panel.predictions, "the predictions")
    panel.wait_map(lambda: panel.field("method").select_option("gradient-sign"), "Gradient's sign")
