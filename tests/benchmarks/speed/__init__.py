"""How fast it is, beside the same written plainly and beside other tools, all in one run.

`python -m tests.benchmarks.speed [section ...] [--rounds 15] [--output benchmarks]` prints tables. The ways of a table
take turns, and what counts are the ratios of their medians, since a machine's speed changes while it is measured. A
file makes a section (`steps`, `sheet`, `neuron`, `tools`, `growth`, `costs`), `timing` holds what they share. Nothing
here is a test.
"""
