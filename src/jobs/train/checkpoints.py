"""Checkpoints in the store, each an artifact below ``<out>/checkpoints/``, written behind the work.

Every process copies its share (`jobs.train.shares`) and goes on; a thread writes it. No process
waits for another's upload: at each step they tell each other whether theirs is done (`complete`),
and once all are, process 0 commits the checkpoint.
"""

import contextlib
import hashlib
import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import torch
from pydantic import Field
from torch import distributed

from jobs.artifacts.manifest import MANIFEST, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter, LostRaceError
from jobs.errors import BadInputError, PerennialError, TransientError
from jobs.records import Record
from jobs.train.pieces import Share
from jobs.train.settings import CHECKPOINTS
from jobs.train.shares import Copied, Saved

KIND = "checkpoint"
STATE = "state.json"
NO_CHECKPOINT = "{} is no checkpoint of train (delete it: an older one, or the beginning, is taken)"
LOOKING_SECONDS = 0.2
"""Between looks whether all are done, where there is nothing else to do."""

log = logging.getLogger("train")


class State(Record, frozen=False):
    """What a checkpoint keeps beside the engine: where the run is, and what it has seen."""

    step: int = 0
    """Steps done."""
    tokens: int = 0
    heldout_loss_before: float | None = None
    heldout: list[dict[str, float]] = Field(default_factory=list)
    """The loss on held-out rows on the way: step and loss."""
    history: list[dict[str, float]] = Field(default_factory=list)
    skipped: int | None = None
    """Number of the batch that is not trained on, as the loss diverged at it."""

    @property
    def next_batch(self) -> int:
        """Number of the next step's batch, or of the skipped one before it."""
        return self.step + (self.skipped is not None and self.step > self.skipped)


@dataclass(frozen=True)
class _Writing:
    """A checkpoint on its way to the store."""

    step: int
    begun: float
    writer: ArtifactWriter
    upload: "Future[bool]"
    """Of this process; False where another attempt was first."""


class Checkpoints:
    """The checkpoints beside one job's result; every process makes one of these."""

    def __init__(self, out: ArtifactWriter, rank: int, kept: int) -> None:
        """The last `kept` stay."""
        self._out, self._rank, self._kept = out, rank, kept
        self._prefix = out.prefix / CHECKPOINTS
        self.last: int | None = None
        """The step of the newest checkpoint that was committed or resumed from."""
        self.seconds = 0.0
        """What the last one took on this process, from the copy to the commit."""
        work = hashlib.sha256(out.work.model_dump_json().encode())
        self._suffix = f"-{work.hexdigest()[:8]}"  # other settings' checkpoints stay untouched
        self._uploader = ThreadPoolExecutor(1, thread_name_prefix="checkpoint")
        self._writing: _Writing | None = None

    def newest(self) -> Artifact | None:
        """The checkpoint to resume from: the newest that the same work committed, or None.

        A collective call: another attempt may save one at any time, and all processes take the
        same.
        """
        said = [self._newest() if self._rank == 0 else None]
        distributed.broadcast_object_list(said)
        return None if said[0] is None else self._open(said[0])

    def _newest(self) -> str | None:
        for name in reversed(self._names()):
            manifest = find_manifest(self._prefix / name)
            if manifest and not manifest.differences(self._writer(name).work):
                return name
        return None

    def _open(self, name: str) -> Artifact:
        with self._still_there(name):
            return Artifact.open(f"{self._prefix.uri}/{name}")

    @contextlib.contextmanager
    def _still_there(self, name: str) -> Iterator[None]:
        """Another attempt that goes on beside this one deletes all but its newest."""
        try:
            yield
        except BadInputError as error:
            if (self._prefix / name).exists(MANIFEST):
                raise
            raise TransientError(
                f"checkpoint {self._prefix.uri}/{name} was replaced while it was read; the same "
                "command resumes from the newer one"
            ) from error

    def load(self, engine: Any, checkpoint: Artifact) -> State:
        """Restores the engine; returns the state that was saved with it. A collective call."""
        with self._still_there(PurePosixPath(checkpoint.uri).name):
            state = State.parse(checkpoint.read(STATE), NO_CHECKPOINT.format(checkpoint.uri))
            saved, share = Saved(checkpoint), Share(engine)
            share.begin(state.step)
            saved.restore(share)
        share.give_weights()
        saved.restore_random(self._rank, distributed.get_world_size())
        self.last = state.step
        return state

    def save(self, engine: Any, state: State) -> None:
        """Begins to save the engine and the state; a collective call."""
        self.finish()
        begun = time.monotonic()
        name = f"step-{state.step:08d}{self._suffix}"
        said = [self._writer(name).attempt]
        distributed.broadcast_object_list(said)
        writer = self._writer(name, said[0])
        upload = self._uploader.submit(
            self._upload, writer, Copied.of(Share(engine)), state.model_dump_json().encode()
        )
        self._writing = _Writing(state.step, begun, writer, upload)

    def _upload(self, writer: ArtifactWriter, copied: Copied, state: bytes) -> bool:
        try:
            copied.write(writer, self._rank)
            if self._rank == 0:
                writer.write(STATE, state)
        except LostRaceError:
            return False
        except PerennialError:
            if not writer.lost():
                raise
            return False
        return True

    @property
    def is_writing(self) -> bool:
        """Whether a checkpoint is on its way; the same on every process."""
        return self._writing is not None

    @property
    def is_uploaded(self) -> bool:
        """Whether this process has written what there is to write."""
        return self._writing is None or self._writing.upload.done()

    def complete(self) -> None:
        """Commits the checkpoint, whose files all processes have written; a collective call."""
        assert self._writing
        step, writer = self._writing.step, self._writing.writer
        mine = writer.files if self._writing.upload.result() else None
        found: list[Any] = [None] * distributed.get_world_size()
        distributed.all_gather_object(found, mine)
        if self._rank == 0:
            others = found[1:]
            if None in found or not self._commit(writer, others, step):
                writer.abandon()
                log.warning("lost-race another attempt saved step=%d out=%s", step, writer.uri)
            self._delete_all_but(self._kept)
        self.last, self.seconds = step, time.monotonic() - self._writing.begun
        self._writing = None

    def _commit(self, writer: ArtifactWriter, others: list[Any], step: int) -> bool:
        """Whether it was this attempt's."""
        for files in others:
            writer.include(files)
        try:
            writer.commit({"step": step, "processes": 1 + len(others)})
        except (LostRaceError, PerennialError) as error:
            if isinstance(error, PerennialError) and not writer.lost():
                raise
            return False
        return True

    def finish(self) -> None:
        """Waits for what is on its way, and commits it; a collective call."""
        while self.is_writing:
            done = torch.tensor(int(self.is_uploaded), device=_device())
            distributed.all_reduce(done, distributed.ReduceOp.MIN)
            if done.item():
                self.complete()
            else:
                time.sleep(LOOKING_SECONDS)

    def _writer(self, name: str, attempt: str | None = None) -> ArtifactWriter:
        return self._out.beside(f"{CHECKPOINTS}/{name}", KIND, attempt)

    def _names(self) -> list[str]:
        """Of the checkpoints there, whole or not, the oldest first."""
        found = {path.split("/")[0] for path, _ in self._prefix.list()} | self._prefix.folders()
        return sorted(name for name in found if name.endswith(self._suffix))

    def _delete_all_but(self, kept: int) -> None:
        """Manifest first, so that a half-deleted one is none."""
        whole = [name for name in self._names() if (self._prefix / name).exists(MANIFEST)]
        if whole:
            oldest_kept = whole[-kept:][0]
            for name in self._names():
                if name < oldest_kept:
                    (self._prefix / name).delete(MANIFEST)
                    self._prefix.clear(name)


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
