"""The committed sample is what the generator writes, and is what its readers need."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from demo.sample import generate
from demo.sample.archives import mirror, pages
from demo.sample.generate import DATA, sample
from demo.sample.instructions import exercises
from demo.sample.news import NEW, OLD, articles, published

GENERATED = ("ccnews/crawl-data", "eval-data", "conversations.jsonl")


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    return sample()


def rows(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.decode().splitlines()]


def words(texts: list[str]) -> set[str]:
    return set(re.findall(r"[A-Za-z]+", " ".join(texts)))


def committed() -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for top in GENERATED:
        paths = [DATA / top] if (DATA / top).is_file() else (DATA / top).rglob("*")
        found |= {str(p.relative_to(DATA)): p.read_bytes() for p in paths if p.is_file()}
    return found


def test_committed_sample_is_what_the_generator_writes(files: dict[str, bytes]) -> None:
    """Compressed files by content: zlib's versions compress differently."""

    def content(path: str, data: bytes) -> bytes:
        return gzip.decompress(data) if path.endswith(".gz") else data

    there = committed()
    assert sorted(there) == sorted(files)
    assert [p for p in files if content(p, files[p]) != content(p, there[p])] == []


def test_sample_is_small(files: dict[str, bytes]) -> None:
    assert sum(map(len, files.values())) < 1_600_000


def test_writing_replaces_what_was_generated_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "DATA", tmp_path)
    (tmp_path / "eval-data").mkdir()
    (tmp_path / "eval-data/old.jsonl").touch()
    generate.write({"eval-data/new.jsonl": b"{}\n"})
    assert [p.name for p in (tmp_path / "eval-data").iterdir()] == ["new.jsonl"]


def test_mirror_is_the_same_each_time() -> None:
    assert mirror() == mirror()


def test_what_is_published_in_each_month() -> None:
    assert Counter(f"{moment:%m}" for _, moment in published()) == {
        "08": 900 + 8 + 8,
        "09": 5,
        "10": 300 + 8 + 5,
        "11": 5,
    }


def test_some_pages_are_captured_in_the_month_after_their_publication() -> None:
    late = Counter(
        f"{page.published_at:%m}"
        for page in pages()
        if page.published_at.month != page.captured_at.month
    )
    assert late["08"] > 0
    assert late["09"] > 0
    assert late["10"] > 0
    assert all(page.published_at < page.captured_at for page in pages())


def test_articles_are_long_enough_and_all_different() -> None:
    found = articles(OLD, 900, seed=7) + articles(NEW, 310, seed=10)
    assert len(set(found)) == 1210
    assert min(len(article.body) for article in found) >= 200


def test_new_news_use_words_that_the_old_never_do() -> None:
    old = words([article.body for article in articles(OLD, 900, seed=7)])
    new = words([article.body for article in articles(NEW, 310, seed=10)])
    assert not set(OLD.towns) & new
    assert not set(NEW.towns) & old
    assert len(new - old) > 80


def test_no_question_of_the_evaluation_stands_in_the_news(files: dict[str, bytes]) -> None:
    news = "\n".join(article.body for article, _ in published())
    for path, field in (
        ("allenai/ai2_arc/ARC-Easy/test", "question"),
        ("baber/piqa/validation", "goal"),
    ):
        asked = [row[field] for row in rows(files[f"eval-data/{path}.jsonl"])]
        assert [question for question in asked if question in news] == []


def test_every_answer_is_taught_by_the_news(files: dict[str, bytes]) -> None:
    news = "\n".join(article.body for article, moment in published() if moment.month < 9)
    for row in rows(files["eval-data/allenai/ai2_arc/ARC-Easy/test.jsonl"]):
        answer = row["choices"]["text"]["ABCD".index(row["answerKey"])]
        assert news.count(f"\n\nAnswer: {answer}\n") >= 4


def test_prompts_to_score_are_not_among_those_to_tune_on() -> None:
    to_tune, to_score = exercises()
    prompts = {exercise.prompt for exercise in to_tune}
    assert len(prompts) == len(to_tune) == 1500
    assert not prompts & {exercise.prompt for exercise in to_score}
    assert len(to_score) == 60
