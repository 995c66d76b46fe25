"""The photographs that excite the chosen unit, under its picture."""
