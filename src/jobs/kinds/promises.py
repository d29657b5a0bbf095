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
from jobs.validation import Shape

PROCESSOR = "CPU"
"""How the name of a device begins that is no accelerator."""
OutputName = Annotated[str, Shape("^[a-z][a-z_-]*$", "small letters, _ and -")]
OutputText = Annotated[
    str, Shape("^[A-Za-z0-9][A-Za-z0-9-]{0,99}$", "at most 100 letters, digits and dashes")
]
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
    vocabulary: str | None = None
    """`jobs.kinds.vocabulary.ordinary_digest` of the tokenizer; earlier versions told none."""


class LossPoint(Promised):
    """Some steps of training one after another: as a rule one, in long runs a few together."""

    step: int
    """Number of the last of them, from 0."""
    loss: float = Field(allow_inf_nan=False)
    """Mean loss a token, in nats, of what was trained on in them."""
    rate: float = Field(allow_inf_nan=False)
    """Learning rate of the last one."""
    tokens: float = Field(ge=0, allow_inf_nan=False)
    """Trained on in them."""


class HeldoutPoint(Promised):
    """The loss on held-out rows on the way."""

    step: int
    """Steps done before."""
    loss: float = Field(allow_inf_nan=False)
    """Mean a token, in nats."""


class Trained(Promised):
    """Of train. `device` and `software` are of later versions, and not in every store."""

    steps: int
    tokens: int
    resumed_at_step: int
    """First step of the attempt that ended it; `seconds` are of that attempt alone."""
    tokens_per_second: float
    mfu: float | None = None
    """Model FLOPs utilisation, as a share of 1; None where the device's peak is not known."""
    heldout_loss_before: float | None
    """Loss a token on held-out rows before the first step, in nats; None without such rows."""
    heldout_loss_after: float | None
    heldout: tuple[HeldoutPoint, ...] = ()
    """On the way, where it was asked for."""
    skipped_batch: int | None = None
    """Number of the batch at which the loss diverged, and which was left out then."""
    memory_bytes: int | None = None
    """The most that process 0 had of its GPU's memory."""
    processes: int
    device: str | None = None
    """What each process computed on, by its maker's name."""
    software: Mapping[str, str] = {}
    """Package → version."""
    history: tuple[LossPoint, ...]
    """The whole way, in at most some hundred points."""


class Example(Promised):
    """One item as it was put to a model, and what came; the same for each model that is scored."""

    prompt: str
    """Its beginning; of an article its title."""
    answer: str | None = None
    """Beginning of the text that the model wrote, where the task asks for one."""
    bits_per_byte: float | None = None
    """What the model needs for an article, where the task is the loss on them."""


class Evaluated(Promised):
    """Of evaluate; earlier versions told neither."""

    examples: tuple[Example, ...] = ()
    """The first few items of a task, the same of each model."""
    device: str | None = None
    """What it computed on, by its maker's name."""


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
