"""Writes the demo's data anew: ``python -m demo.sample.generate``."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from demo.sample.archives import mirror
from demo.sample.instructions import exercises
from demo.sample.questions import arc_easy, piqa

DATA = Path(__file__).parents[1] / "data"


def sample() -> dict[str, bytes]:
    """Path below ``demo/data/`` → bytes, for every generated file."""
    to_tune, to_score = exercises()
    files = {f"ccnews/{path}": data for path, data in mirror().items()}
    files["conversations.jsonl"] = _lines(exercise.conversation() for exercise in to_tune)
    files["eval-data/google/IFEval/train.jsonl"] = _lines(
        exercise.ifeval(key) for key, exercise in enumerate(to_score, start=1000)
    )
    for split, rows in arc_easy().items():
        files[f"eval-data/allenai/ai2_arc/ARC-Easy/{split}.jsonl"] = _lines(rows)
    for split, rows in piqa().items():
        files[f"eval-data/baber/piqa/{split}.jsonl"] = _lines(rows)
    return files


def write(files: dict[str, bytes]) -> None:
    """Replaces what was generated before."""
    for folder in ("ccnews/crawl-data", "eval-data"):
        shutil.rmtree(DATA / folder, ignore_errors=True)
    for path, data in files.items():
        (DATA / path).parent.mkdir(parents=True, exist_ok=True)
        (DATA / path).write_bytes(data)


def _lines(rows: Iterable[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


if __name__ == "__main__":
    write(sample())
