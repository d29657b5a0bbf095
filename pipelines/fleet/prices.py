"""The fleet's prices, by which the plan tells what a refresh costs."""

from typing import Annotated

from pydantic import ConfigDict, Field

from jobs.records import Record
from jobs.validation import Shape


class Prices(Record):
    """What an hour costs, as the fleet's own provider has it."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    currency: Annotated[str, Shape(r"^[A-Z]{3}$", "three capital letters such as EUR")]
    """Of all prices, as its three letters: EUR, USD."""
    gpu: float = Field(ge=0, le=10**6, allow_inf_nan=False)
    """One GPU for an hour, with the processors and memory beside it."""
    cpu: float = Field(ge=0, le=10**6, allow_inf_nan=False)
    """One processor for an hour, with the memory beside it, where a step has no GPU."""
