"""What an objective can be a weighted sum of, apart from the units of a network."""
