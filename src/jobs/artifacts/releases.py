"""Releases: numbered records that say which artifact a model name stands for.

    <releases>/<model>/000001.json, 000002.json, …

Records are only ever created; the highest number is current, and a rollback is a new record.
Included: reading, and adding by create-if-absent, so that two writers never share a number.
Not included: whether a candidate may be released; that is promote's to ask.
"""

import re
from datetime import UTC, datetime
from typing import Any

from jobs.artifacts.manifest import Input
from jobs.records import Record
from jobs.store.prefix import Prefix

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RECORD = re.compile(rf"({NAME.pattern})/(\d{{6}})\.json")


class Release(Record):
    """One record."""

    schema_version: int = 1
    model: str
    number: int
    candidate: Input
    report: Input
    decision: str
    reasons: tuple[str, ...]
    override: str | None = None
    """Why it was released without a GO."""
    created: datetime


def read_releases(releases: Prefix) -> dict[str, list[Release]]:
    """Model → its records, lowest number first; the last is current."""
    found: dict[str, list[Release]] = {}
    for path, _ in sorted(releases.list()):
        if match := _RECORD.fullmatch(path):
            found.setdefault(match[1], []).append(_read(releases, path))
    return found


def current(releases: Prefix, model: str) -> Release | None:
    """The record that `model` stands for now, or None."""
    paths = [path for path, _ in (releases / model).list() if _RECORD.fullmatch(f"{model}/{path}")]
    return _read(releases / model, max(paths)) if paths else None


def add(releases: Prefix, model: str, **facts: Any) -> tuple[Release, bool]:
    """The record of `facts["candidate"]`, and whether it was made now: the next number, unless
    the current record is of this very candidate.

    Whoever loses a race for a number looks again, so one candidate gets one record.
    """
    while True:
        last = current(releases, model)
        if last and last.candidate.digest == facts["candidate"].digest:
            return last, False
        number = last.number + 1 if last else 1
        created = datetime.now(UTC).replace(microsecond=0)
        release = Release(model=model, number=number, created=created, **facts)
        text = release.model_dump_json(indent=2) + "\n"
        if releases.create(f"{model}/{number:06d}.json", text.encode()):
            return release, True


def _read(prefix: Prefix, path: str) -> Release:
    return Release.parse(prefix.read(path), f"{prefix.uri}/{path} is not a release")
