"""The store of docs/gate.md: its families have the scores that the page's table gives."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from jobs.store.prefix import Prefix
from tests.docs.pages import tokens
from tests.jobs.report.fake_run import FakeRun
from tests.jobs.report.test_report import report
from tests.support.paths import ROOT

HEADING = "The scores of the examples"
INSTRUCTS = "each instruct model"
"""What the row is called that holds for every family."""
TASKS = {"ifeval": 0.02, "arc_easy": 0.01, "piqa": 0.02}
"""The table's tasks, and the standard error of each that the page gives."""
REPORTED = {("alder", "news-2026-11"), ("alder", "news-2026-12")}
"""Whose reports the page takes as made."""
_SCORE = re.compile(r"([0-9.]+)(?: \(([0-9]+) items\))?")


def fill(store: str, scratch: Path) -> None:
    """Writes the page's store: made in a folder, which is faster, and copied."""
    (instruct,) = [row for row in _table() if row[0] == INSTRUCTS]
    for name, run_name, *scores in _table():
        if name == INSTRUCTS:
            continue
        candidate = f"{name}-instruct"
        run = FakeRun(scratch, name, str(Path(__file__).parent / "small.yaml"), run_name, candidate)
        run.make_sources()
        _score(run, "instruct", instruct[2:])
        _score(run, candidate, scores)
        if (name, run_name) in REPORTED:
            report(run)
    for path in scratch.rglob("*"):
        if path.is_file():
            Prefix(store).write(path.relative_to(scratch).as_posix(), path.read_bytes())


def _score(run: FakeRun, model: str, cells: list[str]) -> None:
    columns = zip(TASKS.items(), run.suite.columns, cells[:-1], strict=True)
    for (task, error), column, cell in columns:
        if found := _SCORE.fullmatch(cell):
            items = int(found[2]) if found[2] else None
            metrics = {column.metric: (float(found[1]) / 100, None if items else error)}
            run.score(model, task, metrics, num_items=items or 1000, limit=items)
    run.score(model, "heldout", {"bits_per_byte": (float(cells[-1]), None)})


def _table() -> Iterator[list[str]]:
    """The rows of the page's table of scores: family, run, a cell for each task, bits per byte."""
    found = tokens(ROOT / "docs/gate.md")
    begin = next(at for at, token in enumerate(found) if token.content == HEADING)
    row: list[str] = []
    for before, token in pairwise(found[begin:]):
        if before.type == "td_open":
            row.append(token.content)
        elif token.type == "tr_close" and row:
            yield row
            row = []
        elif token.type == "table_close":
            return
