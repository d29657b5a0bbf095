"""Two writers of different bytes at one place: every interleaving of what they do, and of kills.

A writer is five steps in the store: look for a manifest, put its file, list its files, create the
manifest, delete what others left. It is killed before any of them, or not at all. Whatever happens,
what is committed is whole, a third writer ends well, and nothing else is left.
"""

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import Any

import pytest

from jobs.artifacts.manifest import ATTEMPT, MANIFEST, Work, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter, LostRaceError, tidy
from jobs.store.prefix import Prefix

WORK = Work(kind="model", producer="train 1", settings={}, inputs={})
STEPS = 5
COMMITTED, LOST, KILLED = "committed", "lost", "killed"


class KilledError(BaseException):
    """Nothing more of this writer happens."""


class Turns:
    """A writer in a thread of its own, which goes on by one step when it is told to."""

    def __init__(self, uri: str, data: bytes) -> None:
        self.ended: str | None = None
        self._go, self._paused = threading.Semaphore(0), threading.Semaphore(0)
        self._killed = False
        self._thread = threading.Thread(target=self._run, args=(uri, data))
        self._thread.start()
        self._paused.acquire()

    def step(self) -> None:
        self._go.release()
        self._paused.acquire()

    def kill(self) -> None:
        self._killed = True
        self._go.release()
        self._thread.join()

    def pause(self) -> None:
        """Called by the writer before each of its steps."""
        self._paused.release()
        self._go.acquire()
        if self._killed:
            raise KilledError

    def _run(self, uri: str, data: bytes) -> None:
        try:
            self.ended = write(Stepping(uri, self.pause), data)
        except KilledError:
            self.ended = KILLED
        self._paused.release()


class Stepping(Prefix):
    """A prefix that says before each step that it is about to be taken."""

    def __init__(self, uri: str, pause: Callable[[], None]) -> None:
        super().__init__(uri)
        self._pause = pause

    def __truediv__(self, path: str) -> "Stepping":
        return Stepping(f"{self.uri}/{path}", self._pause)

    def exists(self, path: str) -> bool:
        self._pause()
        return super().exists(path)

    def write(self, path: str, data: bytes) -> None:
        self._pause()
        super().write(path, data)

    def list(self) -> Iterator[tuple[str, int]]:
        self._pause()
        return super().list()

    def create(self, path: str, data: bytes) -> bool:
        self._pause()
        return super().create(path, data)


def write(prefix: Prefix, data: bytes) -> str:
    """What a job does; how it ended."""
    writer = ArtifactWriter(prefix, WORK, {})
    try:
        writer.write("model.safetensors", data)
        made = writer.commit({})
    except LostRaceError:
        return LOST
    return COMMITTED if made.read("model.safetensors") == data else LOST


def interleavings(most: int) -> Iterator[tuple[int, ...]]:
    """Every order of at most `most` steps of each of two writers; then both are killed.

    The two differ in nothing but their bytes: the one that begins is called the first.
    """
    yield ()
    for first in range(1, most + 1):
        for second in range(most + 1):
            for places in combinations(range(1, first + second), first - 1):
                order = (int(place not in places) for place in range(1, first + second))
                yield (0, *order)


def run(uri: str, order: Sequence[int]) -> list[str | None]:
    writers = [Turns(uri, data) for data in (b"first!", b"second")]
    for number in order:
        if writers[number].ended is None:
            writers[number].step()
    for writer in writers:
        if writer.ended is None:
            writer.kill()
    return [writer.ended for writer in writers]


def check(uri: str, ended: list[Any], order: Sequence[int]) -> None:
    manifest = find_manifest(Prefix(uri))
    assert (COMMITTED in ended) <= (manifest is not None), order
    assert ended.count(COMMITTED) <= 1, order
    if LOST in ended:
        assert manifest is not None, order
    if manifest is None:
        assert write(Prefix(uri), b"thirds") == COMMITTED, order
    artifact = Artifact.open(uri)
    artifact.verify("model.safetensors")
    tidy(artifact)  # as whoever finds it
    left = {path.partition("/")[0] for path, _ in Prefix(uri).list()}
    assert left == {MANIFEST, artifact.manifest.attempt}, order
    assert ATTEMPT.fullmatch(str(artifact.manifest.attempt))


def test_every_interleaving(store: str) -> None:
    """All 462 on a folder; on S3 the 126 in which both are killed before they tidy up, at most."""
    most = STEPS if store.startswith("/") else STEPS - 1
    seen = set()
    for number, order in enumerate(interleavings(most)):
        uri = f"{store}/{number}"
        ended = run(uri, order)
        check(uri, ended, order)
        seen.add(tuple(ended))
    assert {(COMMITTED, LOST), (LOST, COMMITTED), (KILLED, KILLED)} <= seen or most < STEPS


@pytest.mark.parametrize("first", range(STEPS + 1))
def test_a_writer_that_wakes_again_after_another_won(store: str, first: int) -> None:
    """It slept at any of its steps, all the way through another's work."""
    writer = Turns(store, b"first!")
    for _ in range(first):
        writer.step()
    won = write(Prefix(store), b"second")
    while writer.ended is None:
        writer.step()
    assert sorted([writer.ended, won]) == [COMMITTED, LOST]
    check(store, [writer.ended, won], [first])
