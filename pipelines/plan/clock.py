"""The hours of the clock: the workflow walked once more, by the engine that runs it, on a clock
that jumps.

A step takes its expected seconds, once there is room for it; nobody waits in truth, so a refresh of
a week is walked in less than a second.
"""

import asyncio
import selectors
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from typing import Any

from pipelines.local.engine import Engine, Outcome, Runner, Step
from pipelines.local.slots import Slots
from pipelines.local.workflow import WorkflowTemplate

ENOUGH = sys.maxsize


@dataclass(frozen=True)
class Room:
    """What steps that run at the same time share."""

    slots: int = ENOUGH
    """Pods of a cluster; of one machine, processes."""
    gpus: int = ENOUGH
    by_process: bool = False
    """Whether a step takes a slot for each process that it starts."""


@dataclass(frozen=True)
class Need:
    """What one step takes of it, and for how long."""

    seconds: float
    slots: int = 1
    gpus: int = 0


def ends(
    workflow: WorkflowTemplate, parameters: Mapping[str, str], needs: Mapping[str, Need], room: Room
) -> dict[str, float]:
    """Step → the second at which it ends. One that wants more than there is takes all of it."""
    clock = _Clock()
    runner = _Waiting(needs, room, clock)
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(clock)) as loop:
        loop.run(Engine(workflow, parameters, runner).run())
    return runner.ended_at


class _Clock(selectors.SelectSelector):
    """Where the loop would wait, as nothing is left to do now, it is the next moment."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._moments: list[tuple[float, int, asyncio.Future[None]]] = []
        self._number = count()

    async def sleep(self, seconds: float) -> None:
        moment = asyncio.get_running_loop().create_future()
        heappush(self._moments, (self.now + seconds, next(self._number), moment))
        await moment

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None and self._moments:
            self.now, _, moment = heappop(self._moments)
            if not moment.done():  # else it was cancelled
                moment.set_result(None)
            timeout = 0
        return super().select(timeout)


class _Waiting(Runner):
    """A step waits for its turn, then for as long as it takes."""

    def __init__(self, needs: Mapping[str, Need], room: Room, clock: _Clock) -> None:
        self.ended_at: dict[str, float] = {}
        self._needs, self._clock = needs, clock
        self._slots, self._gpus = Slots(room.slots), Slots(room.gpus)

    async def run(self, step: Step, attempt: int) -> Outcome:
        need = self._needs.get(step.name, Need(0))
        async with AsyncExitStack() as taken:
            for kind, number in ((self._slots, need.slots), (self._gpus, need.gpus)):
                if number:  # else it would stand in a line for nothing
                    await taken.enter_async_context(kind.taken(min(number, kind.number)))
            await self._clock.sleep(need.seconds)
        self.ended_at[step.name] = self._clock.now
        return await super().run(step, attempt)
