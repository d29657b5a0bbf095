"""What one job promises another in its statistics: kept by the writer, checked by the reader."""

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


def test_what_is_told_beside_a_promise_is_free(store: str) -> None:
    made = finish(begun(store), {"kept": 3, "note": "for people"})
    assert KeptArticles.told(made.statistics, made.uri).kept == 3


@pytest.mark.parametrize(
    ("statistics", "said"),
    [({}, "rows: Field required"), ({"rows": 1, "tokens": "many"}, "tokens: Input should be a")],
)
def test_a_reader_names_the_artifact_and_the_key(
    store: str, statistics: dict[str, object], said: str
) -> None:
    rows = commit(store, "rows", {}, **statistics)
    with pytest.raises(BadInputError) as caught:
        PackedRows.told(rows.statistics, rows.uri)
    assert str(caught.value).startswith(f"{rows.uri}: statistics of its manifest: {said}")
    assert str(caught.value).endswith("; delete it and run its job again")
