"""What lies at a place after the kills: what it is, and everything that is wrong with it.

Included: an artifact whole by every file's digest, the artifacts below it (checkpoints), release
records, and whatever belongs to none of them. Not included: parts of uploads that S3 was never
told the end of; they are no objects, and a bucket's lifecycle rule deletes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from jobs.artifacts.manifest import MANIFEST
from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import read_releases
from jobs.errors import PerennialError
from jobs.store.prefix import Prefix


@dataclass(frozen=True)
class Found:
    """`identity` is equal for equal results: a digest, or the records without their times."""

    identity: object
    wrong: tuple[str, ...] = ()


def find_artifact(uri: str) -> Found:
    """The artifact at `uri`, with those below it."""
    prefix = Prefix(uri)
    present = set(_present(prefix))
    wrong, expected = [], set[str]()
    for manifest in sorted(path for path in present if f"/{path}".endswith(f"/{MANIFEST}")):
        below = manifest.removesuffix(MANIFEST)
        try:
            artifact = Artifact.open(f"{uri}/{below}".rstrip("/"))
        except PerennialError as error:
            wrong.append(str(error))
            continue
        attempt = artifact.manifest.attempt
        expected |= {manifest, *(f"{below}{attempt}/{path}" for path in artifact.paths)}
        wrong += _altered(artifact)
    wrong += [f"left over: {path}" for path in sorted(present - expected)]
    if MANIFEST not in present:
        return Found(None, (f"no {MANIFEST} at {uri}", *wrong))
    try:
        return Found(Artifact.open(uri).digest, tuple(wrong))
    except PerennialError:  # said above
        return Found(None, tuple(wrong))


def _altered(artifact: Artifact) -> Iterator[str]:
    for path in artifact.paths:
        try:
            artifact.verify(path)
        except PerennialError as error:
            yield str(error)


def find_releases(uri: str) -> Found:
    """The release records below `uri`: one of one model, number 1."""
    prefix = Prefix(uri)
    try:
        records = [record for model in read_releases(prefix).values() for record in model]
    except PerennialError as error:
        return Found(None, (str(error),))
    identity = [record.model_dump(mode="json", exclude={"created"}) for record in records]
    expected = {f"{record.model}/{record.number:06d}.json" for record in records}
    wrong = [f"left over: {path}" for path in sorted(set(_present(prefix)) - expected)]
    if len(records) != 1:
        wrong.append(f"{len(records)} release records, expected 1: {sorted(expected)}")
    return Found(identity, tuple(wrong))


def _present(prefix: Prefix) -> Iterator[str]:
    """Every object; of a folder also what a listing leaves out: half-written files, empty folders
    (ending with a slash).
    """
    if prefix.folder is None:
        yield from (path for path, _ in prefix.list())
        return
    for path in prefix.folder.rglob("*"):
        name = path.relative_to(prefix.folder).as_posix()
        if not path.is_dir():
            yield name
        elif not any(path.iterdir()):
            yield f"{name}/"


def appeared(uri: str) -> frozenset[str]:
    """Top names at a place: whenever a job begins an attempt there, they change."""
    prefix = Prefix(uri)
    if prefix.folder is None:
        return frozenset(path.partition("/")[0] for path, _ in prefix.list())
    folder = Path(uri)
    return frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()
