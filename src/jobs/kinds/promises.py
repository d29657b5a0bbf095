"""What each job promises of its artifact's ``statistics``: the keys that others rely on.

Light to import, as settings name them (`JobSettings.promises`). Every commit is held to its
promise, and every reader reads through one, so that a key renamed on one side only is an error at
once. What else a job tells is for people.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from jobs.records import Promised

OutputName = Annotated[str, Field(pattern="^[a-z][a-z_-]*$")]
OutputText = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9-]{0,99}$")]
"""A word, as it becomes a part of later steps' paths and flags: a digest, a number, a decision."""


class Outputs(Promised):
    """Of any job: output parameters of its step beside the digest, by name."""

    outputs: Mapping[OutputName, OutputText] = {}

    @property
    def by_parameter(self) -> dict[str, str]:
        """As the workflow spells them."""
        return {name.replace("_", "-"): text for name, text in self.outputs.items()}


class KeptArticles(Promised):
    """Of crawl and curate."""

    kept: int
    """Articles there are."""


class ImportedModel(Promised):
    """Of ingest."""

    parameters: int


class PackedRows(Promised):
    """Of pack, for the rows to train on."""

    rows: int
    tokens: int
    heldout_tokens: int | None = None
    """Of the articles that are kept out."""


class Change(Promised):
    """What moved some of the weights: training is onto − base, the residual instruct − base.

    Norms are Frobenius norms. One is None where not known, as that of training is where a stored
    residual was added onto a model whose base was not at hand.
    """

    elements: int = Field(ge=0)
    changed: int = Field(ge=0)
    """Elements of the result that differ from onto's (of a residual: that are not zero)."""
    training_norm: float | None = Field(ge=0, allow_inf_nan=False)
    residual_norm: float | None = Field(ge=0, allow_inf_nan=False)
    cosine: float | None = Field(allow_inf_nan=False)
    """Between the two; None also where one of them is zero."""


class GroupChange(Change):
    """One group of tensors; `layer` is None for those that belong to no layer."""

    layer: int | None
    group: str


class MovedWeights(Promised):
    """Of merge: the whole model, and each group by layer."""

    change: Change
    groups: tuple[GroupChange, ...]


class Decision(StrEnum):
    """What the gate says."""

    GO = "GO"
    NO_GO = "NO-GO"
    INCONCLUSIVE = "INCONCLUSIVE"


class Decided(Promised):
    """Of report."""

    decision: Decision
    """The worst of the candidates that decide."""
