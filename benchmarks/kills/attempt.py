"""One attempt at a step: its processes, as a pod holds them, and their end."""

import contextlib
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

from jobs.command.running import OUTPUTS
from pipelines.local import reaper
from pipelines.local.engine import Step

THREADS = {"OMP_NUM_THREADS": "1"}
LAST_LINES = 12


class Attempt:
    """Started when it is made; a context that leaves no process behind."""

    def __init__(self, step: Step, folder: Path) -> None:
        """`folder` is a new one, for its log and its output parameters."""
        folder.mkdir(parents=True)
        self._log, self._outputs = folder / "log", folder / "outputs"
        self._mark = f"{uuid.uuid4().hex}/"
        own = {
            OUTPUTS: str(self._outputs),
            "PYTHONUNBUFFERED": "1",
            "PYTHONSAFEPATH": "1",
            reaper.MARK: self._mark,
        }
        with self._log.open("wb") as log:
            self.started = time.monotonic()
            self._process = subprocess.Popen(
                [sys.executable, *step.argv[1:]],
                env=THREADS | dict(os.environ) | dict(step.environment) | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def __enter__(self) -> "Attempt":
        return self

    def __exit__(self, *_: object) -> None:
        self.vanish()

    @property
    def code(self) -> int | None:
        """The exit code as a shell shows it, or None while its first process runs."""
        code = self._process.poll()
        return 128 - code if code is not None and code < 0 else code

    def wait(self, seconds: float) -> int | None:
        """`code`, at its end or after these seconds, whichever comes first."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(seconds, 0.0))
        return self.code

    def vanish(self) -> None:
        """SIGKILL to everything that it started, wherever that went."""
        if self.code is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        reaper.kill_marked(self._mark)
        self._process.wait()

    def terminate(self, grace_seconds: float) -> int | None:
        """SIGTERM to its first process alone, as a pod is told: `code` after the grace."""
        self._process.terminate()
        return self.wait(grace_seconds)

    def outputs(self) -> dict[str, str]:
        """Output parameters that it left."""
        if not self._outputs.is_dir():
            return {}
        return {file.name: file.read_text() for file in self._outputs.iterdir()}

    def last_words(self) -> str:
        """The end of its log."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-LAST_LINES:])
