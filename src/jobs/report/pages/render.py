"""Draws the pages: HTML, Markdown and the model card, each from a template, all escaped."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from jobs.report.document import Candidate, ModelScores, Report, StepRecord, periods
from jobs.report.evidence.averages import GROUPS, TITLES, Score
from jobs.report.gate import CERTAIN, signed
from jobs.report.pages.chart import draw
from jobs.report.pages.facts import count, duration, facts, size, small
from jobs.report.pages.weights_chart import draw_weights
from jobs.words import one_line

STORY = ("crawl", "curate", "pack", "train", "merge")
"""The jobs whose statistics are told under "What was done"."""
NONE = "–"


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


def render(name: str, report: Report, candidate: Candidate | None = None) -> str:
    """The page `name` (report.html, report.md or model-card.md).

    `candidate` is the one whose scores are told; by default the first that decides for the run.
    """
    html = name.endswith(".html")
    environment = Environment(
        loader=PackageLoader("jobs.report.pages"),
        autoescape=html,  # noqa: S701 (Markdown is escaped by `markdown`)
        finalize=visible if html else markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        points=points,
        signed=_signed,
        code=code,
        count=count,
        facts=facts,
        duration=duration,
        small=_small,
        percent=percent,
    )
    shown = candidate or next(c for c in report.candidates if c.model == report.main_candidates[0])
    told = report.ancestry(candidate.digest) if candidate else report.lineage
    scores, instruct = report.scored(shown.model), report.scored(shown.instruct)
    return environment.get_template(f"{name}.j2").render(
        report=report,
        candidate=shown,
        scores=scores,
        instruct=instruct,
        rows=score_rows(report, scores, instruct),
        has_change=len(report.main_candidates) == 1 and bool(scores and instruct),
        bits_change=_bits_change(scores, instruct),
        num_items=_num_items(report, scores),
        total_seconds=math.fsum(_seconds(step) or 0 for step in report.lineage),
        chart=draw(report),
        moved=[(c, draw_weights(c.weights)) for c in report.candidates if c.weights],
        story=[step for job in STORY for step in told if step.job == job],
        periods=periods(told),
        lineage=list(lineage_rows(report.lineage)),
        titles=TITLES,
        certain=CERTAIN,
        dash=NONE,
    )


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


def _group(group: str | None) -> str | None:
    return group if group in GROUPS else None


def _change(candidate: Score | None, instruct: Score | None) -> float | None:
    return candidate.value - instruct.value if candidate and instruct else None


def lineage_rows(steps: Sequence[StepRecord]) -> Iterator[LineageRow]:
    """One row an artifact; the scores of one model share a row."""
    scores: dict[str, list[StepRecord]] = {}
    for step in steps:
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
            size=size(sum(part.bytes or 0 for part in parts)),
            created=max(f"{part.created:%Y-%m-%d}" for part in parts if part.created),
            seconds=duration(sum(seconds)) if seconds else NONE,
        )


def _lineage_row(step: StepRecord) -> LineageRow:
    seconds = _seconds(step)
    return LineageRow(
        job=step.job,
        version=step.version or NONE,
        uri=step.uri,
        digest=step.digest[:12],
        made_from=_made_from(step),
        size=NONE if step.bytes is None else size(step.bytes),
        created=f"{step.created:%Y-%m-%d}" if step.created else NONE,
        seconds=NONE if seconds is None else duration(seconds),
    )


def _made_from(step: StepRecord) -> tuple[tuple[str, str], ...]:
    return tuple((name, item.digest[:12]) for name, item in step.inputs.items())


def _bits_change(candidate: ModelScores | None, instruct: ModelScores | None) -> float | None:
    bits = [model.bits_per_byte if model else None for model in (candidate, instruct)]
    return None if bits[0] is None or bits[1] is None else bits[0] - bits[1]


def _num_items(report: Report, model: ModelScores | None) -> str:
    """Items by task, in the order of the table."""
    found = model.num_items if model else {}
    tasks = dict.fromkeys([*(column.task for column in report.columns), *found])
    return ", ".join(f"{task} {count(found[task])}" for task in tasks if task in found) or NONE


def _seconds(step: StepRecord) -> float | None:
    seconds = step.statistics.get("seconds")
    return float(seconds) if isinstance(seconds, int | float) else None


def points(score: Score | None) -> str:
    """A score as in the paper's tables: two decimals."""
    if score is None:
        return NONE
    return f"{score.value:.2f}" if math.isfinite(score.value) else "no number"


def _signed(value: float | None, digits: int = 2) -> str:
    return NONE if value is None or not math.isfinite(value) else signed(value, digits)


def _small(value: float | None) -> str:
    return NONE if value is None else small(value)


def percent(share: float) -> str:
    """A share of 1, in which "all" and "none" are exact.

    >>> percent(0.9732), percent(0.99999), percent(1.0), percent(1e-6)
    ('97.3 %', '> 99.9 %', '100 %', '< 0.1 %')
    """
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    text = f"{100 * share:.1f} %"
    return {"0.0 %": "< 0.1 %", "100.0 %": "> 99.9 %"}.get(text, text)


def visible(value: Any) -> Any:
    """Text as one line of visible characters, which HTML then escapes."""
    return value if isinstance(value, Markup) else one_line(_folded(value))


def markdown(value: Any) -> Any:
    """Text that Markdown shows as it is, and links to nothing; what `code` made is left alone."""
    if isinstance(value, Markup):
        return value
    text = re.sub(r"([\\`*_{}\[\]<>|#~&!$])", r"\\\1", one_line(_folded(value)))
    text = re.sub(r"(?i)(:)(?=//)|(?<=www)(\.)|(@)", r"\\\g<0>", text)  # else made into a link
    return re.sub(r"^([-+=](?![0-9])|[0-9]+(?=[.)](?: |$)))", _not_a_list, text)


def _not_a_list(mark: re.Match[str]) -> str:
    """What begins a line would begin a list or a heading."""
    return f"{mark[0]}\\" if mark[0][0].isdecimal() else f"\\{mark[0]}"


def code(value: object) -> Markup:
    """A Markdown code span, in which only backticks, bars and line breaks mean anything."""
    text = one_line(_folded(value)).replace("`", "'").replace("|", "¦") or " "
    return Markup(f"`{text}`")  # noqa: S704 (for Markdown alone; HTML escapes by itself)


def _folded(value: object) -> str:
    """With each blank or line break as one blank."""
    return re.sub(r"\s+", " ", str(value)).strip()
