"""How a network is computed quickly: folded, in half the bits, compiled and kept."""
