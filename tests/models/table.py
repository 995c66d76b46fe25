"""The whole table: every kind of model, by name."""

from __future__ import annotations

from tests.models import (
    architecture_kinds,
    head_kinds,
    input_output_kinds,
    own_code_kinds,
    precision_kinds,
    range_kinds,
    training_kinds,
)
from tests.models.kinds import KINDS

__all__ = ["KINDS", "MODULES"]

MODULES = (
    architecture_kinds, head_kinds, input_output_kinds, own_code_kinds, precision_kinds, range_kinds, training_kinds,
)  # fmt: skip
