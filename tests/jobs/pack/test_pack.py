"""The pack job on real articles and conversations."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from jobs.artifacts.reading import Artifact
from tests.support.pico import SENTENCE, commit, commit_articles, commit_llama, run_job

CHAT = (
    "{% for m in messages %}{{ m['role'] }} : {{ m['content'] }} </s> {% endfor %}"
    "{% if add_generation_prompt %}assistant : {% endif %}"
)


def rows(uri: str, part: str) -> list[dict[str, Any]]:
    artifact = Artifact.open(uri, "rows")
    found: list[dict[str, Any]] = []
    for path in artifact.paths:
        if path.startswith(part):
            with artifact.open_file(path) as file:
                found += pq.read_table(file).to_pylist()
    return found


def test_articles_become_rows(store: str, tmp_path: Path) -> None:
    bodies = [f"{SENTENCE} . {SENTENCE}", SENTENCE] * 20
    commit_articles(f"{store}/articles", bodies)
    commit_llama(f"{store}/model", tmp_path / "scratch")
    flags = ["--sequence-length=64", "--heldout-fraction=0.2", f"--tokenizer={store}/model"]
    result = run_job("pack", *flags, f"--articles={store}/articles", f"--out={store}/rows")
    assert result.returncode == 0, result.stderr
    statistics = Artifact.open(f"{store}/rows").statistics
    # "News", the words (and a full stop between), </s>: 15 words a sentence.
    sizes = [1 + 15 + 1 + 15 + 1, 1 + 15 + 1] * 20
    assert statistics["tokens"] + statistics["heldout_tokens"] == sum(sizes)
    assert statistics["articles"] + statistics["heldout_articles"] == 40
    assert 0 < statistics["heldout_articles"] < 20
    train = rows(f"{store}/rows", "train/")
    assert statistics["rows"] == len(train)
    assert all(sum(row["lengths"]) == len(row["input_ids"]) <= 64 for row in train)
    heldout = rows(f"{store}/rows", "heldout-articles")
    assert {row["body"] for row in heldout} <= set(bodies)
    assert len(heldout) == statistics["heldout_articles"]


def test_a_broken_conversation_is_named_by_its_line(tmp_path: Path) -> None:
    good = json.dumps({"messages": [{"role": "user", "content": "x"}]})
    lines = f'{good}\n{{"messages": [{{"role": "robot", "content": "x"}}]}}\n'
    commit(f"{tmp_path}/chat", "conversations", {"conversations.jsonl": lines.encode()})
    commit_llama(f"{tmp_path}/model", tmp_path / "scratch", chat=CHAT)
    result = run_job(
        "pack",
        f"--conversations={tmp_path}/chat",
        f"--tokenizer={tmp_path}/model",
        f"--out={tmp_path}/rows",
    )
    assert result.returncode == 64
    assert "line 2 is no conversation" in result.stderr
