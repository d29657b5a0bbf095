"""The tables of how it was made: settings, what it ran on, time and cost, and the lineage."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from jobs import numbers
from jobs.kinds.expected import ExpectedJob
from jobs.report.document import Report, StepRecord
from jobs.report.evidence.costs import Costs, JobCost, number
from jobs.report.evidence.training import Training
from jobs.report.pages.facts import NONE, count, percent, small
from jobs.report.pages.links import hub_link, manifest_link


@dataclass(frozen=True)
class Fact:
    """One thing that is told of the training."""

    name: str
    value: str


@dataclass(frozen=True)
class CostRow:
    """One job: what the plan expected, and what came, each as (plan, actual)."""

    job: str
    steps: str
    time: tuple[str, str]
    gpu_hours: tuple[str, str]
    size: tuple[str, str]
    money: tuple[str, str]


@dataclass(frozen=True)
class LineageRow:
    """One line of the lineage: an artifact, or all scores of one model."""

    job: str
    version: str
    uri: str
    digest: str
    made_from: tuple[tuple[str, str], ...]
    size: str
    created: str
    seconds: str
    manifest: str | None
    """Address of its manifest, relative to the report."""
    source: tuple[str, str] | None = None
    """(id, address) of a model on the hub."""


def training_facts(training: Training) -> list[Fact]:
    """What whoever would train it again asks for; without what is not known."""
    told = training.settings
    named = [
        ("Learning rate", _setting(told.get("learning_rate"))),
        ("Warm-up, then final share of the rate", _pair(told, "warmup_ratio", "final_ratio")),
        ("Epochs", _setting(told.get("epochs"))),
        ("Batch", _batch(training)),
        ("Row length", _with_unit(training.sequence_length, "tokens")),
        ("Weight decay, gradient clip", _pair(told, "weight_decay", "gradient_clip")),
        ("Seed", _setting(told.get("seed"))),
        ("Steps, tokens", _steps(training)),
        ("Held-out loss, nats a token", _heldout(training)),
        ("Hardware", _hardware(training)),
        ("Speed", _speed(training)),
        ("Software", ", ".join(f"{name} {version}" for name, version in training.software.items())),
        ("Image", training.image),
    ]
    return [Fact(name, value) for name, value in named if value]


def cost_rows(costs: Costs) -> list[CostRow]:
    """A row a job, then the whole, in which a sum that lacks a job is told as "at least"."""
    plans, whole = [job.expected for job in costs.jobs], _cost_row(costs.whole)
    time = (_lacks(p.seconds for p in plans), _lacks(j.seconds for j in costs.jobs))
    money = (_lacks(p.money for p in plans), _lacks(j.money for j in costs.jobs))
    told = replace(
        whole,
        time=_at_least(whole.time, time),
        size=_at_least(whole.size, (_lacks(p.bytes for p in plans), False)),
        money=_at_least(whole.money, money),
    )
    return [*map(_cost_row, costs.jobs), told]


def _cost_row(cost: JobCost) -> CostRow:
    plan: ExpectedJob = cost.expected
    return CostRow(
        job=cost.job or "All",
        steps=count(cost.steps),
        time=(_time(plan.seconds), _time(cost.seconds)),
        gpu_hours=(_hours(plan.gpu_hours), _hours(cost.gpu_hours)),
        size=(_size(plan.bytes), _size(cost.bytes)),
        money=(_money(plan.money), _money(cost.money)),
    )


def _lacks(amounts: Iterable[float | None]) -> bool:
    return any(amount is None for amount in amounts)


def _at_least(pair: tuple[str, str], lacks: tuple[bool, bool]) -> tuple[str, str]:
    plan, actual = (
        f"≥ {text}" if lack and text != NONE else text
        for text, lack in zip(pair, lacks, strict=True)
    )
    return plan, actual


def lineage_rows(report: Report) -> Iterator[LineageRow]:
    """One row an artifact; the scores of one model share a row."""
    scores: dict[str, list[StepRecord]] = {}
    for step in report.lineage:
        if step.kind == "scores":
            scores.setdefault(step.uri.rpartition("/")[0], []).append(step)
        else:
            yield _lineage_row(step)
    for uri, parts in scores.items():
        seconds = [s for part in parts if (s := _seconds(part)) is not None]
        yield LineageRow(
            job=parts[0].job,
            version=parts[0].version or NONE,
            uri=f"{uri}/…",
            digest=count(len(parts)) + (" tasks" if len(parts) > 1 else " task"),
            made_from=_made_from(parts[0]),
            size=numbers.num_bytes(sum(part.bytes or 0 for part in parts)),
            created=max(f"{part.created:%Y-%m-%d}" for part in parts if part.created),
            seconds=numbers.seconds(sum(seconds)) if seconds else NONE,
            manifest=manifest_link(parts[0].uri),
        )


def _lineage_row(step: StepRecord) -> LineageRow:
    return LineageRow(
        job=step.job,
        version=step.version or NONE,
        uri=step.uri,
        digest=step.digest[:12],
        made_from=_made_from(step),
        size=_size(step.bytes),
        created=f"{step.created:%Y-%m-%d}" if step.created else NONE,
        seconds=_time(_seconds(step)),
        manifest=manifest_link(step.uri) if step.created else None,
        source=hub_link(step),
    )


def _made_from(step: StepRecord) -> tuple[tuple[str, str], ...]:
    return tuple((name, item.digest[:12]) for name, item in step.inputs.items())


def _seconds(step: StepRecord) -> float | None:
    return number(step.statistics.get("seconds"))


def _setting(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) and not isinstance(value, bool) else ""


def _pair(told: object, first: str, second: str) -> str:
    values = [_setting(told.get(name)) for name in (first, second)] if hasattr(told, "get") else []
    return ", ".join(values) if all(values) else ""


def _with_unit(value: int | None, unit: str) -> str:
    return "" if value is None else f"{count(value)} {unit}"


def _batch(training: Training) -> str:
    rows, tokens = training.settings.get("batch_rows"), training.tokens_per_batch
    if type(rows) is not int:
        return ""
    return f"{count(rows)} rows" + (f", at most {count(tokens)} tokens" if tokens else "")


def _steps(training: Training) -> str:
    if training.steps is None or training.tokens is None:
        return ""
    told = f"{count(training.steps)}, {numbers.count(training.tokens)}"
    if resumed := training.resumed_at_step:
        told += f"; continued at step {count(resumed)}, and timed from there"
    if training.skipped_batch is not None:
        told += f"; the loss diverged at batch {count(training.skipped_batch)}, which was left out"
    return told


def _heldout(training: Training) -> str:
    before, after = training.heldout_loss_before, training.heldout_loss_after
    return "" if before is None or after is None else f"{before:.3f} → {after:.3f}"


def _hardware(training: Training) -> str:
    if training.device is None:
        return ""
    memory = training.memory_bytes
    most = f", of whose memory {numbers.num_bytes(memory)} at most" if memory else ""
    return f"{count(training.processes or 1)} × {training.device}{most}"


def _speed(training: Training) -> str:
    if training.tokens_per_second is None:
        return ""
    mfu = f", {percent(training.mfu)} of the device's peak" if training.mfu is not None else ""
    return f"{count(round(training.tokens_per_second))} tokens/s{mfu}"


def _time(value: float | None) -> str:
    return NONE if value is None else numbers.seconds(value)


def _hours(value: float | None) -> str:
    return NONE if value is None else small(value, 3) if value < 100 else f"{value:,.0f}"


def _size(value: float | None) -> str:
    return NONE if value is None else numbers.num_bytes(value)


def _money(value: float | None) -> str:
    if value is None:
        return NONE
    return f"{value:,.2f}" if value >= 1 else small(value)
