"""The report of a dataset: `report.json`, and `report.html` drawn from it."""
