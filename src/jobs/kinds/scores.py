"""What an artifact of kind ``scores`` holds: `RESULTS`, one record a metric."""

from pydantic import BaseModel


class Metric(BaseModel):
    """One metric of a task; a value of None is one that could not be computed."""

    value: float | None
    stderr: float | None = None


class Results(BaseModel):
    """What the report needs of ``results.json``."""

    num_items: int
    limit: int | None = None
    metrics: dict[str, Metric]
