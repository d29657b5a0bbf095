"""What the processes of one training share beside the model."""

import tempfile
from pathlib import Path

from torch import distributed


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
