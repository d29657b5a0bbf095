"""Digests of files, on all cores at once and nothing else: the bound that they alone set.

python -m benchmarks.merge.digests FILE …
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from jobs.artifacts.hashing import hasher

PIECE_BYTES = 2**20  # stays in a core's cache between the read and the digest


def main(paths: list[Path]) -> None:
    """Largest first, so that the cores end at about the same time."""
    paths.sort(key=lambda path: -path.stat().st_size)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for digest in pool.map(_digest, paths):
            print(digest)


def _digest(path: Path) -> str:
    whole, buffer = hasher(), bytearray(PIECE_BYTES)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            whole.update(view[:count])
    return whole.hexdigest()


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
