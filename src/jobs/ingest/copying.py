"""Copies files of a source, and tells by digest what was read."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from jobs.artifacts.folders import plain_digest, plain_file
from jobs.artifacts.hashing import PIECE_BYTES, Algorithm, hasher
from jobs.artifacts.manifest import File
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError, TransientError
from jobs.ingest.inside import local_errors
from jobs.ingest.source import Source


class Copier:
    """Copies the files of a source one at a time, in bounded pieces.

    Of what is known by its digests alone, all but a model of the hub, it takes them on the way: a
    file is read once, and what is recorded of it is what was copied.
    """

    def __init__(self, source: Source, where: str, *, digesting: bool = True) -> None:
        self._source, self._where = source, where
        self.digesting = digesting
        self._read: dict[str, File] = {}

    def copy(self, name: str, out: ArtifactWriter, renamed: str) -> None:
        """Raises TransientError where the file changes meanwhile."""
        found = hasher("sha256")
        with self._source.open(name) as file, local_errors(), ThreadPoolExecutor(1) as beside:
            size = file.seek(0, 2)
            file.seek(0)
            with out.open(renamed, size) as target:
                while piece := file.read(PIECE_BYTES):
                    digested = beside.submit(found.update, piece) if self.digesting else None
                    target.write(piece)
                    if digested:
                        digested.result()
                if target.tell() != size:
                    raise TransientError(
                        f"{name} was changed while it was read ({target.tell()} of {size} bytes); "
                        "try again when it is whole"
                    )
        if self.digesting:
            self._add(
                name, size, {"sha256": found.hexdigest(), "blake3": out.written(renamed).digest}
            )

    def digest(self, names: Iterable[str]) -> str:
        """Of all these files; those that were not copied are read now."""
        for name in names:
            if name not in self._read:
                self._look(name)
        return plain_digest(self._read.values())

    def _look(self, name: str) -> None:
        algorithms: set[Algorithm] = {"sha256"}
        if expected := self._source.expected(name):
            algorithms.add(expected.algorithm)
        size, hashers = 0, {algorithm: hasher(algorithm) for algorithm in algorithms}
        with self._source.open(name) as file, local_errors():
            while piece := file.read(PIECE_BYTES):
                size += len(piece)
                for found in hashers.values():
                    found.update(piece)
        self._add(
            name, size, {algorithm: found.hexdigest() for algorithm, found in hashers.items()}
        )

    def _add(self, name: str, size: int, digests: Mapping[Algorithm, str]) -> None:
        """Raises BadInputError where the source says that the file holds something else."""
        expected = self._source.expected(name)
        if expected and digests[expected.algorithm] != expected.digest:
            raise BadInputError(
                f"{self._where}/{name} is corrupt: {expected.algorithm} "
                f"{digests[expected.algorithm]}, expected {expected.digest}; run perennial verify "
                "on its store"
            )
        self._read[name] = plain_file(name, size, digests["sha256"], self._where)
