"""A file that knows the digest of what was written to it."""

import hashlib
from concurrent.futures import Executor
from typing import IO, Any

BESIDE_BYTES = 2**18
"""From here on a write is digested in a thread beside it: the thread costs less than it gains."""


class HashingFile:
    """Passes writes on and digests them on the way; large ones both at once."""

    def __init__(self, target: IO[bytes], digester: Executor) -> None:
        self._target, self._digester = target, digester
        self._bytes = 0
        self.sha256 = hashlib.sha256()
        self.closed = False

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B") if len(data) else memoryview(b"")
        if len(view) < BESIDE_BYTES:
            self.sha256.update(view)
            self._target.write(view)
        else:
            digested = self._digester.submit(self.sha256.update, view)
            self._target.write(view)
            digested.result()
        self._bytes += len(view)
        return len(view)

    def tell(self) -> int:
        return self._bytes

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False
