"""What was done, a sentence a step, from the few statistics that say what went in and came out.

All else that a job counted stands in its manifest, to which the lineage links.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from jobs import numbers
from jobs.report.document import StepRecord
from jobs.report.pages.facts import count

Statistics = Mapping[str, Any]


def story(steps: Sequence[StepRecord]) -> Iterator[tuple[StepRecord, str]]:
    """Each step that has a sentence, in the order of `TOLD`."""
    for job, sentence in TOLD.items():
        for step in steps:
            if step.job == job and (words := sentence(step.statistics)):
                yield step, words


def _crawled(told: Statistics) -> str:
    kept, pages = _count(told, "kept"), _count(told, "pages")
    if kept is None:
        return ""
    of = f" from {pages} pages" if pages else ""
    failed = "".join(
        f"; {amount} {what} failed"
        for what in ("archives", "publishers")
        if (amount := _count(_inner(told, what), "failed")) and amount != "0"
    )
    return f"{kept} articles{of}{failed}"


def _curated(told: Statistics) -> str:
    kept, total = _count(told, "kept"), _count(told, "total")
    if kept is None:
        return ""
    removed = [
        f"{amount} {rule.replace('_', ' ')}"
        for rule in _inner(told, "removed")
        if (amount := _count(_inner(told, "removed"), rule)) and amount != "0"
    ]
    of = f" of {total}" if total else ""
    return f"{kept}{of} articles kept" + (f"; removed: {', '.join(removed)}" if removed else "")


def _packed(told: Statistics) -> str:
    tokens, rows, articles = (_count(told, name) for name in ("tokens", "rows", "articles"))
    if tokens is None or rows is None:
        return ""
    of = f" of {articles} articles" if articles else ""
    heldout = _count(told, "heldout_articles")
    return f"{tokens} tokens{of} in {rows} rows" + (f"; {heldout} held out" if heldout else "")


def _trained(told: Statistics) -> str:
    steps, tokens = _count(told, "steps"), _count(told, "tokens")
    if steps is None or tokens is None:
        return ""
    resumed = _count(told, "resumed_at_step")
    again = f"; continued at step {resumed}" if resumed and resumed != "0" else ""
    return f"{steps} steps over {tokens} tokens{again}"


def _merged(told: Statistics) -> str:
    parameters = _number(told, "parameters")
    if parameters is None:
        return ""
    written = _number(told, "bytes_written")
    return f"{numbers.count(parameters)} parameters" + (
        f", {numbers.num_bytes(written)} written" if written else ""
    )


def _imported(told: Statistics) -> str:
    parameters, kind = _number(told, "parameters"), told.get("architecture")
    if parameters is None:
        return ""
    return f"{numbers.count(parameters)} parameters" + (f", {kind}" if type(kind) is str else "")


TOLD: Mapping[str, Callable[[Statistics], str]] = {
    "crawl": _crawled,
    "curate": _curated,
    "ingest": _imported,
    "pack": _packed,
    "train": _trained,
    "merge": _merged,
}
"""Job → the sentence of its statistics; empty where they do not say enough."""


def _number(told: Statistics, name: str) -> float | None:
    value = told.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e18:
        return None
    return value


def _count(told: Statistics, name: str) -> str | None:
    value = _number(told, name)
    return None if value is None else count(value)


def _inner(told: Statistics, name: str) -> Statistics:
    value = told.get(name)
    return value if isinstance(value, Mapping) else {}
