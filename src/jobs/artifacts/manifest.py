"""manifest.json: what an artifact is made of and from, and the identity of the work behind it.

Included: the records, the digest, reading a manifest from the store. Not included: the files
themselves (`jobs.artifacts.reading`).
"""

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from jobs.errors import BadInputError
from jobs.store.failures import NotFoundError
from jobs.store.prefix import Prefix
from jobs.words import shortened, shown

MANIFEST = "manifest.json"
SCHEMA_VERSION = 1


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def _inside(path: str) -> str:
    """A path that can only lie below the artifact, whatever reads it."""
    steps = path.split("/")
    if any(step in ("", ".", "..") for step in steps) or "\\" in path or not path.isprintable():
        raise ValueError(f"{shown(path)} is no plain relative path")
    return path


def _each_once(files: "tuple[File, ...]") -> "tuple[File, ...]":
    seen: set[str] = set()
    for file in files:
        if file.path in seen:
            raise ValueError(f"{shown(file.path)} is listed twice")
        seen.add(file.path)
    return files


class File(_Record):
    """One file of an artifact: its path below the artifact, and what it must hold."""

    path: Annotated[str, AfterValidator(_inside)]
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Input(_Record):
    """Where an input lay when it was read, and its digest, which says what it was."""

    uri: str
    digest: str
    part: str | None = None
    """Digest of the files that matter, where the job reads only some of the input."""


class Producer(_Record):
    """What wrote an artifact."""

    job: str
    version: str
    image: str | None = None


class Manifest(_Record):
    """What an artifact is made of and from. `digest` covers kind and files, nothing else."""

    kind: str
    schema_version: int = SCHEMA_VERSION
    files: Annotated[tuple[File, ...], AfterValidator(_each_once)]
    digest: str
    inputs: dict[str, Input]
    settings: dict[str, Any]
    producer: Producer
    statistics: dict[str, Any]
    created: datetime

    def differences(self, other: "Work") -> list[str]:
        """Why `other` would not make this very artifact again, one short phrase each."""
        mine = Work.of(self)
        found = []
        if mine.kind != other.kind or mine.producer != other.producer:
            found.append(f"made by {mine.producer}, not {other.producer}")
        for what, here, there in (
            ("setting", mine.settings, other.settings),
            ("input", mine.inputs, other.inputs),
        ):
            found += [
                f"{what} {name} was {here.get(name)}, now {there.get(name)}"
                for name in sorted(here.keys() | there.keys())
                if here.get(name) != there.get(name)
            ]
        return found


class Work(_Record):
    """The identity of a piece of work: equal work makes the same artifact."""

    kind: str
    producer: str
    settings: dict[str, Any]
    inputs: dict[str, str]

    @classmethod
    def of(cls, manifest: Manifest) -> "Work":
        return cls(
            kind=manifest.kind,
            producer=f"{manifest.producer.job} {manifest.producer.version}",
            settings=manifest.settings,
            inputs={name: item.part or item.digest for name, item in manifest.inputs.items()},
        )


def digest(kind: str, files: tuple[File, ...]) -> str:
    """sha256 over kind and files (path, bytes, sha256), in order of path, as canonical JSON."""
    listed = [[file.path, file.bytes, file.sha256] for file in sorted(files, key=lambda f: f.path)]
    text = json.dumps([kind, listed], separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def find_manifest(prefix: Prefix) -> Manifest | None:
    """The manifest below `prefix`, or None. Raises BadInputError where it cannot be read."""
    try:
        data = prefix.read(MANIFEST)
    except NotFoundError:
        return None
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        raise BadInputError(
            f"{prefix.uri}/{MANIFEST} is not a manifest: {_first(error)}"
        ) from error
    if manifest.digest != digest(manifest.kind, manifest.files):
        raise BadInputError(
            f"{prefix.uri}/{MANIFEST} was altered: its digest is not that of its files"
        )
    return manifest


def folder_digest(folder: Path, paths: Iterable[str] | None = None) -> str:
    """What a local folder holds, wherever it lies; for settings that name one.

    Reads every file (or those in `paths`) whole.
    """
    chosen = sorted(folder / path for path in paths) if paths is not None else _all_files(folder)
    files = []
    for path in chosen:
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        name = path.relative_to(folder).as_posix()
        try:
            files.append(File(path=name, bytes=path.stat().st_size, sha256=sha256))
        except ValidationError as error:
            raise BadInputError(f"{folder} has a file of a bad name: {_first(error)}") from error
    return f"folder {digest('folder', tuple(files))[:16]}"


def _first(error: ValidationError) -> str:
    """The first problem, as one line: where in the manifest, and what is wrong."""
    first = error.errors()[0]
    where = shortened(ascii(".".join(map(str, first["loc"])))[1:-1])
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"


def _all_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
