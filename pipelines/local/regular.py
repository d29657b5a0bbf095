"""Opening what a step leaves: a file of its own, and nothing that holds up or leads elsewhere."""

import errno
import os
import stat
from pathlib import Path
from typing import IO


def open_regular(file: Path) -> IO[bytes]:
    """For reading. Raises OSError also for a link, a pipe, a folder or a device."""

    def opener(path: str, flags: int) -> int:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # a pipe must not hold it

    opened = open(file, "rb", opener=opener)  # noqa: SIM115 - with an opener, closed by callers
    if not stat.S_ISREG(os.fstat(opened.fileno()).st_mode):
        opened.close()
        raise OSError(errno.EINVAL, "it is no file")
    return opened
