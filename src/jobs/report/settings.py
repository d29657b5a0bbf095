"""Settings of the report job."""

from typing import Annotated, ClassVar

from pydantic import Field

from jobs.command_line import OPERATIONAL, JobSettings, Uri


class ReportSettings(JobSettings):
    """Sets a family's scores, counts and lineage out as HTML, Markdown and JSON, and gates."""

    job: ClassVar[str] = "report"
    kind: ClassVar[str] = "report"
    version: ClassVar[str] = "1"

    run: Annotated[Uri, OPERATIONAL]
    """URI of the family's part of a run: the prefix that holds cpt, candidates and scores."""
    max_loss_of_ability: float = Field(1.0, ge=0)
    """GO needs each candidate's average within so many points of its instruct model's."""
