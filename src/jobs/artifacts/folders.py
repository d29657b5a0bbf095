"""Plain files that are given from outside, in a folder or below a bucket's URI: no artifact.

Settings that name such a place are recorded by what it holds, so that the same files from another
place make the same artifact. The digest is in the form of a manifest's version 1, so that it equals
what stands in the settings of artifacts written before.
"""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from jobs.artifacts.hashing import digest_of_file, digest_of_path
from jobs.artifacts.manifest import ATTEMPT, MANIFEST, File, digest
from jobs.errors import BadInputError
from jobs.records import first_problem
from jobs.store.prefix import Prefix

_PLAIN = "folder "


def plain_file(path: str, size: int, sha256: str, where: str) -> File:
    """The record of one file. Raises BadInputError for a name that no record may have."""
    try:
        return File(path=path, bytes=size, digest=sha256, algorithm="sha256")
    except ValidationError as error:
        raise BadInputError(f"{where} has a file of a bad name: {first_problem(error)}") from error


def plain_digest(files: Iterable[File]) -> str:
    """What these files are together, wherever they lie."""
    return f"{_PLAIN}{digest('folder', files, 1)[:16]}"


def is_plain_digest(value: object) -> bool:
    """Whether a setting stands for what a folder or a bucket held."""
    return isinstance(value, str) and value.startswith(_PLAIN)


def looks_like_an_artifact(files: Collection[str], folders: Iterable[str]) -> bool:
    """Whether this is what lies right below an artifact's URI, which is no place of plain files."""
    return MANIFEST in files and any(map(ATTEMPT.fullmatch, folders))


def digest_of_all(place: Prefix) -> str:
    """Of every file below a place, each read whole in bounded pieces."""
    if place.folder is not None:
        return plain_digest(_files_of_folder(place.folder))
    return plain_digest(_files_of_bucket(place))


def _files_of_folder(folder: Path) -> Iterator[File]:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name, sha256 = path.relative_to(folder).as_posix(), digest_of_path(path, "sha256")
        yield plain_file(name, path.stat().st_size, sha256, str(folder))


def _files_of_bucket(place: Prefix) -> Iterator[File]:
    folders = {""}
    while folders:
        files, inner = place.inside(folders.pop())
        folders |= inner
        for path, size in files.items():
            with place.open(path) as file:
                yield plain_file(path, size, digest_of_file(file, "sha256"), place.uri)
