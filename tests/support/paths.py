"""Where things lie: the repository, and what is beside it for developers alone."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
