"""An artifact's files as a plain folder, for programs that know nothing of the store.

The folder appears whole or not at all: files are put below `<folder>.partial`, each with its digest
checked, and renamed at the end. What is there already, of an export that was killed, is kept where
its digest is right.
"""

import os
from collections.abc import Callable
from pathlib import Path

from jobs.artifacts.hashing import digest_of_path
from jobs.artifacts.manifest import File
from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError


def export(artifact: Artifact, folder: Path, say: Callable[[str], None]) -> None:
    """Copies all files to `folder`, which must not be there; `say` is told of each.

    Raises BadInputError: the folder is there, cannot be written, or a file is corrupt.
    """
    folder = Path(os.path.abspath(folder))  # noqa: PTH100  links are the user's names
    if os.path.lexists(folder):
        raise BadInputError(f"{folder} is there already; name a folder that is not")
    partial = folder.with_name(f"{folder.name}.partial")
    if partial.is_symlink():  # what it leads to is not ours to clear
        raise BadInputError(f"{partial} is a link; remove it, or name another folder")
    try:
        partial.mkdir(parents=True, exist_ok=True)
        _clear(partial, set(artifact.paths))
        for number, path in enumerate(artifact.paths, start=1):
            _export_file(artifact, artifact.file(path), partial / path)
            say(f"{number}/{len(artifact.paths)} {path} {artifact.size(path)} bytes")
        partial.rename(folder)
    except OSError as error:
        raise BadInputError(
            f"cannot export to {folder}: {error.strerror}; name another folder"
        ) from error


def _clear(partial: Path, wanted: set[str]) -> None:
    """Deletes what an export of something else left there."""
    for path in list(partial.rglob("*")):
        kept = path.relative_to(partial).as_posix() in wanted or path.is_dir()
        if path.is_symlink() or not kept:
            path.unlink()


def _export_file(artifact: Artifact, file: File, to: Path) -> None:
    if not to.is_file() or digest_of_path(to, file.algorithm) != file.digest:
        artifact.download(file.path, to)
