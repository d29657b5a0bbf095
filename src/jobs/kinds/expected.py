"""What the plan expected of a family's jobs, for the report to show beside what came.

`perennial run` works it out and hands it to the family's report as JSON text, which shows it; no
artifact's identity depends on it. Whatever was not known is None, never 0.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Self

from pydantic import Field

from jobs.records import Record
from jobs.validation import Shape

MAX_CHARACTERS = 10_000
"""Of the JSON text: it travels as a parameter of the workflow."""
_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class ExpectedJob(Record):
    """Of all steps of one job that the family needs, together."""

    seconds: _Amount | None = None
    """Their sum, as if one was done after the other."""
    gpu_hours: _Amount | None = None
    bytes: Annotated[int, Field(ge=0)] | None = None
    """Of the artifacts that they write."""
    money: _Amount | None = None
    """In the currency of the whole."""


class Expected(Record):
    """What was expected of a family's jobs, by the job's name (`train`)."""

    jobs: Mapping[
        Annotated[str, Shape("^[a-z]{1,20}$", "a job's name such as train")], ExpectedJob
    ] = {}
    clock_seconds: _Amount | None = None
    """From the first step's start to the last one's end, in the order of the steps."""
    currency: Annotated[str, Shape("^[A-Z]{3}$", "three capital letters such as EUR")] | None = None
    """ISO 4217 code, such as EUR; None where nothing has a price."""

    @classmethod
    def from_text(cls, text: str) -> Self | None:
        """From the setting's text; None for an empty one. Raises BadInputError."""
        if not text:
            return None
        return cls.parse(text.encode(), "what the plan expected")

    def to_text(self) -> str:
        """As the setting's text: one line of ASCII, without what is not known."""
        return json.dumps(self.model_dump(exclude_none=True), separators=(",", ":"))


def total(amounts: Iterable[float | None]) -> float | None:
    """The sum, or None where one of them is not known (or there is none)."""
    found = list(amounts)
    known = [amount for amount in found if amount is not None]
    return sum(known) if found and len(known) == len(found) else None
