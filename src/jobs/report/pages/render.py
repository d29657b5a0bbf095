"""Draws the pages: HTML, Markdown and the model card, each from a template, all escaped."""

import math
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from jobs import numbers
from jobs.report.compose import periods
from jobs.report.document import Candidate, ModelScores, Report, Role
from jobs.report.evidence.averages import TITLES
from jobs.report.evidence.examples import Asked
from jobs.report.gate import CERTAIN
from jobs.report.pages.charts.gate import draw_gate
from jobs.report.pages.charts.loss import draw_loss
from jobs.report.pages.charts.scores import draw_scores
from jobs.report.pages.charts.weights import draw_weights
from jobs.report.pages.deciding import beside, compared, relaxed, score_rows
from jobs.report.pages.escaping import code, link, markdown, said, visible
from jobs.report.pages.facts import (
    NONE,
    bits,
    change,
    count,
    percent,
    points,
    small_or_none,
)
from jobs.report.pages.links import CARD_TO_STORE, manifest_link
from jobs.report.pages.making import cost_rows, lineage_rows, training_facts
from jobs.report.pages.story import story
from jobs.report.pages.terms import METRICS, benchmark_url, terms_of

MAX_ASKED = 2
"""Items of each task that are shown with their answers."""
MAX_ANSWER, MAX_PROMPT = 320, 400
"""Characters that are shown; report.json has what evaluate told, some hundred more."""


@dataclass(frozen=True)
class Moved:
    """A candidate whose weights are told of, and the pictures of them."""

    candidate: Candidate
    pictures: list[Markup]


def render(name: str, report: Report, candidate: Candidate | None = None) -> str:
    """The page `name` (report.html, report.md or model-card.md).

    `candidate` is the one whose scores are told; by default the first that decides for the run.
    """
    html = name.endswith(".html")
    shown = candidate or next(c for c in report.candidates if c.model == report.main_candidates[0])
    told = report.ancestry(shown.digest) if candidate else report.lineage
    context = _context(report, shown) | (_drawn(report) if html else {"moved": _moved(report)})
    return (
        _environment(html=html)
        .get_template(f"{name}.j2")
        .render(
            **context,
            story=list(story(told)),
            periods=periods(told),
            card_link=lambda uri: manifest_link(uri, CARD_TO_STORE),
        )
    )


def _environment(*, html: bool) -> Environment:
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
        bits=bits,
        signed=change,
        code=code,
        link=link,
        said=said,
        count=count,
        tokens=numbers.count,
        duration=numbers.seconds,
        small=small_or_none,
        percent=percent,
        source=benchmark_url,
    )
    return environment


def _context(report: Report, shown: Candidate) -> dict[str, Any]:
    """What every page is told."""
    scores, instruct = report.scored(shown.model), report.scored(shown.instruct)
    first = (shown.instruct, shown.model)
    beside_them = (Role.REFRESHED, Role.CONTROL, Role.OTHER)
    others = [model.name for model in report.models if model.role in beside_them]
    asked = _asked(report, shown)
    return {
        "report": report,
        "candidate": shown,
        "scores": scores,
        "instruct": instruct,
        "answering": [name for name in (*first, *others) if name],
        "asked": [item for item in asked if item.answers],
        "news": [item for item in asked if item.bits_per_byte],
        "rows": score_rows(report, scores, instruct),
        "has_change": len(report.main_candidates) == 1 and bool(scores and instruct),
        "bits_change": _bits_change(scores, instruct),
        "num_items": _num_items(report, scores),
        "compared": {item.model: compared(report, item) for item in report.candidates},
        "relaxed": relaxed(report),
        "earlier": shown.earlier,
        "beside": beside(shown, scores),
        "training": training_facts(report.training) if report.training else [],
        "costs": cost_rows(report.costs),
        "sum_seconds": report.costs.whole.seconds,
        "lineage": list(lineage_rows(report)),
        "terms": terms_of(report.columns),
        "metrics": METRICS,
        "titles": TITLES,
        "certain": CERTAIN,
        "dash": NONE,
        "max_answer": MAX_ANSWER,
        "max_prompt": MAX_PROMPT,
    }


def _drawn(report: Report) -> dict[str, Any]:
    """The pictures."""
    return {
        "gate_picture": draw_gate(report.candidates),
        "score_pictures": draw_scores(report),
        "loss_picture": draw_loss(report.training) if report.training else None,
        "moved": [
            Moved(item.candidate, draw_weights(str(number), item.candidate.weights))
            for number, item in enumerate(_moved(report))
            if item.candidate.weights
        ],
    }


def _moved(report: Report) -> list[Moved]:
    return [Moved(item, []) for item in report.candidates if item.weights]


def _asked(report: Report, shown: Candidate) -> list[Asked]:
    """Of each task the first items that the candidate answered; of articles all."""
    found: dict[str, list[Asked]] = {}
    for item in report.asked:
        if shown.model in item.answers or shown.model in item.bits_per_byte:
            found.setdefault(item.task, []).append(item)
    return [
        item
        for items in found.values()
        for item in (items if items[0].bits_per_byte else items[:MAX_ASKED])
    ]


def _bits_change(candidate: ModelScores | None, instruct: ModelScores | None) -> float | None:
    values = [model.bits_per_byte if model else None for model in (candidate, instruct)]
    if values[0] is None or values[1] is None:
        return None
    moved = values[0] - values[1]
    return moved if math.isfinite(moved) else None


def _num_items(report: Report, model: ModelScores | None) -> str:
    """Items by task, in the order of the table."""
    found = model.num_items if model else {}
    tasks = dict.fromkeys([*(column.task for column in report.columns), *found])
    return ", ".join(f"{task} {count(found[task])}" for task in tasks if task in found) or NONE
