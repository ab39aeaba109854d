"""Counts of reviews and tokens, and the figures that a report makes of them."""
