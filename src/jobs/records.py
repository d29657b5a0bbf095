"""Records: what is read from the store and must be just what it says; and reading them."""

from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from jobs.errors import BadInputError
from jobs.words import shortened


class Record(BaseModel):
    """Base of all records: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @classmethod
    def parse(cls, data: bytes, what: str) -> Self:
        """From JSON. Raises BadInputError; `what` begins its line, "<uri> is not a manifest"."""
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise BadInputError(f"{what}: {first_problem(error)}") from error


def first_problem(error: ValidationError) -> str:
    """The first problem as one line: where (unless it concerns the whole), and what is wrong."""
    first = error.errors()[0]
    where = shortened(ascii(".".join(map(str, first["loc"])))[1:-1])
    said = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {said}" if where else said
