"""Reads, digests and computes pieces ahead of the writer, in threads, within bounded memory.

Each piece of work holds one slot: a buffer for each operand and one for the result. A slot is
free again when the writer comes back for the next piece, so that memory is the slots' and nothing
else. The threads' work is in calls that release the interpreter's lock (reads, digests, compiled
loops, writes), so that reading, digesting, arithmetic and writing overlap on all processors.
"""

import contextlib
import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jobs.kinds.safetensors_header import DTYPE_BYTES
from jobs.merge.arithmetic.exact import STORAGE
from jobs.merge.arithmetic.merge import Moments
from jobs.merge.stream.source import Source
from jobs.merge.targets import Piece

REMOTE_SLOTS = 8
"""Pieces at work at a time: enough to hide a bucket's latency behind 24 reads."""
LOCAL_SLOTS = 5
"""The same where all inputs are folders: with more, buffers are cold when they are filled again."""
REMOTE_ELEMENTS = 2**22
"""Most of a piece: 8 MiB of bfloat16 an operand, for a server's work is by the request."""
LOCAL_ELEMENTS = 2**20
"""The same where all inputs are folders: there is no request to make worth its while."""

Bytes = npt.NDArray[np.uint8]
Compute = Callable[[Piece, Mapping[str, npt.NDArray[Any]], npt.NDArray[Any]], Moments]


@dataclass(frozen=True)
class Merged:
    """A computed piece; `data` is valid until the next one is asked for."""

    piece: Piece
    data: memoryview
    moments: Moments


class Stream:
    """Turns pieces into merged pieces, in order. A context manager; `busy` counts core-seconds.

    `widths` gives the bytes of an element by role, and of the result under ``out``.
    """

    def __init__(
        self,
        sources: Mapping[str, Source],
        compute: Compute,
        widths: Mapping[str, int],
        max_bytes: int,
    ) -> None:
        self._sources, self._compute = sources, compute
        remote = any(source.remote for source in sources.values())
        self._num_slots = REMOTE_SLOTS if remote else LOCAL_SLOTS
        most = REMOTE_ELEMENTS if remote else LOCAL_ELEMENTS
        fitting = max_bytes // (self._num_slots * sum(widths.values()))
        self.most_elements = max(1, min(most, fitting) // 64 * 64)  # 64: buffers stay aligned
        self._widths = widths
        self.busy: defaultdict[str, float] = defaultdict(float)
        self._busy_lock = threading.Lock()
        self._threads = contextlib.ExitStack()

    def __enter__(self) -> "Stream":
        self._fetchers = self._pool(self._num_slots * len(self._sources))
        self._digesters = {role: self._pool(1) for role in self._sources}  # in order of the file
        self._workers = self._pool(len(os.sched_getaffinity(0)))
        return self

    def __exit__(self, *_: object) -> None:
        for source in self._sources.values():
            source.stopped = True
        self._threads.close()

    def _pool(self, threads: int) -> ThreadPoolExecutor:
        pool = ThreadPoolExecutor(threads)
        self._threads.callback(pool.shutdown, cancel_futures=True)
        return pool

    def run(self, pieces: Iterable[Piece]) -> Iterator[Merged]:
        """The merged pieces, in order. Raises what reading or computing one of them raised."""
        free = self._slots()
        at_work: deque[_AtWork] = deque()
        for piece in pieces:
            if not free:
                yield at_work[0].merged()
                free.append(at_work.popleft().slot_when_digested())
            slot = free.pop()
            at_work.append(_AtWork(piece, slot, *self._start(piece, slot)))
        while at_work:
            yield at_work[0].merged()
            at_work.popleft().slot_when_digested()

    def verify(self) -> None:
        """Ends all digests. Raises BadInputError where a file is not what it should be."""
        ends = [
            self._digesters[role].submit(self.timed, "digest", source.verify)
            for role, source in self._sources.items()
        ]
        for end in ends:
            end.result()

    def _slots(self) -> list[dict[str, Bytes]]:
        """Cut from one allocation, which the system can back with huge pages."""
        sizes = {name: self.most_elements * width for name, width in self._widths.items()}
        memory = np.empty((self._num_slots, sum(sizes.values())), np.uint8)
        ends = np.cumsum(list(sizes.values()))
        return [dict(zip(sizes, np.split(row, ends[:-1]), strict=True)) for row in memory]

    def _start(
        self, piece: Piece, slot: dict[str, Bytes]
    ) -> tuple[Future[Moments], list[Future[Any]]]:
        """Futures of the result's moments, then of each operand's digest."""
        reads, digests = {}, []
        for role, tensor in piece.operands.items():
            width = DTYPE_BYTES[tensor.dtype]
            at = tensor.file, tensor.start + piece.first * width
            buffer = slot[role].data[: piece.elements * width]
            reads[role], digested = self._read(role, *at, buffer)
            digests.append(digested)
        return self._workers.submit(self._merge, piece, reads, slot["out"]), digests

    def _read(
        self, role: str, file: str, start: int, buffer: memoryview
    ) -> tuple[Future[memoryview], Future[Any]]:
        """Futures of the bytes and of their digest; requests to a bucket run side by side."""
        source, digester = self._sources[role], self._digesters[role]
        if not source.remote:
            both = digester.submit(self._read_and_digest, source, file, start, buffer)
            return both, both
        read = self._fetchers.submit(self.timed, "read", source.read, file, start, buffer)
        return read, digester.submit(self._digest, source, file, start, read)

    def _read_and_digest(
        self, source: Source, file: str, start: int, buffer: memoryview
    ) -> memoryview:
        data: memoryview = self.timed("read", source.read, file, start, buffer)
        self.timed("digest", source.digest, file, start, data)
        return data

    def _digest(self, source: Source, file: str, start: int, read: Future[memoryview]) -> None:
        self.timed("digest", source.digest, file, start, read.result())

    def _merge(self, piece: Piece, reads: Mapping[str, Future[memoryview]], out: Bytes) -> Moments:
        operands = {
            role: np.frombuffer(read.result(), STORAGE[piece.operands[role].dtype])
            for role, read in reads.items()
        }
        target = _result(out, piece)
        moments: Moments = self.timed(
            "arithmetic", self._compute, piece, operands, target.view(STORAGE[piece.tensor.dtype])
        )
        return moments

    def timed(self, what: str, call: Callable[..., Any], *arguments: Any) -> Any:
        """The call's result; its thread's seconds of processor count as `what`."""
        started = time.thread_time()
        try:
            return call(*arguments)
        finally:
            with self._busy_lock:
                self.busy[what] += time.thread_time() - started


@dataclass(frozen=True)
class _AtWork:
    """A piece that threads are working on, in its slot."""

    piece: Piece
    slot: dict[str, Bytes]
    computed: Future[Moments]
    digested: list[Future[Any]]

    def merged(self) -> Merged:
        moments = self.computed.result()
        return Merged(self.piece, _result(self.slot["out"], self.piece).data, moments)

    def slot_when_digested(self) -> dict[str, Bytes]:
        """The slot, when no thread uses it any more."""
        for future in self.digested:
            future.result()
        return self.slot


def _result(out: Bytes, piece: Piece) -> Bytes:
    return out[: piece.elements * DTYPE_BYTES[piece.tensor.dtype]]
