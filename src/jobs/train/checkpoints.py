"""Checkpoints in the store, each an artifact below ``<out>/checkpoints/``.

DeepSpeed writes a checkpoint as several files and a `latest` pointer, none of it atomically; the
manifest, written last, is what makes one whole. Only train reads them, and only its own. The
files are pickles, and whoever writes to the store could have written them: they are read as tensors
and plain values, and nothing in them runs (`_as_data`).
"""

import contextlib
import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TypeVar
from unittest.mock import patch

import torch
from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaler
from deepspeed.runtime.zero.config import ZeroStageEnum
from deepspeed.utils.tensor_fragment import fragment_address
from torch import distributed

from jobs.artifacts.manifest import MANIFEST, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter, LostRaceError
from jobs.errors import BadInputError, PerennialError, TransientError
from jobs.libraries import cause
from jobs.words import shown

KIND = "checkpoint"
FOLDER = "checkpoints"
TAG = "state"
DEEPSPEEDS_OWN = (DynamicLossScaler, LossScaler, ZeroStageEnum, fragment_address)
"""Classes in its checkpoints: numbers under names, no more."""

log = logging.getLogger("train")


class Stepped(Protocol):
    """What is saved with an engine."""

    step: int


S = TypeVar("S", bound=Stepped)


class Checkpoints:
    """The checkpoints beside one job's result; every process makes one of these."""

    def __init__(self, out: ArtifactWriter, rank: int, layout: dict[str, int]) -> None:
        """`layout` is what DeepSpeed's files depend on: processes and ZeRO stage."""
        self._out, self._rank, self._layout = out, rank, layout
        self._prefix = out.prefix / FOLDER
        work = hashlib.sha256(out.work.model_dump_json().encode())
        self.last: int | None = None
        """The step of the newest checkpoint that was saved or resumed from."""
        self.seconds = 0.0
        """What the last save took on this process."""
        self._suffix = f"-{work.hexdigest()[:8]}"  # other settings' checkpoints stay untouched

    def newest(self) -> Artifact | None:
        """The checkpoint to resume from: the newest that the same work committed, or None.

        A collective call: another attempt may save one at any time, and all processes take the
        same. Raises BadInputError where it was made by other numbers of processes or another
        stage.
        """
        said: list[str | BadInputError | None] = [None]
        if self._rank == 0:
            try:
                said = [self._newest()]
            except BadInputError as error:
                said = [error]
        distributed.broadcast_object_list(said)
        if isinstance(said[0], BadInputError):
            raise said[0]
        return None if said[0] is None else self._open(said[0])

    def _newest(self) -> str | None:
        for name in reversed(self._names()):
            manifest = find_manifest(self._prefix / name)
            if manifest is None or manifest.differences(self._writer(name).work):
                continue
            if (made_with := manifest.statistics.get("layout")) != self._layout:
                raise BadInputError(
                    f"{self._prefix.uri}/{name} was made with {_told(made_with)}, and this is "
                    f"{_told(self._layout)}; give the same --processes and --zero-stage, or delete "
                    f"{self._prefix.uri} to begin again"
                )
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

    def load(self, engine: Any, checkpoint: Artifact, make: Callable[..., S]) -> S:
        """Restores the engine; returns the state that was saved with it, of type `make`."""
        with tempfile.TemporaryDirectory() as scratch:
            with self._still_there(PurePosixPath(checkpoint.uri).name):
                folder = checkpoint.local_copy(Path(scratch))
            with _as_data(checkpoint.uri):
                _, found = engine.load_checkpoint(str(folder), tag=TAG)
                state = make(**found["ours"])
                self.last = int(state.step)
        return state

    def save(self, engine: Any, step: int, state: dict[str, Any]) -> None:
        """Saves the engine and `state` as of `step` steps done; a collective call."""
        started = time.monotonic()
        with shared_folder(self._rank) as folder:
            engine.save_checkpoint(
                str(folder), tag=TAG, client_state={"ours": state}, save_latest=False
            )
            distributed.barrier()
            if self._rank == 0:
                name = f"step-{step:08d}{self._suffix}"
                self._commit(name, folder, step)
                self._delete(older_than=name)
            distributed.barrier()
        self.last, self.seconds = step, time.monotonic() - started

    def _commit(self, name: str, folder: Path, step: int) -> None:
        writer = self._writer(name)
        try:
            writer.upload_folder(folder)
            writer.commit({"step": step, "layout": self._layout})
        except (LostRaceError, PerennialError) as error:
            if isinstance(error, PerennialError) and not writer.lost():
                raise
            writer.abandon()
            log.warning("lost-race another attempt saved step=%d out=%s", step, writer.uri)

    def _writer(self, name: str) -> ArtifactWriter:
        return self._out.beside(f"{FOLDER}/{name}", KIND)

    def _names(self) -> list[str]:
        names = {path.split("/")[0] for path, _ in self._prefix.list()} | self._prefix.folders()
        return sorted(name for name in names if name.endswith(self._suffix))

    def _delete(self, older_than: str) -> None:
        """Deletes older checkpoints, manifest first, so that a half-deleted one is none."""
        for name in self._names():
            if name < older_than:
                old = self._prefix / name
                old.delete(MANIFEST)
                self._prefix.clear(name)


def _told(layout: object) -> str:
    """A layout in words; what a manifest has in its place as it is."""
    if not isinstance(layout, dict):
        return shown(layout)
    return ", ".join(f"{shown(name)[1:-1]} {shown(value)}" for name, value in layout.items())


@contextlib.contextmanager
def _as_data(uri: str) -> Iterator[None]:
    """DeepSpeed asks torch for pickles that may run anything; torch is told otherwise.

    Raises BadInputError for what is no checkpoint.
    """
    forced = patch.dict(os.environ, {"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"})
    try:
        with forced, torch.serialization.safe_globals(list(DEEPSPEEDS_OWN)):
            yield
    except (PerennialError, MemoryError, torch.OutOfMemoryError):
        raise
    except Exception as error:
        if (isinstance(error, OSError) and error.errno is not None) or of_a_peer(error):
            raise
        raise BadInputError(
            f"{uri} is no checkpoint of train: {cause(error)}; delete it: an older one, or the "
            "beginning, is taken"
        ) from error


def of_a_peer(error: Exception) -> bool:
    """Whether another process failed, and this one waited for it. gloo has no type for it."""
    return isinstance(error, distributed.DistError) or "/gloo/" in str(error)


class shared_folder:  # noqa: N801  used like a function, as tempfile's own
    """A temporary folder of the machine that all its processes see; a collective call."""

    def __init__(self, rank: int) -> None:
        self._rank = rank
        self._owned: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Path:
        if self._rank == 0:
            self._owned = tempfile.TemporaryDirectory()
        said = [self._owned.name if self._owned else None]
        distributed.broadcast_object_list(said)
        return Path(str(said[0]))

    def __exit__(self, *_: object) -> None:
        if self._owned:
            self._owned.cleanup()
