"""The fleet's pools and sizes, which a step's placement refers to."""

from typing import Annotated

from pydantic import ConfigDict, Field, WithJsonSchema

from jobs.command.quantity import Count
from jobs.records import Record
from jobs.validation import Shape
from pipelines.fleet.sections import COUNT_SCHEMA

Quantity = Annotated[
    str,
    Shape(r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$", "a quantity such as 500m, 8 or 256Gi"),
]
Label = Annotated[
    str,
    Shape(
        r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$",
        "at most 63 letters, digits, dots, _ and -, as a label in Kubernetes",
    ),
]


class Placement(Record):
    """Pools and sizes; each field is a parameter of the workflow (``train-gpus``)."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    cpu_pool: Label = "cpu"
    """Node pool (label perennial.dev/pool) of the steps that need no GPU."""
    gpu_pool: Label = "gpu"
    """Node pool of training and evaluation."""
    train_gpus: int = Field(8, ge=0, le=1024)
    """GPUs of a training pod; give train.processes the same number."""
    evaluate_gpus: int = Field(1, ge=0, le=1024)
    """GPUs of an evaluation pod."""
    train_cpu: Quantity = "32"
    """Processors of a training pod."""
    train_memory: Quantity = "256Gi"
    """Memory of a training pod."""
    evaluate_cpu: Quantity = "8"
    """Processors of an evaluation pod."""
    evaluate_memory: Quantity = "64Gi"
    """Memory of an evaluation pod."""
    data_cpu: Quantity = "8"
    """Processors of crawl, curate, pack, merge, ingest and bundle."""
    data_memory: Quantity = "32Gi"
    """Memory of crawl, curate, pack, merge, ingest and bundle."""

    gpu_memory: Annotated[Count, Field(ge=2**30, le=2**44), WithJsonSchema(COUNT_SCHEMA)] = (
        80 * 2**30
    )
    """Memory of one GPU of the pool, as 80GiB (an A100); a plan tells by it what cannot fit."""

    def parameters(self) -> dict[str, str]:
        """Workflow parameter → text, of all that a step is placed by."""
        values = self.model_dump(exclude={"gpu_memory"})
        return {name.replace("_", "-"): str(value) for name, value in values.items()}
