"""manifest.json: what an artifact is made of and from, and the identity of the work behind it.

Included: the records, their digest, reading a manifest from the store. Not included: the files
themselves (`jobs.artifacts.reading`).

Schema version 4 is written: it names inputs of the same store relative to itself
(`jobs.artifacts.places`), versions before it by whole URIs. Since version 3 the files lie in the
folder of the attempt that wrote them, beside the manifest; in version 2 they lay beside the
manifest themselves; version 1 had a SHA-256 of each file and over all of them. All are read as they
are: their digests stand in the records of whatever was made from them.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    AliasChoices,
    AwareDatetime,
    Field,
    model_validator,
)

from jobs.artifacts import places
from jobs.artifacts.hashing import ALGORITHM, Algorithm, Digest, digest_of
from jobs.errors import BadInputError
from jobs.records import Record
from jobs.store.failures import NotFoundError
from jobs.store.prefix import Prefix
from jobs.validation import Shape
from jobs.words import shown

MANIFEST = "manifest.json"
SchemaVersion = Literal[1, 2, 3, 4]
SCHEMA_VERSION: SchemaVersion = 4
"""Of all that is written."""
RELATIVE_SINCE = 4
MAX_MANIFEST_BYTES = 2**26
ATTEMPT = re.compile(r"attempt-[0-9a-f]{12}")
"""The folder of one attempt at an artifact. No other writes there, and no file there twice."""
AttemptName = Annotated[
    str, Shape(f"^{ATTEMPT.pattern}$", "attempt- and 12 of the digits 0-9 and a-f")
]


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


class File(Record):
    """One file of an artifact: its path below the artifact, and what it must hold."""

    path: Annotated[str, AfterValidator(_inside)]
    bytes: int = Field(ge=0)
    digest: Digest
    algorithm: Algorithm

    @model_validator(mode="before")
    @classmethod
    def _of_version_1(cls, values: Any) -> Any:
        if isinstance(values, dict) and "sha256" in values and "digest" not in values:
            rest = {name: value for name, value in values.items() if name != "sha256"}
            return {**rest, "digest": values["sha256"], "algorithm": "sha256"}
        return values


class Input(Record):
    """Where an input lay when it was read, and its digest, which says what it was."""

    uri: str
    """A whole URI; what is written may name it relative to itself (`recorded`)."""
    digest: str
    relevant: str | None = Field(None, validation_alias=AliasChoices("relevant", "part"))
    """Digest of the files that matter, where the job reads only some of the input."""

    @property
    def identity(self) -> str:
        """What the work depends on."""
        return self.relevant or self.digest

    def recorded(self, at: str) -> Self:
        """As a record in the folder `at` names it."""
        return self.model_copy(update={"uri": places.recorded(self.uri, at)})

    def placed(self, at: str, *, is_relative: bool = True) -> Self:
        """As it is meant by a record in the folder `at`. Raises ValueError.

        Where not `is_relative`, the record is of a time when all were whole URIs.
        """
        if not is_relative and not places.is_whole(self.uri):
            raise ValueError(f"{shown(self.uri)} is no whole URI")
        return self.model_copy(update={"uri": places.placed(self.uri, at)})


class Producer(Record):
    """What wrote an artifact."""

    job: str
    version: str
    image: str | None = None


class Manifest(Record):
    """What an artifact is made of and from. `digest` covers kind and files, nothing else."""

    kind: str
    schema_version: SchemaVersion = SCHEMA_VERSION
    attempt: AttemptName | None = None
    """The folder beside the manifest in which the files lie; before version 3 there is none."""
    files: Annotated[tuple[File, ...], AfterValidator(_each_once)]
    digest: str
    inputs: dict[str, Input]
    settings: dict[str, Any]
    operation: Mapping[str, Any] = {}
    """Operational settings that it was made with: for whoever makes it again, no part of what it
    is. Before version 4 they were not recorded."""
    producer: Producer
    statistics: dict[str, Any]
    created: AwareDatetime

    @model_validator(mode="before")
    @classmethod
    def _of_a_known_version(cls, values: Any) -> Any:
        known = get_args(SchemaVersion)
        version = values.get("schema_version", SCHEMA_VERSION) if isinstance(values, dict) else 1
        if version not in known:
            raise ValueError(
                f"schema_version {shown(version)} is none that is known here "
                f"({', '.join(map(str, known))}); use the perennial that wrote it, or a newer one"
            )
        return values

    @model_validator(mode="after")
    def _in_an_attempt(self) -> Self:
        if (self.attempt is None) != (self.schema_version < 3):
            raise ValueError(f"attempt {self.attempt} in schema_version {self.schema_version}")
        return self

    def recorded(self, at: str) -> Self:
        """As it is written to the folder `at`."""
        inputs = {name: item.recorded(at) for name, item in self.inputs.items()}
        return self.model_copy(update={"inputs": inputs})

    def placed(self, at: str) -> Self:
        """As it is meant, read from the folder `at`. Raises ValueError, which names the input."""
        inputs, is_relative = {}, self.schema_version >= RELATIVE_SINCE
        for name, item in self.inputs.items():
            try:
                inputs[name] = item.placed(at, is_relative=is_relative)
            except ValueError as error:
                raise ValueError(f"input {shown(name)}: {error}") from error
        return self.model_copy(update={"inputs": inputs})

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


class Work(Record):
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
            inputs={name: item.identity for name, item in manifest.inputs.items()},
        )


def file_of(path: str, data: bytes) -> File:
    """The record of a file that holds these bytes."""
    return File(path=path, bytes=len(data), digest=digest_of(data), algorithm=ALGORITHM)


def digest(kind: str, files: Iterable[File], schema_version: SchemaVersion = SCHEMA_VERSION) -> str:
    """Of kind and files (path, bytes, algorithm, digest), by path, as canonical JSON: BLAKE3.

    In version 1: SHA-256, over path, bytes and SHA-256 of each file.
    """
    by_path = sorted(files, key=lambda file: file.path)
    listed: list[Any] = [
        [file.path, file.bytes, file.digest]
        if schema_version == 1
        else [file.path, file.bytes, file.algorithm, file.digest]
        for file in by_path
    ]
    text = json.dumps([kind, listed], separators=(",", ":"), ensure_ascii=False)
    return digest_of(text.encode(), "sha256" if schema_version == 1 else ALGORITHM)


def find_manifest(prefix: Prefix) -> Manifest | None:
    """The manifest below `prefix`, or None. Raises BadInputError where it cannot be read."""
    try:
        data = prefix.read(MANIFEST, MAX_MANIFEST_BYTES)
    except NotFoundError:
        return None
    what = f"{prefix.uri}/{MANIFEST} is not a manifest"
    try:
        manifest = Manifest.parse(data, what).placed(prefix.uri)
    except ValueError as error:
        raise BadInputError(f"{what}: {error}") from error
    if manifest.digest != digest(manifest.kind, manifest.files, manifest.schema_version):
        raise BadInputError(
            f"{prefix.uri}/{MANIFEST} was altered: its digest is not that of its files"
        )
    return manifest
