"""The process of a step: started, told to end, killed with all that it started, waited for."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

from pipelines.local import reaper
from pipelines.local.engine import Step


class Child:
    """A process in a session of its own, which writes into one log."""

    def __init__(
        self,
        step: Step,
        argv: Sequence[str],
        environment: Mapping[str, str],
        mark: str,
        log: IO[bytes],
    ) -> None:
        """Starts it, in one go: whoever stops the engine finds it started or not begun.

        Raises OSError.
        """
        self.step, self._mark = step, mark
        self._process = subprocess.Popen(
            argv,
            env={**environment, reaper.MARK: mark},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def end(self) -> None:
        """SIGTERM, so that it can save; after the grace, SIGKILL to it and all that it started."""
        if self._process.poll() is None:
            self._process.terminate()
            loop = asyncio.get_running_loop()
            loop.call_later(self.step.grace_seconds, reaper.kill_marked, self._mark)

    async def wait(self) -> tuple[int, str]:
        """Exit code as a shell would show it (128 + signal), and what there is to say about it.

        Whatever comes, neither the process nor what it started is there at the end.
        """
        seconds = self.step.deadline_seconds
        try:
            try:
                await asyncio.wait_for(self._ended(), seconds)
            except TimeoutError:
                self.end()
                await self._ended()
                return 128 + signal.SIGTERM, f"took longer than {seconds} s"
        finally:
            reaper.kill_marked(self._mark)
            code = self._process.wait()
        if code < 0:
            return 128 - code, f"killed by {signal.Signals(-code).name}"
        return code, f"exit code {code}" if code else ""

    async def _ended(self) -> None:
        """Until it has ended. The kernel tells; nothing else waits for the process, whose number is
        therefore nobody else's.
        """
        if self._process.poll() is not None:
            return
        number = os.pidfd_open(self._process.pid)
        loop, ended = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(number, ended.set)
        try:
            await ended.wait()
        finally:
            loop.remove_reader(number)
            os.close(number)
