"""The live canvas, and the flow of frames to it."""
