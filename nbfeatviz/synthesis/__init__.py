"""Finding a picture that maximizes an objective."""
