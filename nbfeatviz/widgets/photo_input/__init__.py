"""The photo that a person brings."""
