"""What the figures in docs/performance.md come from."""

import os

# The programs that are measured start from compiled modules, as those that pip has installed do.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
