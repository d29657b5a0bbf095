"""Pack counts and takes each URL once, within its budget, in training or held out."""

from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.reading import Artifact
from jobs.command.running import begin, finish
from jobs.curate.settings import CurateSettings
from jobs.curate.work import curate
from jobs.errors import BadInputError
from jobs.kinds.articles import read_articles
from jobs.kinds.rows import read_heldout_articles
from jobs.pack.corpus import Corpus
from jobs.pack.settings import PackSettings
from jobs.pack.work import write_packed
from tests.support.articles import MOMENT, article, corpus, part
from tests.support.pico import SENTENCE, commit, commit_llama, run_job

NOBODY: Any = None  # nothing is encoded there
WORDS = 15
TWICE = f"{SENTENCE} {SENTENCE}"
TOKENS = 1 + 2 * WORDS + 1  # the title, the sentence twice, the end


def captures(uri: str) -> Artifact:
    """Thirty URLs in two parts, each captured three times; the newest is twice as long."""
    rows = [
        [article(n, body=SENTENCE, captured_at=MOMENT.replace(day=2)) for n in range(30)],
        [article(n, body=TWICE, captured_at=MOMENT.replace(day=3)) for n in range(30)],
        [article(n, body="the baker", captured_at=MOMENT) for n in range(30)],
    ]  # fmt: skip
    return corpus(uri, part(rows[0] + rows[1]), part(rows[2]))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    return commit_llama(f"{folder}/model", folder / "scratch").uri


def packed(articles: Artifact, model: str, out: Path, *flags: str) -> Artifact:
    settings = PackSettings.from_flags(
        [f"--articles={articles.uri}", f"--tokenizer={model}", f"--out={out}", *flags]
    )
    job = begin(settings, settings.open_inputs())
    assert job is not None
    return finish(job, write_packed(job))


@pytest.mark.parametrize(
    ("budget", "taken"), [(None, 30), (30 * TOKENS, 30), (30 * TOKENS - 1, 29), (TOKENS, 1)]
)
def test_each_url_is_packed_once_within_the_budget(
    budget: int | None, taken: int, tmp_path: Path, model: str
) -> None:
    flags = [f"--token-budget={budget}"] if budget else []
    articles = captures(f"{tmp_path}/articles")
    rows = packed(articles, model, tmp_path / "rows", "--heldout-fraction=0", *flags)
    assert rows.statistics["articles"] == taken
    assert rows.statistics["tokens"] == taken * TOKENS
    assert rows.statistics["articles_over_budget"] == 30 - taken
    assert rows.statistics["older_captures"] == 60


def test_a_budget_below_one_article_is_refused(tmp_path: Path, model: str) -> None:
    articles = captures(f"{tmp_path}/articles")
    told = r"from .*/articles \(.*articles_over_budget 30.*\); give more articles, or raise --token"
    with pytest.raises(BadInputError, match=f"nothing to pack {told}"):
        packed(articles, model, tmp_path / "rows", f"--token-budget={TOKENS - 1}")
    with pytest.raises(BadInputError, match="--token-budget"):
        packed(articles, model, tmp_path / "rows", "--token-budget=0")


def test_no_url_is_trained_on_and_held_out(tmp_path: Path, model: str) -> None:
    articles = captures(f"{tmp_path}/articles")
    rows = packed(articles, model, tmp_path / "rows", "--heldout-fraction=0.3")
    heldout = read_heldout_articles(rows).to_pylist()
    held_urls = [row["url"] for row in heldout]
    settings = PackSettings(articles="a", tokenizer="t", out="o", heldout_fraction=0.3)
    trained = [record.url for record in Corpus(articles, NOBODY, settings).records("train")]
    assert sorted(held_urls + trained) == sorted(article(n)["url"] for n in range(30))
    assert 0 < len(heldout) == rows.statistics["heldout_articles"] < 30
    assert {row["body"] for row in heldout} == {TWICE}


def test_curate_removes_what_pack_would_leave_out(tmp_path: Path, model: str) -> None:
    articles = captures(f"{tmp_path}/articles")
    settings = CurateSettings.from_flags(
        [f"--articles={articles.uri}", f"--out={tmp_path}/clean", "--min-characters=20"]
    )
    job = begin(settings, settings.open_inputs())
    assert job is not None
    clean = finish(job, curate(job))
    # The newest thirty are one text; the shorter ones go by their age, not their length.
    assert clean.statistics["removed"] == {
        "older_capture": 60, "too_short": 0, "too_long": 0, "duplicate": 29,
    }  # fmt: skip
    kept: list[dict[str, Any]] = [row for b in read_articles(clean) for row in b.to_pylist()]
    assert [row["url"] for row in kept] == [article(0)["url"]]
    rows = packed(clean, model, tmp_path / "rows", "--heldout-fraction=0")
    assert rows.statistics["older_captures"] == 0
    assert rows.statistics["tokens"] == TOKENS


def test_a_hostile_part_ends_pack_with_one_line(tmp_path: Path, model: str) -> None:
    data = part([article(0)])
    commit(f"{tmp_path}/a", "articles", {"part-0.parquet": data[:-4] + b"PARE"}, kept=1)
    result = run_job(
        "pack", f"--articles={tmp_path}/a", f"--tokenizer={model}", f"--out={tmp_path}/rows"
    )
    assert result.returncode == 64
    assert "part-0.parquet cannot be read: it does not end as a Parquet file" in result.stderr
    assert "Traceback" not in result.stderr
