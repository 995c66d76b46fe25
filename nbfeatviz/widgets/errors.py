"""Errors in words, as the panel shows them."""

from __future__ import annotations

LONGEST_SENTENCE = 500


def in_words(error: Exception) -> str:
    """An error as the panel shows it: our own sentences as they are, others with the name of their class."""
    text = str(error).strip()
    return text if isinstance(error, ValueError | TypeError) and text else f"{type(error).__name__}: {text}"


def readable(text: str) -> str:
    """A sentence that can be sent and shown, whatever it repeats."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return text if len(text) <= LONGEST_SENTENCE else text[:LONGEST_SENTENCE] + " …"
