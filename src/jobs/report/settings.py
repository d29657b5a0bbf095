"""Settings of the report job."""

from typing import Annotated, ClassVar

from pydantic import Field, field_validator

from jobs.command.settings import OPERATIONAL, JobSettings, Uri
from jobs.errors import BadInputError
from jobs.kinds.expected import MAX_CHARACTERS, Expected
from jobs.kinds.promises import Decided


class ReportSettings(JobSettings):
    """Sets a family's scores, counts and lineage out as HTML, Markdown and JSON, and gates."""

    job: ClassVar[str] = "report"
    example: ClassVar[str] = "--run s3://bucket/perennial/runs/news-2026-10/qwen --out /data/report"
    kind: ClassVar[str] = "report"
    version: ClassVar[str] = "3"
    promises = Decided
    only_here: ClassVar[tuple[str, ...]] = ("out", "run")

    run: Annotated[Uri, OPERATIONAL]
    """URI of the family's run: the prefix that holds cpt, candidates and scores."""
    max_loss_of_ability: float = Field(1.0, ge=0, le=100)
    """Points of the average that a candidate may lose against its instruct model."""
    max_chance_of_loss: float = Field(0.5, gt=0, le=0.5)
    """Highest chance of a larger loss for GO: 0.5 lets the measured difference decide, 0.05
    demands that a larger loss is ruled out."""
    expected: Annotated[str, OPERATIONAL] = Field("", max_length=MAX_CHARACTERS)
    """What the plan expected of the family's jobs, as JSON (`jobs.kinds.expected`); the report
    shows it beside what came. `perennial run` gives it."""

    @field_validator("expected")
    @classmethod
    def _is_what_a_plan_expects(cls, text: str) -> str:
        try:
            Expected.from_text(text)
        except BadInputError as error:
            raise ValueError(f"{error}; leave it out, and the report shows no plan") from error
        return text
