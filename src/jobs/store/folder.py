"""Files of a folder that serves as a store, read and written without detours.

obstore copies what it reads and writes once more, through threads of its own. A merge moves
gigabytes a second on two cores, so here bytes go straight between the caller's memory and the
page cache. Not included: everything else a store does (`jobs.store.prefix`).
"""

import contextlib
import errno
import fcntl
import glob
import os
import secrets
import stat
from functools import lru_cache
from pathlib import Path

from jobs.errors import FULL_DISK, MAKE_ROOM, BadInputError, TransientError

MOST_OPEN_FILES = 32
WRITE_BYTES = 2**17
"""Of one call: larger ones make the kernel look for large blocks of memory, and on a virtual
machine that has given its free memory back those take ten times as long as small ones."""
MIN_ROOM_BYTES = 2**17
"""On a disk with less room nothing can be begun."""
_STAGED_DIGITS = 18
_PASSING = frozenset({errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENFILE, errno.EINTR})
"""Errors of a network's file system, or of a machine at its limits, that a wait may mend."""
_IN_THE_WAY = "a file, or a link that leads nowhere, is in its place"
_SYSTEM = (Path("/proc"), Path("/sys"))
"""Folders of the kernel, in which nothing can be made, whatever the permissions say."""


def is_folder(where: str) -> bool:
    """Whether it names a folder; never an error, however odd the name."""
    return os.path.isdir(where)  # noqa: PTH112  Path.is_dir raises for a name that is too long


def file_of(folder: Path, path: str) -> Path:
    """The file that an object of a folder is. Raises BadInputError for what leads elsewhere."""
    if any(part in ("", ".", "..") for part in path.split("/")):
        raise BadInputError(f"{path!r} is no path of an object in {folder}")
    return folder / path


def refuse_odd(file: Path) -> None:
    """Raises BadInputError for a pipe or a device, which would never end."""
    with contextlib.suppress(OSError):
        mode = file.stat().st_mode
        if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
            raise BadInputError(f"{file} is no file but a pipe or device; remove it")


def make_folder(folder: Path) -> None:
    """The folder of a store, if it is not there. Raises BadInputError where none can be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno in _PASSING:
            raise TransientError(f"store failed at {folder}: {error.strerror}") from error
        raise _unwritable(folder, error.errno or errno.EIO) from error


def refuse_unwritable(folder: Path) -> None:
    """Raises BadInputError where `make_folder`, or a write, would fail; it makes nothing."""
    there = folder
    while not os.path.lexists(there):
        there = there.parent
    if not there.is_dir():
        raise _unwritable(folder, errno.ENOTDIR)
    real = Path(os.path.realpath(there))
    if any(real.is_relative_to(system) for system in _SYSTEM):
        raise _unwritable(folder, errno.EPERM)
    disk = os.statvfs(there)
    if disk.f_flag & os.ST_RDONLY:
        raise _unwritable(folder, errno.EROFS)
    if not os.access(there, os.W_OK | os.X_OK):
        raise _unwritable(folder, errno.EACCES)
    if disk.f_blocks and disk.f_bavail * disk.f_frsize < MIN_ROOM_BYTES:
        raise _unwritable(folder, errno.ENOSPC)


def _unwritable(folder: Path, number: int) -> BadInputError:
    why = _IN_THE_WAY if number in (errno.EEXIST, errno.ENOTDIR) else os.strerror(number)
    fix = MAKE_ROOM if number in FULL_DISK else "choose a folder that can"
    return BadInputError(f"store {folder} cannot be written: {why}; {fix}")


def link(file: Path, to: Path) -> bool:
    """Makes `file` another name of `to`. False where that cannot be; raises FileNotFoundError."""
    file.parent.mkdir(parents=True, exist_ok=True)
    try:
        file.hardlink_to(to)
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links, or with too many of this one
        return False
    return True


class OpenFiles:
    """Open descriptors of the files read last, for any number of threads.

    A descriptor is closed when it is neither among the last nor in use. A file that is replaced
    meanwhile is read as it was, until `forget`.
    """

    def __init__(self) -> None:
        self._opened = lru_cache(MOST_OPEN_FILES)(_Descriptor)

    def read_into(self, path: Path, start: int, buffer: memoryview) -> int:
        """Fills `buffer` from `start`; returns how many bytes there were. Raises OSError."""
        descriptor = self._opened(path)
        done = 0
        while done < len(buffer):
            count = os.preadv(descriptor.number, [buffer[done:]], start + done)
            if count == 0:
                break
            done += count
        return done

    def forget(self) -> None:
        """Closes all that no thread is reading."""
        self._opened.cache_clear()


class _Descriptor:
    """A file open for reading as long as someone refers to it."""

    def __init__(self, path: Path) -> None:
        self.number = -1
        self.number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def __del__(self) -> None:
        if self.number >= 0:
            os.close(self.number)


class StagedFile:
    """A file written beside its place, under ``<name>#<digits>``, and renamed into it when done.

    Such names obstore leaves out when it lists. A killed writer leaves its file behind, without
    the lock that every writer holds on its own: the next writer of the same name deletes it.
    Nothing is flushed to the disk: what a killed process wrote is not lost, and where the whole
    machine fails, sizes and digests tell.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        _delete_leavings(path)
        self._path = path
        while True:
            digits = str(secrets.randbelow(10**_STAGED_DIGITS)).zfill(_STAGED_DIGITS)
            self._staged = path.with_name(f"{path.name}#{digits}")
            self._file = self._staged.open("xb", buffering=WRITE_BYTES)
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(self._file, fcntl.LOCK_EX)
            if self._staged.exists():  # not taken for leavings just before the lock
                return
            self._file.close()

    def write(self, data: memoryview) -> None:
        for start in range(0, len(data), WRITE_BYTES):
            self._file.write(data[start : start + WRITE_BYTES])

    def finish(self) -> None:
        """The object appears, at once and whole."""
        self._file.flush()
        self._staged.replace(self._path)
        self._file.close()

    def abandon(self) -> None:
        """Nothing remains."""
        with contextlib.suppress(OSError):
            self._staged.unlink()
        with contextlib.suppress(OSError):  # a full disk refuses the rest once more
            self._file.close()


def _delete_leavings(path: Path) -> None:
    for staged in path.parent.glob(f"{glob.escape(path.name)}#{'[0-9]' * _STAGED_DIGITS}"):
        with contextlib.suppress(OSError), staged.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            staged.unlink()
