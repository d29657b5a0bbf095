"""Processor cores, shared by the steps that run at the same time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Slots:
    """Shares the processor cores: a step takes as many slots as it starts processes.

    First come, first served, so a step that needs all slots is not starved by small ones.
    """

    def __init__(self, number: int) -> None:
        self.number, self._free = number, number
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []

    @asynccontextmanager
    async def taken(self, number: int) -> AsyncIterator[None]:
        turn = (number, asyncio.get_running_loop().create_future())
        self._waiting.append(turn)
        self._hand_out()
        try:
            await turn[1]
            yield
        finally:  # also where it was cancelled: while it waited, or just as its turn came
            if turn in self._waiting:
                self._waiting.remove(turn)
            else:
                self._free += number
            self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._waiting[0][0] <= self._free:
            number, turn = self._waiting.pop(0)
            self._free -= number
            if not turn.done():
                turn.set_result(None)
