"""The networks that can be asked for by name."""
