"""What is wrong with the files of one artifact: each that is missing, of another size, or corrupt.

Included: sizes from a listing, digests by reading. Not included: what an artifact was made from,
and what else lies in the store (`pipelines.verify`). All that is found is told, where opening an
artifact ends with the first error.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from jobs.artifacts.hashing import PIECE_BYTES
from jobs.artifacts.manifest import MANIFEST
from jobs.artifacts.reading import Artifact


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong: where (a URI), what it is, and how to mend it."""

    uri: str
    what: str
    fix: str


def wrong_sizes(artifact: Artifact, present: Mapping[str, int]) -> Iterator[Fault]:
    """Of its files those that are not `present` (path → bytes) as its manifest says."""
    for file in artifact.manifest.files:
        size = present.get(file.path)
        if size is None:
            yield _fault(artifact, file.path, f"missing, expected {file.bytes} bytes")
        elif size != file.bytes:
            yield _fault(artifact, file.path, f"{size} bytes, expected {file.bytes}")


def wrong_digest(artifact: Artifact, path: str, told: Callable[[int], None]) -> Fault | None:
    """Reads one file whole, in bounded pieces; `told` of the bytes of each."""
    file, found = artifact.file(path), artifact.hasher(path)
    with artifact.open_file(path) as reader:
        while piece := reader.read(PIECE_BYTES):
            found.update(piece)
            told(len(piece))
    digest = found.hexdigest()
    if digest == file.digest:
        return None
    return _fault(artifact, path, f"corrupt, its {file.algorithm} is {digest}, not {file.digest}")


def _fault(artifact: Artifact, path: str, what: str) -> Fault:
    fix = f"bring back the file, or delete {artifact.uri}/{MANIFEST} and run its job again"
    return Fault(f"{artifact.place.uri}/{path}", what, fix)
