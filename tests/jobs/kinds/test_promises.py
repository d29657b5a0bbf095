"""What one job promises another in its statistics: kept by the writer, checked by the reader."""

from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import ValidationError

from jobs.artifacts.reading import Artifact
from jobs.command.running import Job, begin, finish
from jobs.command.settings import JobSettings
from jobs.errors import BadInputError
from jobs.kinds.promises import KeptArticles, PackedRows
from tests.support.pico import commit


class CrawlLike(JobSettings):
    job: ClassVar[str] = "crawl"
    kind: ClassVar[str] = "articles"
    version: ClassVar[str] = "1"
    promises = KeptArticles


def begun(store: str) -> Job[CrawlLike]:
    job = begin(CrawlLike(out=store), {})
    assert job is not None
    return job


def test_a_renamed_key_is_met_before_the_commit(store: str) -> None:
    job = begun(store)
    with pytest.raises(ValidationError, match="kept\n  Field required"):
        finish(job, {"articles_kept": 3})
    with pytest.raises(BadInputError, match="no artifact at"):
        Artifact.open(store)


class IngestLike(CrawlLike):
    outputs: ClassVar[tuple[str, ...]] = ("digest", "tokenizer-digest")


def test_an_output_that_is_not_told_is_met_before_the_commit(store: str) -> None:
    job = begin(IngestLike(out=store), {})
    assert job is not None
    with pytest.raises(KeyError, match=r"crawl does not tell its outputs .*tokenizer-digest"):
        finish(job, {"kept": 3, "outputs": {"digest_of_tokenizer": "ab"}})
    with pytest.raises(BadInputError, match="no artifact at"):
        Artifact.open(store)
    finish(job, {"kept": 3, "outputs": {"tokenizer_digest": "ab"}})


@pytest.mark.parametrize(
    "outputs",
    [
        {"../evil": "x"}, {"/etc/x": "x"}, {"": "x"}, {"a\n": "x"}, {"A": "x"}, {"ok": 1}, ["a"],
        "a", {"ok": None}, {"ok": ["x"]}, {"ok": ""}, {"ok": "../../x"}, {"ok": "a/b"},
        {"ok": "--out"}, {"ok": "a\nb"}, {"ok": "a\n"}, {"ok": "a\x1b[2J"}, {"ok": "a b"},
        {"ok": "{{workflow.name}}"}, {"ok": "$HOME"}, {"ok": "\u0661"}, {"ok": "a\0"},
        {"ok": "x" * 101},
    ],
)  # fmt: skip
def test_outputs_in_a_forged_manifest_are_refused(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs: object
) -> None:
    """Their names become names of files, their texts parts of the next steps' paths and flags."""
    monkeypatch.setenv("PERENNIAL_OUTPUTS", str(tmp_path / "step" / "outputs"))
    job = begun(store)
    job.out.commit({"kept": 3, "outputs": outputs})
    with pytest.raises(BadInputError, match=r"statistics of its manifest: outputs"):
        begin(CrawlLike(out=store), {})
    assert not (tmp_path / "step").exists()


def test_of_a_manifests_outputs_those_that_the_job_declares_are_written(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never its own word for its digest, and never through a link."""
    outputs, elsewhere = tmp_path / "outputs", tmp_path / "elsewhere"
    outputs.mkdir()
    elsewhere.write_text("kept")
    for name in ("digest", "tokenizer-digest", "already-done"):
        (outputs / name).symlink_to(elsewhere)
    monkeypatch.setenv("PERENNIAL_OUTPUTS", str(outputs))
    job = begin(IngestLike(out=store), {})
    assert job is not None
    told = {"tokenizer_digest": "ab", "digest": "f" * 64, "bashrc": "x", "already_done": "x"}
    made = job.out.commit({"kept": 3, "outputs": told})
    assert begin(IngestLike(out=store), {}) is None
    assert {path.name: path.read_text() for path in outputs.iterdir()} == {
        "digest": made.digest, "tokenizer-digest": "ab", "already-done": "",
    }  # fmt: skip
    assert not any(path.is_symlink() for path in outputs.iterdir())
    assert elsewhere.read_text() == "kept"


def test_an_output_that_a_manifest_lacks_is_named(store: str) -> None:
    job = begin(IngestLike(out=store), {})
    assert job is not None
    job.out.commit({"kept": 3})
    with pytest.raises(BadInputError, match="its manifest lack the outputs 'tokenizer-digest'; "):
        begin(IngestLike(out=store), {})


def test_what_is_told_beside_a_promise_is_free(store: str) -> None:
    made = finish(begun(store), {"kept": 3, "note": "for people"})
    assert KeptArticles.told(made.statistics, made.uri).kept == 3


@pytest.mark.parametrize(
    ("statistics", "said"),
    [({}, "rows: is missing"), ({"rows": 1, "tokens": "many"}, "tokens: expected a whole")],
)
def test_a_reader_names_the_artifact_and_the_key(
    store: str, statistics: dict[str, object], said: str
) -> None:
    rows = commit(store, "rows", {}, **statistics)
    with pytest.raises(BadInputError) as caught:
        PackedRows.told(rows.statistics, rows.uri)
    assert str(caught.value).startswith(f"{rows.uri}: statistics of its manifest: {said}")
    assert str(caught.value).endswith("; delete it and run its job again")
