"""Many units, many pictures: what is found by looking through them."""
