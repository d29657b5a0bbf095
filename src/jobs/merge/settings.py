"""Settings of the merge job."""

from typing import Annotated, ClassVar

from pydantic import Field

from jobs.command_line import OPERATIONAL, JobSettings, Uri, artifact_input
from jobs.quantity import Count


class MergeSettings(JobSettings):
    """Carries instruction following over: candidate = onto + (instruct - base), in one stream."""

    job: ClassVar[str] = "merge"
    kind: ClassVar[str] = "model"
    version: ClassVar[str] = "1"

    base: Annotated[Uri, artifact_input("model")]
    """URI of the original base model."""
    instruct: Annotated[Uri, artifact_input("model")]
    """URI of its instruct twin; tokenizer, chat template and generation settings are its."""
    onto: Annotated[Uri, artifact_input("model")]
    """URI of the model that receives the residual: the newly trained base, or a derived model."""
    shard_bytes: Count = Field(5 * 10**9, ge=1)
    """Largest size of one shard of the result, in bytes."""
    max_bytes: Annotated[Count, OPERATIONAL] = Field(2**28, ge=2**16)
    """Most bytes of tensors held in memory at a time."""
