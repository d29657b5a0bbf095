"""A report on what strangers wrote: HTML without script, Markdown without links, all of it seen."""

import math
import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from jobs.artifacts.manifest import Input
from jobs.errors import BadInputError
from jobs.report.compose import compose
from jobs.report.document import Report
from jobs.report.evidence.collect import open_run, read_run
from jobs.report.evidence.earlier import Earlier
from jobs.report.evidence.examples import Asked
from jobs.report.gate import Tolerance
from jobs.report.pages import render as pages
from jobs.report.pages.escaping import code, markdown
from jobs.report.pages.links import TO_STORE, hub_link, manifest_link
from jobs.report.pages.render import _drawn, render
from jobs.report.settings import ReportSettings
from tests.jobs.report.fake_run import CANDIDATE, TRAINED, make_run
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
        self.urls += [value for name, value in attrs if "href" in name or name == "src"]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Report:
    run = make_run(tmp_path_factory.mktemp("store"), train=TRAINED)
    opened = open_run(ReportSettings(run=run.uri, out=run.uri))
    return compose(read_run(run.uri, opened), Tolerance(1.0, 0.5))


@pytest.fixture(scope="module")
def drawn(plain: Report) -> dict[str, Any]:
    return _drawn(plain)


@pytest.fixture
def pictures(drawn: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the plain report, once: what they say of hostile names is asked of them alone."""
    monkeypatch.setattr(pages, "_drawn", lambda _: drawn)


def told(report: Report, text: str) -> Report:
    """The report with a text in each field that a record of the store fills."""
    lineage = tuple(
        step.model_copy(
            update={
                "job": step.job if step.job in ("crawl", "pack", "merge", "ingest") else text,
                "version": text,
                "uri": text,
                "digest": step.digest,
                "inputs": dict.fromkeys([text], next(iter(step.inputs.values()), NOWHERE)),
                "settings": {"period": text},
                "statistics": {
                    text: text[:60], "kept": 1, "tokens": text[:60], "removed": {text: 1},
                    "parameters": 7, "architecture": text, "source": text, "revision": "0" * 40,
                },
            }
        )
        for step in report.lineage
    )  # fmt: skip
    models = tuple(
        model.model_copy(update={"name": text}) if model.name == "base" else model
        for model in report.models
    )
    made_from = dict.fromkeys([text], NOWHERE)
    earlier = Earlier(
        number=1, created=datetime(2026, 9, 1, tzinfo=UTC), decision=text, override=text, run=text,
        periods=(text,),
    )  # fmt: skip
    candidate = report.candidates[0].model_copy(
        update={"reasons": (text,), "uri": text, "made_from": made_from, "earlier": earlier}
    )
    assert report.training is not None
    training = report.training.model_copy(
        update={"device": text, "image": text, "software": {text: text}, "settings": {text: text}}
    )
    answers = {CANDIDATE: text, "instruct": text}
    asked = (
        Asked(task=text, prompt=text, answers=answers),
        Asked(task="heldout", prompt=text, bits_per_byte={CANDIDATE: 1.0}),
    )
    column = report.columns[0].model_copy(update={"benchmark": text, "label": text})
    return report.model_copy(
        update={
            "family": text, "run": text, "suite": text, "reasons": (text, text), "periods": (text,),
            "lineage": lineage, "models": models, "candidates": (candidate, candidate),
            "training": training, "asked": asked, "columns": (column, *report.columns[1:]),
        }
    )  # fmt: skip


def without_links(tags: list[tuple[str, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """What is no path of a store, and no model of the hub, is not linked to."""
    return [tag for tag in tags if tag[0] != "a"]


OURS = re.compile(
    r"(\.\./){5,6}[A-Za-z0-9%._~/-]+/manifest\.json|https://arxiv\.org/abs/[0-9.]+|#[a-z0-9]+"
)


@each
@pytest.mark.usefixtures("pictures")
def test_html(plain: Report, text: str) -> None:
    mine = Tags(render("report.html", told(plain, "plain")))
    page = render("report.html", told(plain, f"{text} {READABLE}"))
    found = Tags(page)
    assert without_links(found.tags) == without_links(mine.tags)
    assert [url for url in found.urls if not OURS.fullmatch(url or "")] == []
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
    assert without_links(found.tags) == without_links(mine.tags)
    assert [url for url in found.urls if not OURS.fullmatch(url or "")] == []
    assert unseen(pages[1]) == []
    assert "hunter2" not in pages[1]
    assert READABLE.split()[0] in found.text
    assert pages[0].count("\n") == pages[1].count("\n")


def test_pictures_of_models_with_hostile_names(plain: Report) -> None:
    """Names are letters, digits and dashes where they are read; here none of that is relied on."""
    texts = [f"{text} {READABLE}" for text in HOSTILE.values()]
    models = tuple(plain.models[0].model_copy(update={"name": text}) for text in texts)
    candidates = tuple(plain.candidates[0].model_copy(update={"model": text}) for text in texts)
    drawn = _drawn(plain.model_copy(update={"models": models, "candidates": candidates}))
    assert len(drawn["score_pictures"]) == 3
    for picture in (drawn["gate_picture"], *drawn["score_pictures"]):
        found = Tags(picture)
        assert {tag for tag, _ in found.tags} <= {"svg", "g", "path", "text", "use", "defs"}
        assert all(url and url.startswith("#") for url in found.urls)
        assert unseen(picture) == []
        assert "hunter2" not in picture


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("runs/a b/c?d#e", f"{TO_STORE}runs/a%20b/c%3Fd%23e/manifest.json"),
        ("javascript:alert(1)", None),
        ("../../etc", None),
        ("/etc/x", None),
        ("//evil.example/x", None),
        ("a/./b", None),
        ("s3://bucket/x", None),
        ('x"onclick="y', f"{TO_STORE}x%22onclick%3D%22y/manifest.json"),
        ("x](y)", f"{TO_STORE}x%5D%28y%29/manifest.json"),
        ("\ud800", f"{TO_STORE}%3F/manifest.json"),
        ("", None),
    ],
)
def test_links_to_manifests(uri: str, address: str | None) -> None:
    assert manifest_link(uri) == address


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("source", "commit", "address"),
    [
        ("Qwen/Qwen2.5-1.5B", COMMIT, f"https://huggingface.co/Qwen/Qwen2.5-1.5B/tree/{COMMIT}"),
        ("Qwen/Qwen2.5-1.5B", "main", None),
        ("Qwen/Qwen2.5-1.5B", None, None),
        ("/srv/models/x", COMMIT, None),
        ("../evil/x", COMMIT, None),
        ("a/b/c", COMMIT, None),
        ("a/b?x", COMMIT, None),
        (7, COMMIT, None),
    ],
)
def test_links_to_the_hub(
    plain: Report, source: object, commit: object, address: str | None
) -> None:
    step = next(step for step in plain.lineage if step.job == "ingest")
    told = step.model_copy(update={"statistics": {"source": source, "revision": commit}})
    assert hub_link(told) == (None if address is None else (source, address))


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


@pytest.mark.usefixtures("pictures")
@pytest.mark.parametrize("value", ["many", None, [1], {"a": 1}, 1.5, True, 10**39, -1, math.nan])
def test_statistics_of_another_type(plain: Report, value: object) -> None:
    names = ("tokens", "rows", "seconds", "kept", "total", "removed", "parameters", "steps")
    lineage = tuple(
        step.model_copy(update={"statistics": dict.fromkeys(names, value)})
        for step in plain.lineage
    )
    assert "<h2>Lineage" in render("report.html", plain.model_copy(update={"lineage": lineage}))
