"""Where things are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "sample"
SHARED_DATA = ROOT.parent / "shared" / "data"
