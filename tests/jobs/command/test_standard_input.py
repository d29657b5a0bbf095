"""Standard input of a job is empty: what a library asks is answered by nobody."""

import subprocess
import sys
from pathlib import Path

import pytest

TRIAL = """
import os, subprocess
from pathlib import Path
from typing import ClassVar

from jobs.command.running import run_command
from jobs.command.settings import FlagSettings

class Settings(FlagSettings):
    "A trial."
    job: ClassVar[str] = "trial"
    version: ClassVar[str] = "1"

def work(settings):
    try:
        said = input("Run the code of else/where? [y/N] ")
    except (EOFError, RuntimeError) as error:
        said = type(error).__name__
    print(repr(said))
    print(repr(os.read(0, 1)))
    child = ["python", "-c", "import os; print(repr(os.read(0, 1)))"]
    print(subprocess.run(child, stdout=subprocess.PIPE, text=True).stdout, end="")
    links = {path.name: os.path.realpath(path) for path in Path("/proc/self/fd").iterdir()}
    print(*[name for name, target in links.items() if target == "/dev/null"])

run_command(Settings, work)
"""


@pytest.mark.parametrize(
    ("standard_input", "said"), [("yes y |", "EOFError"), ("", "RuntimeError")]
)
def test_it_is_empty_for_the_job_and_its_children(
    tmp_path: Path, standard_input: str, said: str
) -> None:
    """Also where it was closed; and no other descriptor is left over."""
    (tmp_path / "trial.py").write_text(TRIAL)
    closed = "" if standard_input else " <&-"
    command = f"{standard_input} PATH={Path(sys.executable).parent}:$PATH python trial.py{closed}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.removeprefix("Run the code of else/where? [y/N] ").splitlines()
    assert lines == [repr(said), "b''", "b''", "0"]
