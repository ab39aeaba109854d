"""Finished datasets: their rows, checked, for other tools, other trainers and other pipelines."""
