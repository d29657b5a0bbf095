"""Records: what one job writes and another reads, as types; and reading them from JSON.

A record may come from anybody who can write into the store: it is read strictly and in bounded
memory (`jobs.strict_json`).
"""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.errors import BadInputError
from jobs.strict_json import parse
from jobs.validation import expectation
from jobs.words import shortened

MAX_RECORD_BYTES = 2**28
"""The most memory that reading one record may take: the manifest of some 80,000 files, 15 MB."""
TOO_LARGE = "fewer, larger files are read; else raise MAX_RECORD_BYTES in jobs/records.py"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)

    @classmethod
    def parse(cls, data: bytes, what: str) -> Self:
        """From JSON. Raises BadInputError; `what` begins its line, "<uri> is not a manifest"."""
        try:
            return cls.model_validate(parse(data, "it", MAX_RECORD_BYTES, too_large=TOO_LARGE))
        except BadInputError as error:
            raise BadInputError(f"{what}: {error}") from error
        except ValidationError as error:
            raise BadInputError(f"{what}: {first_problem(error)}") from error


class Record(_Frozen):
    """Base of what is written and read whole: an unknown key is an error."""

    model_config = ConfigDict(extra="forbid")


class Promised(_Frozen):
    """Base of what a job promises within something larger, as the statistics of its artifact.

    Whoever reads relies on these keys only; others may stand beside them.
    """

    @classmethod
    def told(cls, statistics: Mapping[str, Any], uri: str) -> Self:
        """From the statistics of the artifact at `uri`. Raises BadInputError where they lack it."""
        try:
            return cls.model_validate(statistics)
        except ValidationError as error:
            raise BadInputError(
                f"{uri}: statistics of its manifest: {first_problem(error)}; "
                "delete it and run its job again"
            ) from error


def first_problem(error: ValidationError) -> str:
    """The first problem as one line: where (unless it concerns the whole), and what is wrong."""
    first = error.errors()[0]
    where = shortened(ascii(".".join(str(part) for part in first["loc"] if part != "[key]"))[1:-1])
    return f"{where}: {expectation(first)}" if where else expectation(first)
