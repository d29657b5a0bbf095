"""Small programs in C, for steps that have to begin at once and need nothing of their image."""

import subprocess
from pathlib import Path


def compiled(source: Path, program: Path) -> Path:
    """A program that needs no library where it runs."""
    words = ["cc", "-static", "-Os", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*words, "-o", str(program), str(source)], check=True)
    return program
