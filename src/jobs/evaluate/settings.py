"""Settings of the evaluate job."""

from typing import Annotated, ClassVar

from pydantic import Field

from jobs.command_line import OPERATIONAL, JobSettings, Uri, artifact_input


class EvaluateSettings(JobSettings):
    """Scores one model on one task with lm-eval, on sealed data, without network."""

    job: ClassVar[str] = "evaluate"
    kind: ClassVar[str] = "scores"
    version: ClassVar[str] = "1"

    model: Annotated[Uri, artifact_input("model")]
    """URI of the model to score."""
    task: str
    """Name of the task in the bundle's suite, or heldout."""
    bundle: Annotated[Uri, artifact_input("bundle")]
    """URI of the sealed evaluation bundle."""
    rows: Annotated[Uri | None, artifact_input("rows")] = None
    """URI of the packed rows whose held-out articles the task heldout scores."""
    limit: int | None = Field(None, ge=1)
    """Score only the first so many items: a quick look, never a gate."""
    batch_size: Annotated[int, OPERATIONAL] = Field(8, ge=1)
    """Items a forward pass."""
