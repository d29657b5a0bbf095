"""The tables of what was decided: the scores, what the gate compared, and the last release."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from jobs.kinds.promises import Decision
from jobs.report.document import Candidate, ModelScores, Report
from jobs.report.evidence.averages import GROUPS, TITLES, Score
from jobs.report.gate import CERTAIN, Ability, News, signed
from jobs.report.pages.facts import NONE, bits, change, percent, points


@dataclass(frozen=True)
class Row:
    """One line of the table of scores; an average has no metric."""

    benchmark: str
    metric: str
    cells: tuple[Score | None, ...]
    change: float | None

    @property
    def is_average(self) -> bool:
        return not self.metric


@dataclass(frozen=True)
class Compared:
    """One number that the gate compared, as text; `decision` is None where it alone says none."""

    what: str
    value: str
    limit: str
    decision: Decision | None = None


@dataclass(frozen=True)
class Beside:
    """One number of the last release, and of this candidate."""

    what: str
    before: str
    now: str
    change: str


def score_rows(
    report: Report, candidate: ModelScores | None, instruct: ModelScores | None
) -> list[Row]:
    """The table in the paper's order; after each group its average, at the end the whole."""
    models = [*report.models, *report.paper]
    rows: list[Row] = []
    for group in (*GROUPS, None):
        indices = [i for i, c in enumerate(report.columns) if _group(c.group) == group]
        for i in indices:
            column, cells = report.columns[i], tuple(model.scores[i] for model in models)
            pair = [model.scores[i] if model else None for model in (candidate, instruct)]
            rows.append(Row(column.benchmark, column.label, cells, _change(*pair)))
        name = group or "average"
        if indices or not group:
            cells = tuple(model.averages.get(name) for model in models)
            pair = [model.averages.get(name) if model else None for model in (candidate, instruct)]
            rows.append(Row(TITLES[name], "", cells, _change(*pair)))
    return rows


def compared(report: Report, candidate: Candidate) -> list[Compared]:
    """Every number that a rule of the gate compared for a candidate, and its limit."""
    rows: list[Compared] = []
    if candidate.ability:
        rows += _ability(report, candidate.ability)
    if candidate.news:
        rows.append(_news(candidate.news))
    lacks = [reason for reason in candidate.reasons if reason.startswith(_FLAWS)]
    decision = Decision.GO if not lacks else Decision.INCONCLUSIVE
    if any(reason.startswith("Not a number") for reason in lacks):
        decision = Decision.NO_GO
    rows.append(
        Compared("Scores that are missing, partial or no number", str(len(lacks)), "none", decision)
    )
    return rows


_FLAWS = ("Not a number", "Not scored", "Scored on a part", "Nothing was scored")


def _ability(report: Report, ability: Ability) -> Iterator[Compared]:
    yield Compared(
        "Average, candidate − instruct",
        f"{ability.candidate.value:.2f} − {ability.instruct.value:.2f} = "
        f"{signed(ability.difference)} points",
        f"{signed(ability.limit, 2)}{_compared_to_default(report, 'max_loss')}",
    )
    yield Compared(
        "Its standard error, the two taken as independent", f"{ability.stderr:.2f} points", NONE
    )
    yield Compared(
        "Its 95 % interval, ± 1.96 standard errors",
        f"{signed(ability.low)} to {signed(ability.high)} points",
        NONE,
    )
    tolerance = report.tolerance
    lost = f"{tolerance.max_loss:g} point{'' if tolerance.max_loss == 1 else 's'}"
    yield Compared(
        f"Chance that more than {lost} were lost" if tolerance.max_loss != 1
        else f"Chance that more than {lost} was lost",
        percent(ability.chance),
        f"GO up to {tolerance.max_chance:.0%}{_compared_to_default(report, 'max_chance')}, "
        f"NO-GO from {CERTAIN:.0%}".replace("%", "\u00a0%"),
        ability.decision,
    )  # fmt: skip


def _compared_to_default(report: Report, name: str) -> str:
    """Whether a fleet relaxed one of the gate's limits, in words; empty where it did not."""
    given, default = getattr(report.tolerance, name), getattr(report.default_tolerance, name)
    if given == default:
        return ""
    shown = f"{-default:.2f}".replace("-", "−") if name == "max_loss" else f"{default:.0%}"
    return f" ({'relaxed' if given > default else 'stricter'}; the default is {shown})"


def relaxed(report: Report) -> str:
    """A sentence on limits that a fleet relaxed; empty where it did not."""
    given, default = report.tolerance, report.default_tolerance
    parts = []
    if given.max_loss > default.max_loss:
        parts.append(f"{given.max_loss:g} points may be lost where {default.max_loss:g} is default")
    if given.max_chance > default.max_chance:
        parts.append(
            f"the chance of a larger loss may be {given.max_chance:.0%} where "
            f"{default.max_chance:.0%} is default"
        )
    return f"Relaxed limit: {', and '.join(parts)}." if parts else ""


def _news(news: News) -> Compared:
    return Compared(
        "Bits per byte of held-out articles, candidate − instruct",
        f"{bits(news.candidate)} − {bits(news.instruct)} = {change(news.difference, 4)}",
        "below 0",
        news.decision,
    )


def beside(candidate: Candidate, scores: ModelScores | None) -> list[Beside]:
    """The last release's averages beside the candidate's; empty where either is not known."""
    past = candidate.earlier
    if past is None or scores is None:
        return []
    rows = []
    for name, title in TITLES.items():
        before, now = past.averages.get(name), scores.averages.get(name)
        if before or now:
            moved = _change(now, before) if past.is_comparable else None
            rows.append(Beside(title, points(before), points(now), change(moved)))
    rows.append(
        Beside(
            "Held-out news of its own month, bits per byte",
            bits(past.bits_per_byte),
            bits(scores.bits_per_byte),
            NONE,
        )
    )
    return rows


def _group(group: str | None) -> str | None:
    return group if group in GROUPS else None


def _change(candidate: Score | None, instruct: Score | None) -> float | None:
    if candidate is None or instruct is None:
        return None
    value = candidate.value - instruct.value
    return value if math.isfinite(value) else None
