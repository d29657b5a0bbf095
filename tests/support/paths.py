"""Where things lie: the repository, and what is beside it for developers alone."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"


def attempt_in(artifact: Path) -> Path:
    """The folder of the only attempt at an artifact in a folder, committed or not."""
    (found,) = artifact.glob("attempt-*")
    return found
