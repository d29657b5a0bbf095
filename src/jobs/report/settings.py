"""Settings of the report job."""

from typing import Annotated, ClassVar

from pydantic import Field

from jobs.command.settings import OPERATIONAL, JobSettings, Uri
from jobs.kinds.promises import Decided


class ReportSettings(JobSettings):
    """Sets a family's scores, counts and lineage out as HTML, Markdown and JSON, and gates."""

    job: ClassVar[str] = "report"
    example: ClassVar[str] = "--run s3://bucket/perennial/runs/news-2026-10/qwen --out /data/report"
    kind: ClassVar[str] = "report"
    version: ClassVar[str] = "2"
    promises = Decided

    run: Annotated[Uri, OPERATIONAL]
    """URI of the family's run: the prefix that holds cpt, candidates and scores."""
    max_loss_of_ability: float = Field(1.0, ge=0)
    """Points of the average that a candidate may lose against its instruct model."""
    max_chance_of_loss: float = Field(0.5, gt=0, le=0.5)
    """Highest chance of a larger loss for GO: 0.5 lets the measured difference decide, 0.05
    demands that a larger loss is ruled out."""
