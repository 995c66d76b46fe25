"""Every unit of a network: `build` pictures them, `open` looks at what was built; neither name loads TensorFlow."""

from __future__ import annotations

from nbfeatviz.catalogue.build import build
from nbfeatviz.catalogue.catalogue import Catalogue
from nbfeatviz.catalogue.trust import Trust, TrustPart
from nbfeatviz.catalogue.unit import CatalogueUnit, SeedPicture

__all__ = ["Catalogue", "CatalogueUnit", "SeedPicture", "Trust", "TrustPart", "build", "open"]

open = Catalogue
