"""The report on a run, from its manifests and scores alone.

It has no clock or path of its own: the same run makes the same report.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

from jobs.artifacts.manifest import Input
from jobs.artifacts.reading import Artifact
from jobs.kinds.expected import Expected
from jobs.report.document import Candidate, ModelScores, Report, Role, StepRecord
from jobs.report.evidence import paper_numbers
from jobs.report.evidence.averages import average, averages
from jobs.report.evidence.collect import CPT, Run, Scored
from jobs.report.evidence.costs import costs
from jobs.report.evidence.earlier import last_release
from jobs.report.evidence.examples import asked
from jobs.report.evidence.lineage import Step, walk
from jobs.report.evidence.training import Training, training_of
from jobs.report.evidence.weights import weights_of
from jobs.report.gate import Evidence, Tolerance, Verdict, decide, worst
from jobs.report.settings import ReportSettings

ORIGINALS = ("base", "instruct")
REFRESHED = "refreshed-base"
"""Names under which every run scores these models."""


def compose(run: Run, tolerance: Tolerance, expected: Expected | None = None) -> Report:
    """The report on a run, beside what the plan `expected` of it.

    Raises BadInputError where its lineage does not hold.
    """
    steps = walk(run.artifacts.values())
    lineage = tuple(_record(run, step) for step in steps)
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
        default_tolerance=_default_tolerance(),
        candidates=tuple(
            _candidate(run, name, artifact, verdicts[name])
            for name, artifact in sorted(run.candidates.items(), key=lambda c: c[0] not in main)
        ),
        columns=run.columns,
        models=tuple(_model(run, scored) for scored in _in_order(run)),
        paper=_paper(run),
        training=_training(run, steps),
        costs=costs(steps, run.uri.rpartition("/")[0], expected),
        asked=asked(run.artifacts),
        lineage=lineage,
    )


def _default_tolerance() -> Tolerance:
    fields = ReportSettings.model_fields
    return Tolerance(fields["max_loss_of_ability"].default, fields["max_chance_of_loss"].default)


def _training(run: Run, steps: Sequence[Step]) -> Training | None:
    if CPT not in run.artifacts:
        return None
    cpt = run.artifacts[CPT]
    rows = cpt.manifest.inputs.get("rows")
    packed = next((s.manifest for s in steps if rows and s.digest == rows.digest), None)
    return training_of(cpt, packed.settings if packed else {}, packed.statistics if packed else {})


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
        ability=verdict.ability,
        news=verdict.news,
        weights=weights_of(artifact),
        earlier=last_release(run.store, artifact, name, run.bundle_digest),
    )


def _in_order(run: Run) -> list[Scored]:
    """Originals, then the refreshed base, then controls, then candidates, then any others."""
    candidates = (*_main(run), *run.candidates)  # those that decide come first
    order = dict.fromkeys((*ORIGINALS, REFRESHED, *run.controls, *candidates))
    known = {name: index for index, name in enumerate(order)}
    return sorted(run.models, key=lambda model: (known.get(model.name, len(order)), model.name))


def _model(run: Run, model: Scored) -> ModelScores:
    return ModelScores(
        name=model.name,
        digest=model.digest,
        role=_role(run, model),
        scores=tuple(model.scores.get(column) for column in run.columns),
        averages=averages(run.columns, model.scores),
        bits_per_byte=model.bits,
        num_items=model.num_items,
    )


def _role(run: Run, model: Scored) -> Role:
    if model.name in run.candidates:
        return Role.CANDIDATE
    if model.name in run.controls:
        return Role.CONTROL
    if model.name == REFRESHED:
        return Role.REFRESHED
    sources = [item.manifest.inputs.get("instruct") for item in run.candidates.values()]
    if model.digest in [source.digest for source in sources if source]:
        return Role.INSTRUCT
    return Role.ORIGINAL if model.name in ORIGINALS else Role.OTHER


def _paper(run: Run) -> tuple[ModelScores, ...]:
    return tuple(
        ModelScores(
            name=model.name,
            digest=None,
            role=Role.PAPER,
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
