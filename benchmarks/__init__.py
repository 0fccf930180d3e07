"""Measurements: each script prints its table, and the committed results lie beside it."""
