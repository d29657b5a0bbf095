"""What the run took beside what the plan expected, by job.

A step's time is that of the attempt that ended it, as its manifest tells. Its clock ends when the
manifest was created and begins that many seconds before: so the clock of the whole includes
queues and pauses, and steps side by side count once.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from jobs.artifacts.manifest import Manifest
from jobs.kinds.expected import Expected, ExpectedJob, total
from jobs.kinds.promises import PROCESSOR
from jobs.records import Record
from jobs.report.evidence.lineage import JOBS, Step


class JobCost(Record):
    """All steps of one job, together. What is not known is None."""

    job: str
    steps: int
    seconds: float | None
    gpu_hours: float | None
    bytes: int | None
    money: float | None
    """At the plan's price of an hour of this job."""
    expected: ExpectedJob = ExpectedJob()


class Costs(Record):
    """Of all jobs, in their order."""

    jobs: tuple[JobCost, ...]
    clock_seconds: float | None
    """From the start of this run's first step to the end of its last one."""
    expected_clock_seconds: float | None
    currency: str | None

    @property
    def whole(self) -> JobCost:
        """All jobs as one: a sum is None where nothing of it is known, else of what is known."""
        jobs, plans = self.jobs, [job.expected for job in self.jobs]
        bytes_expected = [plan.bytes for plan in plans]
        return JobCost(
            job="",
            steps=sum(job.steps for job in jobs),
            seconds=_known(job.seconds for job in jobs),
            gpu_hours=_known(job.gpu_hours for job in jobs),
            bytes=_whole(_known(job.bytes for job in jobs)),
            money=_known(job.money for job in jobs),
            expected=ExpectedJob(
                seconds=_known(plan.seconds for plan in plans),
                gpu_hours=_known(plan.gpu_hours for plan in plans),
                bytes=_whole(_known(bytes_expected)),
                money=_known(plan.money for plan in plans),
            ),
        )


def costs(steps: Sequence[Step], run: str, expected: Expected | None) -> Costs:
    """Of the steps below `run`, and of those that all runs of the store share."""
    plan = expected or Expected()
    own = [step for step in steps if step.uri.startswith(f"{run}/")]
    runs = run.rpartition("/")[0]
    shared = [step for step in steps if not step.uri.startswith(f"{runs}/")]
    jobs = [_of_job(job, [s for s in (*own, *shared) if s.job == job], plan) for job in JOBS]
    return Costs(
        jobs=tuple(job for job in jobs if job.steps or job.expected != ExpectedJob()),
        clock_seconds=clock(step.manifest for step in own if step.manifest),
        expected_clock_seconds=plan.clock_seconds,
        currency=plan.currency,
    )


def clock(manifests: Iterable[Manifest]) -> float | None:
    """Seconds from the first start to the last end; None where no step tells its time."""
    spans = [
        (manifest.created, seconds)
        for manifest in manifests
        if (seconds := number(manifest.statistics.get("seconds"))) is not None
    ]
    if not spans:
        return None
    begun = min(_before(end, seconds) for end, seconds in spans)
    return (max(end for end, _ in spans) - begun).total_seconds()


def number(value: object) -> float | None:
    """A statistic that is a number from 0 to some hundred years of seconds; else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e10:
        return None
    return float(value)


def _before(end: datetime, seconds: float) -> datetime:
    try:
        return end - timedelta(seconds=seconds)
    except OverflowError:
        return end


def _of_job(job: str, steps: Sequence[Step], plan: Expected) -> JobCost:
    manifests = [step.manifest for step in steps if step.manifest]
    expected = plan.jobs.get(job, ExpectedJob())
    seconds = _known(number(manifest.statistics.get("seconds")) for manifest in manifests)
    money = None
    if seconds is not None and expected.money is not None and expected.seconds:
        money = expected.money * seconds / expected.seconds
    return JobCost(
        job=job,
        steps=len(steps),
        seconds=seconds,
        gpu_hours=total(_gpu_hours(manifest.statistics) for manifest in manifests),
        bytes=sum(file.bytes for m in manifests for file in m.files) if manifests else None,
        money=money,
        expected=expected,
    )


def _gpu_hours(statistics: dict[str, Any]) -> float | None:
    """None where the step does not say what it computed on."""
    seconds, device = number(statistics.get("seconds")), statistics.get("device")
    if seconds is None or not isinstance(device, str):
        return None
    processes = number(statistics.get("processes", 1))
    if device.startswith(PROCESSOR) or processes is None:
        return 0.0
    return seconds * processes / 3600


def _known(amounts: Iterable[float | None]) -> float | None:
    known = [amount for amount in amounts if amount is not None]
    return sum(known) if known else None


def _whole(amount: float | None) -> int | None:
    return None if amount is None else int(amount)
