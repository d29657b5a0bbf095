"""What an artifact of kind ``scores`` holds: results of one task, and one record an item.

results.json    `Results`
items.jsonl     what the model answered to each item, and how that was scored
"""

from typing import Any, Final

from jobs.artifacts.reading import Artifact
from jobs.records import Record

RESULTS = "results.json"
ITEMS = "items.jsonl"

HELDOUT_TASK: Final = "heldout"
"""The task that is no suite's: the loss on held-out articles."""
BITS_PER_BYTE: Final = "bits_per_byte"


class Metric(Record):
    """One metric of a task; a value of None is one that could not be computed."""

    value: float | None
    stderr: float | None = None
    higher_is_better: bool


class Results(Record):
    """The scores of one model on one task, and how they were come by."""

    task: str
    model_digest: str
    num_items: int
    limit: int | None = None
    """Only so many items of each single task were scored; None for all."""
    metrics: dict[str, Metric]
    lm_eval_version: str
    task_version: str
    num_fewshot: int
    chat_template_applied: bool
    generation: dict[str, Any]
    """Single task → settings of generation."""

    @classmethod
    def of(cls, scores: Artifact) -> "Results":
        """Raises BadInputError where the artifact's are not understood."""
        return cls.parse(scores.read(RESULTS), f"{scores.uri}/{RESULTS}")
