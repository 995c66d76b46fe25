"""How far the picture of each unit can be trusted."""

from __future__ import annotations

from nbfeatviz.catalogue.trust.result import Trust, TrustPart, TrustReader, trust_owner
from nbfeatviz.catalogue.trust.trust_pass import TrustPass, check_judge

__all__ = ["Trust", "TrustPart", "TrustPass", "TrustReader", "check_judge", "trust_owner"]
