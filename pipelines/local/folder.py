"""Where a run keeps its logs, its scratch and its record on this machine; and who holds it.

    <work>/<run>-<digest of the store>/     two stores never share a folder
      lock                                  held by the engine, and after it by its reaper
      run.json                              the run's record (`pipelines.local.record`)
      logs/<step>/<attempt>.log             a step's own folder: no other step's log is in it
      scratch/<step>/                       outputs and progress of its latest attempt
    <work>/latest                           a link to the folder of the run that began last

The lock is the kernel's (``flock``), on an open file: whoever dies has released it, and no file
that is left behind blocks anybody. The reaper inherits it, so a run whose engine was killed is free
only when its last process is gone.
"""

import contextlib
import fcntl
import hashlib
import os
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import BadInputError, TransientError
from jobs.words import one_line
from pipelines.local.reaper import SECONDS_TO_DIE

DIGEST_CHARACTERS = 8
LATEST = "latest"
LOOKING_SECONDS = 0.5
"""What is waited for somebody who only looks, as `is_held` does."""
MAX_HOLDER_BYTES = 500


def run_folder(work: Path, run: str, store: str) -> "RunFolder":
    """The folder of one run in one store; `store` in its one spelling (`normal_uri`)."""
    digest = hashlib.sha256(store.encode()).hexdigest()[:DIGEST_CHARACTERS]
    return RunFolder(work / f"{run}-{digest}")


@dataclass(frozen=True)
class RunFolder:
    """One run's folder, whether or not it is there."""

    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def record(self) -> Path:
        return self.path / "run.json"

    def log(self, step: str, attempt: int) -> Path:
        """The log of an attempt at a step."""
        return self.logs / step / f"{attempt}.log"

    def scratch(self, step: str) -> Path:
        """What a step leaves for the engine."""
        return self.path / "scratch" / step

    def progress(self, step: str) -> Path:
        """Argo's progress file of a step."""
        return self.scratch(step) / "progress"

    @contextlib.contextmanager
    def held(self) -> Iterator[int]:
        """The folder, made, for this process alone, and as the latest: the lock's descriptor.

        Raises TransientError where another process holds it, and BadInputError where it takes no
        files or no locks.
        """
        with self._refusing():
            self.logs.mkdir(parents=True, exist_ok=True)
            number = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            with self._refusing():
                self._lock(number)
                _write_holder(number)
                self._be_latest()
            yield number
        finally:
            os.close(number)

    def is_held(self) -> bool:
        """Whether the run's process, or one of its processes, is there."""
        try:
            number = os.open(self.path / "lock", os.O_RDONLY)
        except OSError:
            return False
        try:
            return not _try_lock(number, fcntl.LOCK_SH)
        finally:
            os.close(number)

    def _lock(self, number: int) -> None:
        started = time.monotonic()
        while not _try_lock(number, fcntl.LOCK_EX):
            holder = _Holder.read(number)
            patience = SECONDS_TO_DIE + 1 if holder.is_gone() else LOOKING_SECONDS
            if time.monotonic() - started > patience:
                raise TransientError(
                    f"run {self.path.name} is running already: {holder}; see perennial status, "
                    "wait for its end, or choose another --run or --work"
                )
            time.sleep(0.05)

    def _be_latest(self) -> None:
        link = self.path.parent / LATEST
        new = self.path.parent / f".{LATEST}-{os.getpid()}"
        with contextlib.suppress(OSError):  # a file system without links, or a folder of that name
            if not link.is_symlink() and link.exists():
                return
            new.unlink(missing_ok=True)
            new.symlink_to(self.path.name)
            new.replace(link)

    @contextlib.contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise BadInputError(
                f"no logs can be written below {self.path}: {error.strerror}; choose another --work"
            ) from error


@dataclass(frozen=True)
class _Holder:
    """Who wrote into a lock that it holds."""

    process: int
    host: str
    since: str

    @classmethod
    def read(cls, number: int) -> "_Holder":
        words = os.pread(number, MAX_HOLDER_BYTES, 0).decode(errors="replace").split("\n")
        process, host, since = (*words, "", "", "")[:3]
        return cls(int(process) if process.isdecimal() and len(process) < 10 else 0, host, since)

    def is_gone(self) -> bool:
        """Its process has ended, and those that it started are being killed."""
        return self.host == socket.gethostname() and not Path(f"/proc/{self.process}").exists()

    def __str__(self) -> str:
        elsewhere = f" on {self.host}" if self.host not in ("", socket.gethostname()) else ""
        return one_line(f"process {self.process or '?'}{elsewhere} since {self.since or '?'}")


def _write_holder(number: int) -> None:
    since = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime())
    os.ftruncate(number, 0)
    os.pwrite(number, f"{os.getpid()}\n{socket.gethostname()}\n{since}\n".encode(), 0)


def _try_lock(number: int, how: int) -> bool:
    try:
        fcntl.flock(number, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
