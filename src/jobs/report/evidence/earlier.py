"""The release that a candidate would follow, and what the report said of it."""

from collections.abc import Mapping

from pydantic import AwareDatetime

from jobs.artifacts.reading import Artifact
from jobs.artifacts.releases import Release, records_of
from jobs.errors import BadInputError
from jobs.kinds.report import REPORT
from jobs.records import Promised, Record
from jobs.report.evidence.averages import Score
from jobs.store.prefix import Prefix

RELEASES = "releases"
"""Where they lie below the store."""


class Earlier(Record):
    """A release, and the scores that its own run gave it."""

    number: int
    created: AwareDatetime
    decision: str
    override: str | None
    run: str | None = None
    periods: tuple[str, ...] = ()
    averages: Mapping[str, Score] = {}
    bits_per_byte: float | None = None
    """Of the held-out articles of its own run, which are others than this one's."""
    is_comparable: bool = False
    """Whether it was scored on the very same sealed items."""


class _PastModel(Promised):
    digest: str | None
    averages: Mapping[str, Score]
    bits_per_byte: float | None


class _PastStep(Promised):
    job: str
    digest: str


class _PastReport(Promised):
    run: str
    periods: tuple[str, ...]
    models: tuple[_PastModel, ...]
    lineage: tuple[_PastStep, ...]


def last_release(store: str, candidate: Artifact, name: str, bundle: str | None) -> Earlier | None:
    """The one that was current when `candidate` was made; None where there was none.

    By that rule the report stays the same, whatever is released later. `bundle` is the digest of
    the items that the candidate was scored on. Raises BadInputError for a record that is none.
    """
    created = candidate.manifest.created
    before = [
        record for record in records_of(Prefix(f"{store}/{RELEASES}"), name)
        if record.created < created and record.candidate.digest != candidate.digest
    ]  # fmt: skip
    return _told(before[-1], bundle) if before else None


def _told(record: Release, bundle: str | None) -> Earlier:
    """With what its report says, where that is still to be read."""
    plain = Earlier(
        number=record.number,
        created=record.created,
        decision=record.decision,
        override=record.override,
    )
    try:
        report = Artifact.open(record.report.uri, "report")
        past = _PastReport.parse(report.read(REPORT), f"{report.uri}/{REPORT} is not a report")
    except BadInputError:
        return plain
    if report.digest != record.report.digest:
        return plain
    model = next((m for m in past.models if m.digest == record.candidate.digest), None)
    if model is None:
        return plain
    bundles = {step.digest for step in past.lineage if step.job == "bundle"}
    return plain.model_copy(
        update={
            "run": past.run,
            "periods": past.periods,
            "averages": model.averages,
            "bits_per_byte": model.bits_per_byte,
            "is_comparable": bundle in bundles,
        }
    )
