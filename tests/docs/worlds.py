"""Where the commands of the pages are run: a folder and an environment, as a reader has them."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.paths import ROOT

COLUMNS = 100


@dataclass
class World:
    """A shell in a folder. What a command exports holds for those after it."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    before: str = ""
    """Of the shell, before each command."""

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """What it printed, on standard output and then on standard error, is its `stdout`."""
        done = subprocess.run(
            ["bash", "-c", f"{self.before}{command}"],
            cwd=self.folder, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, check=False, timeout=300,
        )  # fmt: skip
        done.stdout += done.stderr
        if command.startswith("export "):
            self.before += f"{command}\n"
        return done


def checkout(folder: Path, **environment: str) -> World:
    """A clone of the project that is set up, and a user who has nothing else.

    What is tracked is linked; ``.venv`` is the environment that runs the tests.
    """
    folder.mkdir(parents=True)
    for path in ROOT.iterdir():
        if not path.name.startswith("."):
            (folder / path.name).symlink_to(path)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "home").mkdir()
    bin_folder = str(Path(sys.executable).parent)
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    return World(
        folder,
        kept
        | {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}",
            "HOME": str(folder / "home"),
            "COLUMNS": str(COLUMNS),
            "HF_HUB_OFFLINE": "1",
            "CUDA_VISIBLE_DEVICES": "",
        }
        | environment,
    )
