"""A model of a person's own: read from a file, checked, and what it expects of its input."""
