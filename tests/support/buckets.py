"""Folders of files as they lie in a bucket."""

from collections.abc import Callable
from pathlib import Path

from jobs.store.prefix import Prefix


def upload(folder: Path, uri: str) -> str:
    """Every file below a folder, as an object below `uri`, which is returned."""
    place = Prefix(uri)
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        place.write(path.relative_to(folder).as_posix(), path.read_bytes())
    return uri


def after(method: object, act: Callable[[], object], times: int = 1) -> Callable[..., object]:
    """The method, which does something more after its first calls."""
    left = [times]

    def call(*arguments: object, **options: object) -> object:
        result = method(*arguments, **options)  # type: ignore[operator]
        left[0] -= 1
        if left[0] == 0:
            act()
        return result

    return call
