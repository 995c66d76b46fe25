"""The Invert, Style and Dream tabs."""
