"""The report as data: what ``report.json`` holds, and what the pages are drawn from.

URIs below the store are given relative to it, so a store may be moved.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from jobs.artifacts.manifest import Input
from jobs.kinds.promises import Decision
from jobs.records import Record
from jobs.report.evidence.averages import Column, Score
from jobs.report.evidence.costs import Costs
from jobs.report.evidence.earlier import Earlier
from jobs.report.evidence.examples import Asked
from jobs.report.evidence.training import Training
from jobs.report.evidence.weights import Weights
from jobs.report.gate import Ability, News, Tolerance


class Role(StrEnum):
    """What a scored model is to the run."""

    ORIGINAL = "original"
    INSTRUCT = "instruct"
    """An original, too: what a candidate is measured against."""
    REFRESHED = "refreshed"
    CANDIDATE = "candidate"
    CONTROL = "control"
    """Made to compare with: neither gated nor released."""
    OTHER = "other"
    """Scored beside the others, and decides nothing."""
    PAPER = "paper"


class ModelScores(Record):
    """One model's column of the table. A score is None where it was not taken."""

    name: str
    digest: str | None
    role: Role
    scores: tuple[Score | None, ...]
    averages: dict[str, Score]
    bits_per_byte: float | None
    num_items: dict[str, int]

    @property
    def is_candidate(self) -> bool:
        return self.role == Role.CANDIDATE

    @property
    def title(self) -> str:
        """Its name, and that it is a control where it is one."""
        return f"{self.name} (control)" if self.role == Role.CONTROL else self.name


class Candidate(Record):
    """One candidate and the gate's verdict on it."""

    model: str
    uri: str
    digest: str
    made_from: dict[str, Input]
    instruct: str | None
    """Name under which its instruct model was scored."""
    decision: Decision
    reasons: tuple[str, ...]
    ability: Ability | None
    """What the gate compared of its ability, and of the news it learned."""
    news: News | None
    weights: Weights | None
    """What moved its weights, where its merge tells."""
    earlier: Earlier | None
    """The release that it would follow."""


class StepRecord(Record):
    """One artifact of the lineage, as its manifest tells."""

    job: str
    version: str | None
    kind: str | None
    uri: str
    digest: str
    inputs: dict[str, Input]
    created: datetime | None
    bytes: int | None
    settings: dict[str, Any]
    statistics: dict[str, Any]


class Report(Record):
    """All that is reported."""

    schema_version: int = 2
    family: str
    run: str
    periods: tuple[str, ...]
    suite: str
    decision: Decision
    reasons: tuple[str, ...]
    main_candidates: tuple[str, ...]
    """Those made onto the refreshed base; they decide for the run."""
    tolerance: Tolerance
    default_tolerance: Tolerance
    """What the gate tolerates where a fleet says nothing."""
    candidates: tuple[Candidate, ...]
    """Those that decide come first."""
    columns: tuple[Column, ...]
    models: tuple[ModelScores, ...]
    paper: tuple[ModelScores, ...]
    """The paper's own numbers, where the run is of its suite and of one of its families."""
    training: Training | None
    """How the refreshed base was trained."""
    costs: Costs
    asked: tuple[Asked, ...]
    """A few items as the models answered them."""
    lineage: tuple[StepRecord, ...]

    def ancestry(self, digest: str) -> tuple[StepRecord, ...]:
        """The steps that lead to the artifact with this digest, in the order of the lineage."""
        inputs = {
            step.digest: {item.digest for item in step.inputs.values()} for step in self.lineage
        }
        wanted, new = {digest}, {digest}
        while new := {source for known in new for source in inputs.get(known, ())} - wanted:
            wanted |= new
        return tuple(step for step in self.lineage if step.digest in wanted)

    @property
    def controls(self) -> tuple[ModelScores, ...]:
        """What the candidates are compared with beside their instruct model."""
        return tuple(model for model in self.models if model.role == Role.CONTROL)

    def scored(self, name: str | None) -> ModelScores | None:
        """The scores of the model with this name."""
        return next((model for model in self.models if model.name == name), None)
