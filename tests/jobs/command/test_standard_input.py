"""Standard streams of a job: nobody answers what a library asks, closed ones are no files."""

import subprocess
import sys
from pathlib import Path

import pytest

from jobs.command.running import OUTPUTS, write_outputs
from jobs.errors import BadInputError

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


FULL = """
import errno
from typing import ClassVar

from jobs.command.running import run_command
from jobs.command.settings import FlagSettings

class Settings(FlagSettings):
    "A trial."
    job: ClassVar[str] = "trial"
    version: ClassVar[str] = "1"

def work(settings):
    raise OSError(errno.ENOSPC, "No space left on device", "/tmp/scratch/model.safetensors")

run_command(Settings, work)
"""


def test_a_scratch_disk_that_is_full_is_bad_input(tmp_path: Path) -> None:
    """Whoever wrote there, a library too."""
    done = subprocess.run(
        [sys.executable, "-c", FULL], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 64
    assert done.stderr.count("\n") == 1
    assert "/tmp/scratch/model.safetensors; make room there, and the same command" in done.stderr


CLOSED = """
import os, sys
from pathlib import Path
from typing import ClassVar

from jobs.command.progress import Progress
from jobs.command.running import run_command
from jobs.command.settings import FlagSettings

class Settings(FlagSettings):
    "A trial."
    job: ClassVar[str] = "trial"
    version: ClassVar[str] = "1"

def work(settings):
    with open("file", "wb") as file, Progress("trial", 1, "steps") as progress:
        os.system("echo a library speaks; echo and complains >&2")
        print("words")
        progress.advance(1)
        file.write(b"mine")

run_command(Settings, work)
"""


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_where_output_was_closed_it_leads_nowhere_and_into_no_file(
    tmp_path: Path, closed: str
) -> None:
    (tmp_path / "trial.py").write_text(CLOSED)
    command = f"{sys.executable} trial.py {closed}"
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, check=False, timeout=30)
    assert (done.returncode, (tmp_path / "file").read_bytes()) == (0, b"mine")


@pytest.mark.parametrize(
    ("made", "why"),
    [("outputs", "File exists"), ("outputs/digest/x", "Is a directory"), ("", "Not a directory")],
)
def test_output_parameters_that_cannot_be_written_are_bad_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str, why: str
) -> None:
    if made:
        (tmp_path / made).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / made).touch()
    folder = tmp_path / "outputs" if made else Path("/dev/null/x")
    monkeypatch.setenv(OUTPUTS, str(folder))
    with pytest.raises(BadInputError, match=rf"^{OUTPUTS} '.*' takes no output .*: {why}; name"):
        write_outputs({"digest": "0"})
