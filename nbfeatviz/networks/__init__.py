"""What a network is: its layers, its input contract, where it comes from."""
