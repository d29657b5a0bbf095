"""Settings of the check job."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from jobs.command.quantity import Count
from jobs.command.settings import OPERATIONAL, JobSettings, Uri, artifact_input


class CheckSettings(JobSettings):
    """Says whether merge will take these models: by merge's own check, before any is trained.

    Reads configs, tokenizers and headers; of tensors only heads that must equal embeddings.
    """

    job: ClassVar[str] = "check"
    kind: ClassVar[str] = "check"
    version: ClassVar[str] = "1"
    example: ClassVar[str] = (
        "--base models/qwen/base --instruct models/qwen/instruct --onto models/qwen/base "
        "--will-train true --out /data/check"
    )

    base: Annotated[Uri, artifact_input("model")]
    """URI of the original base model."""
    instruct: Annotated[Uri, artifact_input("model")]
    """URI of its instruct twin."""
    onto: Annotated[Uri, artifact_input("model")]
    """URI of the model that will receive the residual, or of that which will be trained to it."""
    will_train: bool = False
    """--onto will be trained before the merge: config, names and shapes stay, values do not."""
    vocabulary: Annotated[Literal["refuse", "extend"], OPERATIONAL] = "refuse"
    """As merge will have it: embeddings of different numbers of rows are refused, or extended."""
    allow_config: Annotated[tuple[str, ...], OPERATIONAL] = ()
    """As merge will have it: fields of config.json that may differ, each by name."""
    max_bytes: Annotated[Count, OPERATIONAL] = Field(2**28, ge=2**16, le=2**50)
    """As merge will have it: most bytes of memory that headers and index may take."""
