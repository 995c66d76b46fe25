"""The Catalogue tab: every unit of the network that was pictured, from input to classes."""
