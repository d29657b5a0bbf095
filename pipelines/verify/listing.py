"""What lies in a store, from one listing: artifacts, attempts at them, and everything else."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from jobs.artifacts.manifest import ATTEMPT, MANIFEST
from jobs.store.prefix import Prefix

Sizes = dict[str, int]
"""Path → bytes."""
RELEASES = "releases"


@dataclass
class Listing:
    """All objects below a store, once each; paths are relative to the store."""

    artifacts: set[str] = field(default_factory=set)
    """Where a manifest lies."""
    attempts: dict[tuple[str, str], Sizes] = field(default_factory=dict)
    """(artifact, attempt) → the files in it."""
    models: set[str] = field(default_factory=set)
    """What has a folder among the releases."""
    others: Sizes = field(default_factory=dict)
    """What is none of these: also the files of artifacts of versions 1 and 2."""

    def add(self, path: str, size: int) -> None:
        steps = path.split("/")
        number = next((n for n, step in enumerate(steps) if ATTEMPT.fullmatch(step)), None)
        if steps[0] == RELEASES:
            self.models.add(steps[1] if len(steps) > 2 else "")
        elif number is not None:
            key = "/".join(steps[:number]), steps[number]
            self.attempts.setdefault(key, {})["/".join(steps[number + 1 :])] = size
        elif steps[-1] == MANIFEST:
            self.artifacts.add("/".join(steps[:-1]))
        else:
            self.others[path] = size

    def files(self, artifact: str, attempt: str | None, paths: Iterable[str]) -> Sizes:
        """The files of an artifact that are there, taken out of the listing."""
        if attempt is not None:
            return self.attempts.pop((artifact, attempt), {})
        found = {path: self.others.pop(f"{artifact}/{path}", None) for path in paths}
        return {path: size for path, size in found.items() if size is not None}


def list_store(store: Prefix) -> Listing:
    """Some hundred bytes of memory an object."""
    listing = Listing()
    for path, size in store.list():
        listing.add(path, size)
    if store.folder is not None:
        for artifact, attempt in _attempts_in(store.folder):
            listing.attempts.setdefault((artifact, attempt), {})
    return listing


def _attempts_in(store: Path) -> Iterable[tuple[str, str]]:
    """Also those in which nothing is whole, which a listing leaves out."""
    for folder, names, _ in os.walk(store):
        attempts = [name for name in names if ATTEMPT.fullmatch(name)]
        names[:] = [name for name in names if name not in attempts]
        at = Path(folder).relative_to(store).as_posix()
        yield from (("" if at == "." else at, name) for name in attempts)
