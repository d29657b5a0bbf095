"""Work on data that nobody vouches for, in a child process, within bounds of time and memory.

A tokenizer's expressions and a chat template are small programs in a model's files: they may loop,
fill the memory, or bring down the library that runs them (a panic or an abort of compiled code
is no exception that could be caught). So they run in a process of their own. The kernel holds the
bounds: seconds of processor time (all threads together, so that a busy machine harms no one) and
bytes of private memory beyond what was held when the request came. Whatever the child ends by is
one BadInputError here.

Cost: the start of Python and what the child imports, once; then two copies of each request and
answer through a socket, about a millisecond a megabyte.
"""

import os
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from math import ceil
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import IO

from jobs.errors import BadInputError, TransientError

_LIMITS = struct.Struct("<dQ")
_MOST_STDERR_BYTES = 2**24
_DONE, _REFUSED, _TOO_LARGE = b"0", b"1", b"2"


class Bounded:
    """A child that runs ``python -m <module> <socket> <arguments>`` and answers requests.

    The module calls `answer`. `what` names in errors what the child works on.
    """

    def __init__(self, what: str, module: str, *arguments: str) -> None:
        self._what = what
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  closed by `close`
        self._connection, theirs = Pipe()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, str(number), *arguments],
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
            )

    def __enter__(self) -> "Bounded":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the child; it has nothing to save."""
        self._process.kill()
        self._process.wait()
        self._connection.close()
        self._stderr.close()

    def ask(self, request: bytes, seconds: float, max_bytes: int) -> bytes:
        """The answer, within seconds of processor time and bytes of memory for this request.

        Raises BadInputError where the child refuses, ends or is ended by the bounds, and
        TransientError where somebody else killed it.
        """
        try:
            self._connection.send_bytes(_LIMITS.pack(seconds, max_bytes) + request)
            said = self._connection.recv_bytes()
        except (EOFError, OSError) as error:
            raise self._death(seconds, max_bytes) from error
        if said[:1] == _REFUSED:
            raise BadInputError(f"{self._what}: {said[1:].decode()}")
        if said[:1] == _TOO_LARGE:
            raise self._too_large(max_bytes)
        return said[1:]

    def _death(self, seconds: float, max_bytes: int) -> Exception:
        code = self._process.wait()
        self._stderr.seek(0)
        said = self._stderr.read(_MOST_STDERR_BYTES).decode(errors="replace").strip()
        if code == -signal.SIGXCPU:
            return BadInputError(
                f"{self._what} took more than {seconds:.0f} s of processor time; it loops or "
                "nearly so: use the files that the model was published with"
            )
        if code == -signal.SIGABRT and "memory allocation" in said:
            return self._too_large(max_bytes)
        if code in (-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGBUS, -signal.SIGILL):
            name = signal.Signals(-code).name
            return BadInputError(
                f"{self._what} crashed the library that reads it ({name}); use the files that the "
                "model was published with"
            )
        if code < 0:
            return TransientError(f"{self._what}: the process that reads it was killed ({code})")
        return RuntimeError(f"{self._what}: its process ended with {code}: {said[-2000:]}")

    def _too_large(self, max_bytes: int) -> BadInputError:
        return BadInputError(
            f"{self._what} takes more than {max_bytes >> 20} MiB of memory; use the files that the "
            "model was published with"
        )


def answer(start: Callable[[], Callable[[bytes], bytes]]) -> None:
    """Answers requests until the parent goes. `start` reads what all of them need, and runs
    within the bounds of the first; a BadInputError refuses a request.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the parent is told, too, and ends this one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MOST_STDERR_BYTES, _MOST_STDERR_BYTES))
    handle: Callable[[bytes], bytes] | None = None
    with Connection(int(sys.argv[1])) as connection:
        while True:
            try:
                request = connection.recv_bytes()
            except (EOFError, OSError):
                return
            _bound(*_LIMITS.unpack_from(request))
            try:
                handle = handle or start()
                said = _DONE + handle(request[_LIMITS.size :])
            except BadInputError as error:
                said = _REFUSED + str(error).encode(errors="replace")
            except MemoryError:
                said = _TOO_LARGE
            connection.send_bytes(said)


def _bound(seconds: float, max_bytes: int) -> None:
    _limit(resource.RLIMIT_CPU, ceil(time.process_time() + seconds))
    _limit(resource.RLIMIT_DATA, _private_bytes() + max_bytes)


def _limit(which: int, value: int) -> None:
    """Lowers or raises the soft limit; the hard one, which others set, stays."""
    _, hard = resource.getrlimit(which)
    resource.setrlimit(which, (value if hard < 0 else min(value, hard), hard))


def _private_bytes() -> int:
    """Memory that only this process can write to, as RLIMIT_DATA counts it."""
    with open("/proc/self/statm") as file:  # noqa: PTH123  read at every request
        return int(file.read().split()[5]) * os.sysconf("SC_PAGE_SIZE")
