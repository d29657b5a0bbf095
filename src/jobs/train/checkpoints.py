"""Checkpoints in the store, each an artifact below ``<out>/checkpoints/``.

DeepSpeed writes a checkpoint as several files and a `latest` pointer, none of it atomically; the
manifest, written last, is what makes one whole. Only train reads them, and only its own: the
files are pickles.
"""

import hashlib
import tempfile
import time
from pathlib import Path
from typing import Any

from torch import distributed

from jobs.artifacts.manifest import MANIFEST, find_manifest
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError

KIND = "checkpoint"
FOLDER = "checkpoints"
TAG = "state"


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

        Raises BadInputError where it was made by other numbers of processes or another stage.
        """
        for name in reversed(self._names()):
            manifest = find_manifest(self._prefix / name)
            if manifest is None or manifest.differences(self._writer(name).work):
                continue
            if (made_with := manifest.statistics["layout"]) != self._layout:
                raise BadInputError(
                    f"{self._prefix.uri}/{name} was made with {made_with}, not {self._layout}; "
                    f"use the same, or delete {self._prefix.uri}"
                )
            return Artifact.open(f"{self._prefix.uri}/{name}")
        return None

    def load(self, engine: Any, checkpoint: Artifact) -> dict[str, Any]:
        """Restores the engine; returns the state that was saved with it."""
        with tempfile.TemporaryDirectory() as scratch:
            folder = checkpoint.local_copy(Path(scratch))
            _, state = engine.load_checkpoint(str(folder), tag=TAG)
        self.last = int(state["ours"]["step"])
        return dict(state["ours"])

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
                writer = self._writer(name)
                writer.upload_folder(folder)
                writer.commit({"step": step, "layout": self._layout})
                self._delete(older_than=name)
            distributed.barrier()
        self.last, self.seconds = step, time.monotonic() - started

    def _writer(self, name: str) -> ArtifactWriter:
        return self._out.beside(f"{FOLDER}/{name}", KIND)

    def _names(self) -> list[str]:
        names = {path.split("/")[0] for path, _ in self._prefix.list()}
        return sorted(name for name in names if name.endswith(self._suffix))

    def _delete(self, older_than: str) -> None:
        """Deletes older checkpoints, manifest first, so that a half-deleted one is none."""
        for name in self._names():
            if name < older_than:
                old = self._prefix / name
                old.delete(MANIFEST)
                for path, _ in list(old.list()):
                    old.delete(path)


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
