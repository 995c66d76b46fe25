"""What in a given picture made the network answer so."""
