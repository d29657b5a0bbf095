"""The merge's memory is bounded by a setting, not by the size of a model."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from jobs.artifacts.reading import Artifact
from tests.jobs.merge.models import ROLES, Q, put


def test_memory_does_not_grow_with_the_model(tmp_path: Path) -> None:
    """Eight times the model, in tensors larger than the bound: the same peak within 16 MB."""
    peaks = []
    for rows in (5_000, 40_000):
        store = tmp_path / str(rows)
        for role in ROLES:
            put(f"{store}/{role}", {Q: np.full((rows, 1000), 0.5, np.float32)})
        uris = [f"--{role}={store}/{role}" for role in ROLES]
        command = [sys.executable, "-m", "jobs.merge", *uris, f"--out={store}/out"]
        peaks.append(peak_bytes([*command, "--max-bytes=4MiB"]))
        merged = Artifact.open(f"{store}/out")
        assert merged.statistics["bytes_written"] == rows * 4000
    assert peaks[1] < peaks[0] + 16 * 2**20


def peak_bytes(command: list[str]) -> int:
    """Peak resident memory of a command, as its parent sees it.

    A small process between: a child is charged with what its parent held when it was started.
    """
    code = (
        "import resource, subprocess, sys\n"
        "subprocess.run(sys.argv[1:], check=True)\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    measured = subprocess.run(
        [sys.executable, "-c", code, *command], check=True, capture_output=True, text=True
    )
    return int(measured.stdout) * 1024
