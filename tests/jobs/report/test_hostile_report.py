"""A report on what strangers wrote: HTML without script, Markdown without links, all of it seen."""

from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from jobs.artifacts.manifest import Input
from jobs.errors import BadInputError
from jobs.report.document import Report, compose
from jobs.report.evidence.collect import open_run, read_run
from jobs.report.gate import Tolerance
from jobs.report.pages.render import code, markdown, render
from jobs.report.settings import ReportSettings
from tests.jobs.report.fake_run import CANDIDATE, make_run
from tests.support.hostile import HOSTILE, READABLE, unseen

NOWHERE = Input(uri="/x", digest="0" * 64)
each = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


class Tags(HTMLParser):
    """Every tag with the names of its attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.urls: list[str | None] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, tuple(name for name, _ in attrs)))
        self.urls += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Report:
    run = make_run(tmp_path_factory.mktemp("store"))
    opened = open_run(ReportSettings(run=run.uri, out=run.uri))
    return compose(read_run(run.uri, opened), Tolerance(1.0, 0.5))


def told(report: Report, text: str) -> Report:
    """The report with a text in each field that a record of the store fills."""
    lineage = tuple(
        step.model_copy(
            update={
                "job": step.job if step.job in ("crawl", "pack", "merge") else text,
                "version": text,
                "uri": text,
                "digest": step.digest,
                "inputs": dict.fromkeys([text], next(iter(step.inputs.values()), NOWHERE)),
                "settings": {"period": text},
                "statistics": {text: text[:60], "tokens": text[:60], "counts": {text: 1}},
            }
        )
        for step in report.lineage
    )
    models = tuple(
        model.model_copy(update={"name": text}) if model.name == "base" else model
        for model in report.models
    )
    made_from = dict.fromkeys([text], NOWHERE)
    candidate = report.candidates[0].model_copy(
        update={"reasons": (text,), "uri": text, "made_from": made_from}
    )
    return report.model_copy(
        update={
            "family": text, "run": text, "suite": text, "reasons": (text, text), "periods": (text,),
            "lineage": lineage, "models": models, "candidates": (candidate, candidate),
        }
    )  # fmt: skip


@each
def test_html(plain: Report, text: str) -> None:
    mine = Tags(render("report.html", told(plain, "plain")))
    page = render("report.html", told(plain, f"{text} {READABLE}"))
    found = Tags(page)
    assert found.tags == mine.tags
    assert found.urls == []
    assert unseen(page) == []
    assert "hunter2" not in page
    assert READABLE.split()[0] in found.text


@each
@pytest.mark.parametrize("name", ["report.md", "model-card.md"])
def test_markdown(plain: Report, name: str, text: str) -> None:
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    pages = []
    for value in ("plain", f"{text} {READABLE}"):
        report = told(plain, value)
        pages.append(render(name, report, candidate=report.candidates[0]))
    mine, found = (Tags(reader.render(page)) for page in pages)
    assert found.tags == mine.tags
    assert found.urls == []
    assert unseen(pages[1]) == []
    assert "hunter2" not in pages[1]
    assert READABLE.split()[0] in found.text
    assert pages[0].count("\n") == pages[1].count("\n")


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("see https://evil.example", "see https\\://evil.example"),
        ("www.evil.example", "www\\.evil.example"),
        ("me@evil.example", "me\\@evil.example"),
        ("- x", "\\- x"),
        ("12. x", "12\\. x"),
        ("+0.035", "+0.035"),
        ("1.5 GB", "1.5 GB"),
        ("![i](x)", "\\!\\[i\\](x)"),
        ("&lt;b&gt;", "\\&lt;b\\&gt;"),
        ("a\u2028b\x1b", "a b\\\\x1b"),
    ],
)
def test_what_markdown_would_take_for_its_own(text: str, escaped: str) -> None:
    assert markdown(text) == escaped


def test_code_spans() -> None:
    assert code("a`b|c\nd\x1b") == "`a'b¦c d\\x1b`"
    assert code("") == "` `"


@pytest.mark.parametrize("name", ["-x", "a b", "x\u202ey", "<b>", "[x](y)", "é"])
def test_a_folder_of_another_name_is_refused(tmp_path: Path, name: str) -> None:
    run = make_run(tmp_path)
    folder = Path(run.uri) / "candidates"
    (folder / CANDIDATE).rename(folder / name)
    with pytest.raises(BadInputError, match="has a folder named") as caught:
        open_run(ReportSettings(run=run.uri, out=run.uri))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("tokens", ["many", None, [1], {"a": 1}, 1.5, True, 10**39])
def test_statistics_of_another_type(tmp_path: Path, tokens: object) -> None:
    run = make_run(tmp_path)
    opened = open_run(ReportSettings(run=run.uri, out=run.uri))
    report = compose(read_run(run.uri, opened), Tolerance(1.0, 0.5))
    lineage = tuple(
        step.model_copy(update={"statistics": {"tokens": tokens, "seconds": tokens}})
        for step in report.lineage
    )
    assert "<h2>Lineage" in render("report.html", report.model_copy(update={"lineage": lineage}))
