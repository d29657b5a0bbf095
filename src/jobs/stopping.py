"""Being told to stop: one process's way from SIGTERM (or Ctrl-C) to its end, within its grace.

The grace is the time between SIGTERM and SIGKILL. Its one source is the step's place in
`pipelines.workflows.placement`; the pod, the local engine and this module are told the same number.

A stop is raised in the main thread as StoppedError, so that temporary folders are deleted on the
way out. That is not enough: a library may swallow it (a bare ``except``, ``__del__``, a callback
from C), replace the handler, or sit in a request that no Python code interrupts. Therefore

- nothing is written to the store any more (`Stop.check`, called before every write), so what a
  swallowed stop left half done is never kept nor committed;
- a thread that the signal wakes directly, without the main thread, ends the process and all it
  started when the time is over. A kill is safe at any moment; so is this.

Who has something to save (train) calls `hold` first: then nothing is raised, `told` says that a
stop came, and the whole grace is there, less what those need who wait for this process.
"""

import atexit
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from jobs.errors import BadInputError, StoppedError

GRACE = "PERENNIAL_GRACE_SECONDS"
"""The variable that tells a job its grace, in whole seconds."""
DEFAULT_GRACE_SECONDS = 30
"""Kubernetes' own."""
MOST_UNWINDING_SECONDS = 10.0
MOST_RESERVE_SECONDS = 10.0
SAYING_SECONDS = 1.0
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def grace_seconds(environment: Mapping[str, str] = os.environ) -> int:
    """The grace that `environment` grants. Raises BadInputError where it is no number above 0."""
    text = environment.get(GRACE, str(DEFAULT_GRACE_SECONDS))
    if not (text.isascii() and text.isdecimal() and len(text) < 7 and int(text)):
        raise BadInputError(
            f"{GRACE}={text!r} is wrong: expected whole seconds between SIGTERM and SIGKILL, "
            f"such as {DEFAULT_GRACE_SECONDS}"
        )
    return int(text)


def reserve_seconds(grace: int) -> float:
    """What each process leaves of its grace to the one that waits for it: a quarter, 10 s at most.

    Of 300 s: 290 for what torchrun waits for, 280 for its processes.
    """
    return min(MOST_RESERVE_SECONDS, grace / 4)


class Stop:
    """What this process knows of being told to stop. There is one, as signals are: `STOP`."""

    def __init__(self) -> None:
        self.told: signal.Signals | None = None
        """The signal that came first."""
        self._told_at = 0.0
        self._held = self._raised = False
        self.spoken_for = False
        """Whether another process is told, too, and says so: this one says what it alone knows."""
        self._seconds = MOST_UNWINDING_SECONDS
        self.is_ended = False
        """Whether this process is being ended, and has said so."""
        self.last_words: Callable[[], str] = str
        self._log = logging.getLogger()

    def listen(self, job: str) -> None:
        """From here on SIGTERM and SIGINT stop this process. Called once, by the main thread.

        Raises BadInputError for a grace that is none.
        """
        self._log = logging.getLogger(job)
        self._seconds = min(MOST_UNWINDING_SECONDS, grace_seconds() / 2)
        woken, waker = socket.socketpair()
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.detach(), warn_on_full_buffer=False)
        for number in SIGNALS:
            signal.signal(number, self._handle)
        sys.unraisablehook = _quiet
        atexit.register(_ignore)  # the first that is registered runs last
        os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_forget)
        threading.Thread(target=self._watch, args=(woken,), name="stop", daemon=True).start()

    def allow(self, seconds: float, last_words: Callable[[], str] = str) -> None:
        """The end may take so long, from the signal on. `last_words` say what is lost by it."""
        self._seconds, self.last_words = seconds, last_words

    def hold(self, last_words: Callable[[], str]) -> None:
        """From here on a stop is not raised: whoever calls this looks at `told`, and saves.

        Raises StoppedError where it came before.
        """
        grace = grace_seconds()
        self.check()
        self.allow(grace - 2 * reserve_seconds(grace), last_words)
        self._held = True

    @property
    def seconds_left(self) -> float:
        """Until this process is ended, were it told to stop by now at the latest."""
        gone = time.monotonic() - self._told_at if self.told else 0.0
        return self._seconds - gone

    def check(self) -> None:
        """Raises StoppedError where a stop came and was swallowed."""
        if self.told and not self._held:
            raise self.error()

    def leave(self) -> None:
        """From here on a stop is not raised: all is done, and what Python still does is short.

        One that does not come to its end is ended as before.
        """
        self._raised = True

    def error(self) -> StoppedError:
        """The stop, to be raised. Its text is "" where another process says it."""
        number = self.told or signal.SIGTERM
        return StoppedError("" if self.spoken_for else self._text, 128 + number.value)

    def said(self, *why: str, then: str = "") -> str:
        """What is said of an end that a stop brought about; "" where another process says it."""
        own = self.last_words()
        if self.spoken_for and not own:
            return ""
        return "; ".join(filter(None, (*why, self._text, then, own)))

    @property
    def _text(self) -> str:
        return f"stopped by {(self.told or signal.SIGTERM).name}; the same command continues"

    def _note(self, number: int) -> None:
        if self.told is None:
            self._told_at = time.monotonic()
            self.told = signal.Signals(number)

    def _handle(self, number: int, _frame: object) -> None:
        self._note(number)
        if not self._held and not self._raised:
            self._raised = True  # once: it must not break its own way out
            raise self.error()

    def _watch(self, woken: socket.socket) -> None:
        """Ends the process when its time is over, or at a second Ctrl-C."""
        while (number := woken.recv(1)[0]) not in SIGNALS:
            continue  # a library's own
        self._note(number)
        while (left := self.seconds_left) > 0:
            woken.settimeout(left)
            try:
                if woken.recv(1)[0] == signal.SIGINT:
                    break
            except TimeoutError:
                continue
        self._end()

    def _end(self) -> None:
        text = self.said(then="it did not end by itself in time and was ended")
        # By a thread of its own: the main thread may hold the log's lock, on a pipe nobody reads.
        speaker = threading.Thread(target=self._log.error, args=("%s", text), daemon=True)
        self.is_ended = True
        if text:
            speaker.start()
            speaker.join(SAYING_SECONDS)
        for process in _descendants(os.getpid()):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        os._exit(self.error().exit_code)


STOP = Stop()


def _quiet(what: "sys.UnraisableHookArgs") -> None:
    """A stop that came where nothing can be raised (``__del__``) is told at the end."""
    if not isinstance(what.exc_value, StoppedError):
        sys.__unraisablehook__(what)


def _ignore() -> None:
    """At the very end Python would put the defaults back, and a signal change the exit code."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _block() -> None:
    """A forked child must not be told before it has forgotten whose child it is."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def _unblock() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _forget() -> None:
    """A forked child is not its parent: a signal to it ends it, and wakes nobody else."""
    signal.set_wakeup_fd(-1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)
    _unblock()


def _descendants(ancestor: int) -> list[int]:
    """All processes below one, by ``/proc``; none where there is no such folder."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            after_name = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        children.setdefault(int(after_name[1]), []).append(int(folder.name))
    found, waiting = list[int](), [ancestor]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found
