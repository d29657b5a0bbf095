"""The fleet's pools and sizes, which a step's placement refers to."""

from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from jobs.command.quantity import Count
from jobs.records import Record
from pipelines.fleet.sections import COUNT_SCHEMA

QUANTITY = r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"
LABEL = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$"
"""A label's value in Kubernetes."""


class Placement(Record):
    """Pools and sizes; each field is a parameter of the workflow (``train-gpus``)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    cpu_pool: str = Field("cpu", pattern=LABEL)
    """Node pool (label perennial.dev/pool) of the steps that need no GPU."""
    gpu_pool: str = Field("gpu", pattern=LABEL)
    """Node pool of training and evaluation."""
    train_gpus: int = Field(8, ge=0, le=1024)
    """GPUs of a training pod; give train.processes the same number."""
    evaluate_gpus: int = Field(1, ge=0, le=1024)
    """GPUs of an evaluation pod."""
    train_cpu: str = Field("32", pattern=QUANTITY)
    """Processors of a training pod."""
    train_memory: str = Field("256Gi", pattern=QUANTITY)
    """Memory of a training pod."""
    evaluate_cpu: str = Field("8", pattern=QUANTITY)
    """Processors of an evaluation pod."""
    evaluate_memory: str = Field("64Gi", pattern=QUANTITY)
    """Memory of an evaluation pod."""
    data_cpu: str = Field("8", pattern=QUANTITY)
    """Processors of crawl, curate, pack, merge, ingest and bundle."""
    data_memory: str = Field("32Gi", pattern=QUANTITY)
    """Memory of crawl, curate, pack, merge, ingest and bundle."""

    gpu_memory: Annotated[Count, Field(ge=2**30, le=2**44), WithJsonSchema(COUNT_SCHEMA)] = (
        80 * 2**30
    )
    """Memory of one GPU of the pool, as 80GiB (an A100); a plan tells by it what cannot fit."""

    def parameters(self) -> dict[str, str]:
        """Workflow parameter → text, of all that a step is placed by."""
        values = self.model_dump(exclude={"gpu_memory"})
        return {name.replace("_", "-"): str(value) for name, value in values.items()}
