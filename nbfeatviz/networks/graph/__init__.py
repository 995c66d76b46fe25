"""The calls of a Keras model: read, named, and evaluated in part."""
