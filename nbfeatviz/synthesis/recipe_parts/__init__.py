"""What a recipe is made of: each part plain data that a compiled step turns into a function."""
