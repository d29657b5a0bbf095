"""How the refreshed base was trained: settings, what it ran on, and the loss on the way."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.kinds.promises import HeldoutPoint, LossPoint, Trained
from jobs.records import Record

MAX_POINTS = 400
"""Of the loss; stores of earlier versions have one a step, however many there were."""


class Training(Record):
    """One training, as its manifest tells. What earlier versions did not tell is None or empty."""

    settings: Mapping[str, Any]
    sequence_length: int | None
    """Tokens of a row, as pack was told."""
    rows: int | None
    """Rows that there were, of which an epoch is one pass."""
    image: str | None
    software: Mapping[str, str] = {}
    device: str | None = None
    processes: int | None = None
    steps: int | None = None
    tokens: int | None = None
    tokens_per_second: float | None = None
    mfu: float | None = None
    resumed_at_step: int = 0
    heldout_loss_before: float | None = None
    heldout_loss_after: float | None = None
    heldout: tuple[HeldoutPoint, ...] = ()
    """On the way."""
    skipped_batch: int | None = None
    memory_bytes: int | None = None
    curve: tuple[LossPoint, ...] = ()

    @property
    def tokens_per_batch(self) -> int | None:
        """The most: rows are not all full."""
        rows = self.settings.get("batch_rows")
        if not isinstance(rows, int) or self.sequence_length is None:
            return None
        return rows * self.sequence_length


def training_of(trained: Artifact, packed: Mapping[str, Any], rows: Mapping[str, Any]) -> Training:
    """Of a model that train wrote; `packed` are the settings of pack, `rows` its statistics."""
    told = trained.statistics
    common: dict[str, Any] = {
        "settings": trained.manifest.settings,
        "sequence_length": _integer(packed.get("sequence_length")),
        "rows": _integer(rows.get("rows")),
        "image": trained.manifest.producer.image,
    }
    if "history" not in told:
        return Training(**common)
    found = Trained.told(told, trained.uri)
    facts = found.model_dump(exclude={"history"}, include=set(Trained.model_fields))
    return Training(**common, **facts, curve=thinned(found.history))


def thinned(curve: Sequence[LossPoint], max_points: int = MAX_POINTS) -> tuple[LossPoint, ...]:
    """At most `max_points`, each a mean over equally many."""
    every = math.ceil(len(curve) / max_points) or 1
    groups = (curve[start : start + every] for start in range(0, len(curve), every))
    return tuple(
        group[-1].model_copy(update={"loss": math.fsum(p.loss for p in group) / len(group)})
        if len(group) > 1
        else group[0]
        for group in groups
    )


def _integer(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None
