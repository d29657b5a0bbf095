"""Files of a folder, and no others: links are followed only as far as the folder reaches.

Whoever makes a folder of weights could link its LICENSE to a file that only the one who imports it
may read. One other place is allowed, as the hub's own cache is made so: from
``models--<owner>--<name>/snapshots/<commit>/`` to a file in ``models--<owner>--<name>/blobs/``.
"""

import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from jobs.errors import FULL_DISK, MAKE_ROOM, BadInputError, TransientError
from jobs.kinds.model import CHAT_TEMPLATES
from jobs.words import shown

_POINTER = b"version https://git-lfs.github.com/"
NEVER_READABLE = (
    errno.ENOENT, errno.EACCES, errno.EPERM, errno.EISDIR, errno.ENOTDIR, errno.ELOOP,
)  # fmt: skip


def names_in(folder: Path) -> list[str]:
    """Relative paths of all that is no folder, in it and in its folder of chat templates."""
    templates = folder / CHAT_TEMPLATES
    with local_errors():
        found = [path.name for path in folder.iterdir() if not path.is_dir()]
        if templates.is_dir():
            found += [f"{CHAT_TEMPLATES}/{path.name}" for path in templates.iterdir()]
    return found


def real_path(folder: Path, name: str) -> str:
    """Where a regular file of the folder lies. Raises BadInputError for anything else."""
    with local_errors():
        root = Path(os.path.realpath(folder, strict=True))
        try:
            real = Path(os.path.realpath(folder / name, strict=True))
            mode = real.stat().st_mode
        except OSError as error:  # of the link, whose end means nothing to its reader
            error.filename = str(folder / name)
            raise
    if not (real.is_relative_to(root) or real.parent == _blobs(root)):
        raise BadInputError(
            f"{folder / name} is a link to a file outside the folder, {shown(str(real))}, and is "
            "not followed; put the file itself there"
        )
    if not stat.S_ISREG(mode):
        raise BadInputError(f"{folder / name} is no regular file; put a file there, or remove it")
    return str(real)


@contextmanager
def open_inside(folder: Path, name: str) -> Iterator[IO[bytes]]:
    """A regular file of the folder, to read from.

    Raises TransientError where it is another at the end than it was at the beginning.
    """
    real = real_path(folder, name)
    with local_errors():
        # Whatever was put there since it was looked at: no further link, no waiting for a pipe.
        number = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(number, "rb") as file:  # noqa: PTH123  a descriptor
        before = os.fstat(number)
        refuse_pointer(file, str(folder / name))
        yield file
        after = os.fstat(number)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise TransientError(
            f"{folder / name} was changed while it was read; try again when it is whole"
        )


def refuse_pointer(file: IO[bytes], where: str) -> None:
    """Raises BadInputError for a file that only says where another is."""
    assert isinstance(file, io.BufferedReader)
    if file.peek(len(_POINTER)).startswith(_POINTER):
        raise BadInputError(
            f"{where} is Git LFS's pointer to a file, not the file; run git lfs pull where it "
            "comes from"
        )


@contextmanager
def local_errors() -> Iterator[None]:
    """What goes wrong when local files are read, or copied to a disk, as our errors."""
    try:
        yield
    except OSError as error:
        if error.errno in NEVER_READABLE:
            raise BadInputError(
                f"{error.filename} cannot be read: {error.strerror}; mend link or permission"
            ) from error
        what = f"{error.filename or 'local files'} could not be read or copied: {error.strerror}"
        if error.errno in FULL_DISK:
            raise BadInputError(f"{what}; {MAKE_ROOM}") from error
        raise TransientError(what) from error


def _blobs(root: Path) -> Path | None:
    """Where the hub's cache keeps the files of a snapshot, if the folder is one."""
    repository = root.parents[1] if len(root.parents) > 1 else root
    is_snapshot = root.parent.name == "snapshots" and repository.name.startswith("models--")
    return repository / "blobs" if is_snapshot else None
