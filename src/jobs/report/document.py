"""The report as data: what ``report.json`` holds, and what the pages are drawn from.

It is made of manifests and scores alone, with no clock or path of its own: the same run makes
the same report. URIs below the store are given relative to it, so a store may be moved.
"""

import math
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from jobs.artifacts.manifest import Input
from jobs.artifacts.reading import Artifact
from jobs.kinds.promises import Decision
from jobs.records import Record
from jobs.report.evidence import paper_numbers
from jobs.report.evidence.averages import Column, Score, average, averages
from jobs.report.evidence.collect import CPT, Run, Scored
from jobs.report.evidence.lineage import Step, walk
from jobs.report.evidence.weights import Weights, weights_of
from jobs.report.gate import Evidence, Tolerance, Verdict, decide, worst


class ModelScores(Record):
    """One model's column of the table. A score is None where it was not taken."""

    name: str
    digest: str | None
    is_candidate: bool
    is_control: bool
    """Made to compare with: neither gated nor released."""
    scores: tuple[Score | None, ...]
    averages: dict[str, Score]
    bits_per_byte: float | None
    num_items: dict[str, int]

    @property
    def title(self) -> str:
        """Its name, and that it is a control where it is one."""
        return f"{self.name} (control)" if self.is_control else self.name


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
    weights: Weights | None
    """What moved its weights, where its merge tells."""


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

    schema_version: int = 1
    family: str
    run: str
    periods: tuple[str, ...]
    suite: str
    decision: Decision
    reasons: tuple[str, ...]
    main_candidates: tuple[str, ...]
    """Those made onto the refreshed base; they decide for the run."""
    tolerance: Tolerance
    candidates: tuple[Candidate, ...]
    columns: tuple[Column, ...]
    models: tuple[ModelScores, ...]
    paper: tuple[ModelScores, ...]
    """The paper's own numbers, where the run is of its suite and of one of its families."""
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
        return tuple(model for model in self.models if model.is_control)

    def scored(self, name: str | None) -> ModelScores | None:
        """The scores of the model with this name."""
        return next((model for model in self.models if model.name == name), None)


def compose(run: Run, tolerance: Tolerance) -> Report:
    """The report on a run. Raises BadInputError where its lineage does not hold."""
    lineage = tuple(_record(run, step) for step in walk(run.artifacts.values()))
    verdicts = {name: decide(evidence(run, name), tolerance) for name in run.candidates}
    main = _main(run)
    return Report(
        family=run.family,
        run=run.name,
        periods=periods(lineage),
        suite=run.suite,
        decision=worst(verdicts[name].decision for name in main),
        reasons=tuple(
            reason if len(main) == 1 else f"{name}: {reason}"
            for name in main
            for reason in verdicts[name].reasons
        ),
        main_candidates=main,
        tolerance=tolerance,
        candidates=tuple(
            _candidate(run, name, artifact, verdicts[name])
            for name, artifact in run.candidates.items()
        ),
        columns=run.columns,
        models=tuple(_model(run, scored) for scored in _in_order(run)),
        paper=_paper(run),
        lineage=lineage,
    )


def evidence(run: Run, name: str) -> Evidence:
    """What the scores say of one candidate, for the gate."""
    artifact = run.candidates[name]
    candidate = run.model_of(artifact.digest)
    source = artifact.manifest.inputs.get("instruct")
    instruct = run.model_of(source.digest) if source else None
    pair = [model for model in (candidate, instruct) if model]
    both = [column for column in run.columns if all(column in m.scores for m in pair)]
    whole = len(pair) == 2 and bool(both)
    return Evidence(
        candidate=average(both, candidate.scores) if candidate and whole else None,
        instruct=average(both, instruct.scores) if instruct and whole else None,
        candidate_bits=candidate.bits if candidate else None,
        instruct_bits=instruct.bits if instruct else None,
        missing=(*_missing(run, candidate, name), *_missing(run, instruct, "the instruct model")),
        partial=tuple(dict.fromkeys(what for model in pair for what in model.partial)),
        not_numbers=tuple(dict.fromkeys(what for model in pair for what in _not_numbers(model))),
    )


def _missing(run: Run, model: Scored | None, name: str) -> list[str]:
    if model is None:
        return [name]
    missing = {c.task: f"{c.task} of {model.name}" for c in run.columns}
    for task in list(missing):
        columns = [column for column in run.columns if column.task == task]
        if all(column in model.scores for column in columns):
            del missing[task]
    return [*missing.values(), *(["held-out articles of " + model.name] * (model.bits is None))]


def _not_numbers(model: Scored) -> list[str]:
    wrong = [
        f"{column.task} {column.label} of {model.name}"
        for column, score in model.scores.items()
        if not math.isfinite(score.value)
    ]
    if model.bits is not None and not math.isfinite(model.bits):
        wrong.append(f"bits per byte of {model.name}")
    return wrong


def _main(run: Run) -> tuple[str, ...]:
    cpt = run.artifacts.get(CPT)
    onto_cpt = [
        name
        for name, candidate in run.candidates.items()
        if cpt and "onto" in candidate.manifest.inputs
        if candidate.manifest.inputs["onto"].digest == cpt.digest
    ]
    return tuple(onto_cpt or run.candidates)


def _candidate(run: Run, name: str, artifact: Artifact, verdict: Verdict) -> Candidate:
    inputs = artifact.manifest.inputs
    instruct = run.model_of(inputs["instruct"].digest) if "instruct" in inputs else None
    return Candidate(
        model=name,
        uri=_short(run, artifact.uri),
        digest=artifact.digest,
        made_from=_inputs(run, inputs),
        instruct=instruct.name if instruct else None,
        decision=verdict.decision,
        reasons=verdict.reasons,
        weights=weights_of(artifact),
    )


def _in_order(run: Run) -> list[Scored]:
    """Originals, then the refreshed base, then controls, then candidates, then any others."""
    order = ["base", "instruct", "refreshed-base", *run.controls, *run.candidates]
    known = {name: index for index, name in enumerate(order)}
    return sorted(run.models, key=lambda model: (known.get(model.name, len(order)), model.name))


def _model(run: Run, model: Scored) -> ModelScores:
    return ModelScores(
        name=model.name,
        digest=model.digest,
        is_candidate=model.name in run.candidates,
        is_control=model.name in run.controls,
        scores=tuple(model.scores.get(column) for column in run.columns),
        averages=averages(run.columns, model.scores),
        bits_per_byte=model.bits,
        num_items=model.num_items,
    )


def _paper(run: Run) -> tuple[ModelScores, ...]:
    return tuple(
        ModelScores(
            name=model.name,
            digest=None,
            is_candidate=False,
            is_control=False,
            scores=tuple(model.scores.values()),
            averages=averages(run.columns, model.scores),
            bits_per_byte=None,
            num_items={},
        )
        for model in paper_numbers.beside(run.suite, run.family, run.columns)
    )


def periods(steps: Iterable[StepRecord]) -> tuple[str, ...]:
    """The periods that were crawled."""
    return tuple(sorted({str(s.settings["period"]) for s in steps if "period" in s.settings}))


def _record(run: Run, step: Step) -> StepRecord:
    manifest = step.manifest
    return StepRecord(
        job=step.job,
        version=manifest.producer.version if manifest else None,
        kind=manifest.kind if manifest else None,
        uri=_short(run, step.uri),
        digest=step.digest,
        inputs=_inputs(run, manifest.inputs if manifest else {}),
        created=manifest.created if manifest else None,
        bytes=sum(file.bytes for file in manifest.files) if manifest else None,
        settings=manifest.settings if manifest else {},
        statistics=_brief(manifest.statistics if manifest else {}),
    )


def _brief(statistics: dict[str, Any]) -> dict[str, Any]:
    """Without lists, such as the loss of every step: those stay in the step's own manifest."""
    return {name: value for name, value in statistics.items() if not isinstance(value, list)}


def _inputs(run: Run, inputs: dict[str, Input]) -> dict[str, Input]:
    return {
        name: Input(uri=_short(run, item.uri), digest=item.digest) for name, item in inputs.items()
    }


def _short(run: Run, uri: str) -> str:
    return uri.removeprefix(run.store + "/")
