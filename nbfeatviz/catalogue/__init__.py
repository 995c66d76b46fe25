"""Every unit of a network: `build` pictures them, `open` looks at what was built; neither name loads TensorFlow."""

from __future__ import annotations

from nbfeatviz.catalogue.build import build
from nbfeatviz.catalogue.catalogue import Catalogue, CatalogueUnit, SeedPicture
from nbfeatviz.catalogue.trust import Trust, TrustPart

__all__ = ["Catalogue", "CatalogueUnit", "SeedPicture", "Trust", "TrustPart", "build", "open"]

open = Catalogue
