"""Releases: numbered records that say which artifact a model name stands for.

    <releases>/<model>/000001.json, 000002.json, …

Records are only ever created; the highest number is current, and a rollback is a new record.
Included: reading, and adding by create-if-absent, so that two writers never share a number.
Not included: whether a candidate may be released; that is promote's to ask.

Anybody may have written here by hand, so a model's records are read together: numbers from 1
without a gap, each record about the model and number that its path says. Of anything else each
reader says what it is and how to mend it, and nothing is added to it.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from jobs.artifacts.manifest import Input
from jobs.errors import BadInputError, TransientError
from jobs.records import Record
from jobs.store.prefix import Prefix
from jobs.words import shown

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LAST = 999_999
RELATIVE_SINCE = 2
MAX_BYTES = 2**20
"""Of one record; promote writes a few hundred."""
_RECORD = re.compile(r"[0-9]{6}\.json")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it is no time of ours") from error


class Standing(StrEnum):
    """What became of a candidate that is to be released."""

    NEW = "released"
    CURRENT = "already-released"
    FORMER = "not-released-again"
    """It was released, and is current no more."""


class Release(Record):
    """One record."""

    schema_version: Literal[1, 2] = 2
    """In version 1 candidate and report are whole URIs; since 2 they may be relative places."""
    model: str
    number: int = Field(ge=1, le=LAST, strict=True)
    candidate: Input
    report: Input
    decision: Literal["GO", "NO-GO", "INCONCLUSIVE"]
    reasons: tuple[str, ...]
    override: str | None = None
    """Why a person released it without a GO, or again."""
    created: Annotated[AwareDatetime, AfterValidator(_in_utc)]

    @model_validator(mode="after")
    def _by_gate_or_person(self) -> Self:
        if self.decision != "GO" and not self.override:
            raise ValueError(f"it is {self.decision} and nobody overrode it")
        return self

    def recorded(self, at: str) -> Self:
        """As it is written to the folder `at`."""
        return self._with(lambda item: item.recorded(at))

    def placed(self, at: str) -> Self:
        """As it is meant, read from the folder `at`. Raises ValueError."""
        is_relative = self.schema_version >= RELATIVE_SINCE
        return self._with(lambda item: item.placed(at, is_relative=is_relative))

    def _with(self, changed: Callable[[Input], Input]) -> Self:
        facts = {"candidate": changed(self.candidate), "report": changed(self.report)}
        return self.model_copy(update=facts)


def read_releases(releases: Prefix) -> dict[str, list[Release]]:
    """Model → its records, lowest number first; the last is current.

    Raises BadInputError for the first that is not what its path says.
    """
    sizes: dict[str, dict[str, int]] = {}
    for path, size in releases.list():
        model, slash, name = path.partition("/")
        if not slash and path.endswith(".json"):
            raise BadInputError(
                f"{releases.uri}/{shown(path)} is in no model's folder; move it away"
            )
        if path.endswith(".json"):
            sizes.setdefault(model, {})[name] = size
    return {model: _read_all(releases / model, model, sizes[model]) for model in sorted(sizes)}


def records_of(releases: Prefix, model: str) -> list[Release]:
    """The records of one model, as `read_releases` reads them; none where it has none."""
    sizes = {path: size for path, size in (releases / model).list() if path.endswith(".json")}
    return _read_all(releases / model, model, sizes)


def current(releases: Prefix, model: str) -> Release | None:
    """The record that `model` stands for now, or None."""
    records = records_of(releases, model)
    return records[-1] if records else None


def released_before(records: Sequence[Release], candidate: Input, report: Input) -> Release | None:
    """The record that this candidate had and that a refresh must not repeat, or None.

    It had its turn where the same report led to it; also with another report where a person took
    it back: by a record with an override, or one that returns to what was released before.
    """
    its = [record for record in records if record.candidate.digest == candidate.digest]
    if not its or its[-1] is records[-1]:
        return None
    next_one = records[its[-1].number]
    older = {record.candidate.digest for record in records[: its[-1].number]}
    taken_back = next_one.override is not None or next_one.candidate.digest in older
    same_report = any(record.report.digest == report.digest for record in its)
    return its[-1] if same_report or taken_back else None


def add(releases: Prefix, model: str, **facts: Any) -> tuple[Release, Standing]:
    """The record of `facts["candidate"]`: made now with the next number, or one that it has.

    With an `override` a former one is repeated. Whoever loses a race for a number looks again, so
    one candidate gets one record.
    """
    lost = 0
    while True:
        records = records_of(releases, model)
        if records and records[-1].candidate.digest == facts["candidate"].digest:
            return records[-1], Standing.CURRENT
        former = released_before(records, facts["candidate"], facts["report"])
        if former and not facts.get("override"):
            return former, Standing.FORMER
        number = len(records) + 1
        path = f"{model}/{number:06d}.json"
        if number > LAST:
            raise BadInputError(f"{releases.uri}/{model} is full: its last number {LAST} is taken")
        if number == lost:
            raise TransientError(f"{releases.uri}/{path} cannot be created, nor is it listed")
        created = datetime.now(UTC).replace(microsecond=0)
        release = Release(model=model, number=number, created=created, **facts)
        text = release.recorded((releases / model).uri).model_dump_json(indent=2) + "\n"
        if releases.create(path, text.encode()):
            return release, Standing.NEW
        lost = number


def _read_all(folder: Prefix, model: str, sizes: dict[str, int]) -> list[Release]:
    """The records in a model's folder, in their order, from the sizes of its JSON files."""
    if sizes and not NAME.fullmatch(model):
        raise BadInputError(
            f"{folder.uri} holds {shown(min(sizes))}, but {shown(model)} is no model's name; "
            "move it away"
        )
    for name in sorted(sizes):
        if not _RECORD.fullmatch(name):
            raise BadInputError(
                f"{folder.uri}/{shown(name)} is no release record: their names are 000001.json to "
                f"{LAST}.json; move it away"
            )
    records = []
    for number, name in enumerate(sorted(sizes), 1):
        if name != f"{number:06d}.json":
            raise BadInputError(
                f"{folder.uri}: expected {number:06d}.json, found {name}; bring back the record "
                "that is missing, or move away what stands beside the numbers from 1"
            )
        records.append(_read(folder, model, number, sizes[name]))
    return records


def _read(folder: Prefix, model: str, number: int, size: int) -> Release:
    path = f"{number:06d}.json"
    what = f"{folder.uri}/{path} is not a release"
    if size > MAX_BYTES:
        raise BadInputError(f"{what}: {size} bytes, at most {MAX_BYTES}; bring back the record")
    try:
        record = Release.parse(folder.read(path), what).placed(folder.uri)
    except ValueError as error:
        raise BadInputError(f"{what}: {error}") from error
    if (record.model, record.number) != (model, number):
        raise BadInputError(
            f"{what} of its place: it says number {record.number} of {shown(record.model)}; bring "
            f"back the record that was number {number} of {model}"
        )
    return record
