"""The Beam graphs of a job and of a repair: which steps follow which."""
