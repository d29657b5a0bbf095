"""Folders of files as they lie in a bucket."""

from pathlib import Path

from jobs.store.prefix import Prefix


def upload(folder: Path, uri: str) -> str:
    """Every file below a folder, as an object below `uri`, which is returned."""
    place = Prefix(uri)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        place.write(path.relative_to(folder).as_posix(), path.read_bytes())
    return uri
