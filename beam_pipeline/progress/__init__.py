"""How far a job is, and how that is shown."""
