"""Rounds of contenders, interleaved so that noise hits all alike, each as its own process."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TIMED = Path(__file__).parent / "timed.py"


@dataclass(frozen=True)
class Run:
    """One run of a command, as timed.py saw it."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    anonymous_bytes: int


@dataclass(frozen=True)
class Contender:
    """A way to do the work: a command, and what makes its output vanish before the next run."""

    name: str
    command: Sequence[str]
    clear: Callable[[], object] = lambda: None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """All measured runs of a contender."""

    runs: Sequence[Run]

    @property
    def seconds(self) -> float:
        return statistics.median(run.seconds for run in self.runs)

    @property
    def cpu_seconds(self) -> float:
        return statistics.median(run.cpu_seconds for run in self.runs)

    @property
    def least(self) -> float:
        return min(run.seconds for run in self.runs)

    @property
    def most(self) -> float:
        return max(run.seconds for run in self.runs)

    @property
    def peak_bytes(self) -> int:
        return max(run.peak_bytes for run in self.runs)

    @property
    def anonymous_bytes(self) -> int:
        return max(run.anonymous_bytes for run in self.runs)


def rounds(
    contenders: Sequence[Contender],
    number: int,
    warm: Callable[[], None],
    look: Callable[[Contender, int], None],
) -> dict[str, Figures]:
    """Runs every contender once a round, after a round 0 that is not measured.

    `look` is called with the contender and the round after each run, while its output is there.
    Each round begins with another contender.
    """
    runs: dict[str, list[Run]] = {contender.name: [] for contender in contenders}
    for turn in range(number + 1):
        warm()
        first = max(0, turn - 1) % len(contenders)
        for contender in (*contenders[first:], *contenders[:first]):
            measured = run_once(contender)
            say(f"round {turn}/{number}: {contender.name}: {measured.seconds:.1f} s")
            look(contender, turn)
            contender.clear()
            if turn:
                runs[contender.name].append(measured)
    return {name: Figures(measured) for name, measured in runs.items()}


def run_once(contender: Contender) -> Run:
    """Clears the output, waits until the disk is quiet, and runs. Raises RuntimeError."""
    contender.clear()
    os.sync()
    with tempfile.NamedTemporaryFile(suffix=".json") as result:
        done = subprocess.run(
            [sys.executable, "-I", "-S", str(TIMED), result.name, *contender.command],
            capture_output=True, text=True, check=False, cwd=ROOT,
            env=os.environ | contender.environment,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(
                f"{contender.name} ended with {done.returncode}: {done.stderr.strip()[-2000:]}"
            )
        return Run(**json.loads(Path(result.name).read_text()))


def read_all(paths: Iterable[Path]) -> None:
    """Reads files once, so that they lie in the page cache."""
    buffer = bytearray(2**20)
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def say(line: str) -> None:
    """Progress, on standard error: the tables alone go to standard output."""
    print(line, file=sys.stderr, flush=True)
