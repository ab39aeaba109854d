"""Which rows come when, and on which process."""
