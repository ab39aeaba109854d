"""How many cores this process may use."""

import os


def n_cores() -> int:
    """Return the cores that this process may run on, all of the machine where nobody can tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
