"""What is needed next, made by a thread while the step before is computed."""

from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
NUMBER = 2
"""Made before they are asked for."""


def ahead(items: Iterator[T]) -> Generator[T]:
    """The same items in the same order; what making one raises is raised when it is asked for."""
    waiting = deque[Future[T]]()
    with ThreadPoolExecutor(1, thread_name_prefix="batches") as maker:
        while True:
            while len(waiting) <= NUMBER:
                waiting.append(maker.submit(next, items))
            try:
                yield waiting.popleft().result()
            except StopIteration:
                return
