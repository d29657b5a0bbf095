"""Small vocabularies for the tests of merge, and models that hold nothing else."""

import json
from pathlib import Path
from typing import Any

from jobs.artifacts.reading import Artifact
from jobs.kinds.vocabulary import Vocabulary
from tests.support.pico import commit

WORDS = {"a": 0, "b": 1, "c": 2}


def model(place: Path, **files: Any) -> Artifact:
    """A model with these files ("__" for "." in names); what is not bytes is written as JSON."""
    data = {
        name.replace("__", "."): value if isinstance(value, bytes) else json.dumps(value).encode()
        for name, value in files.items()
    }
    return commit(str(place), "model", {"config.json": b"{}", **data})


def tokenizer(vocab: Any, *added: tuple[Any, Any]) -> dict[str, Any]:
    entries = [{"id": id_, "content": token, "special": True} for token, id_ in added]
    return {
        "added_tokens": entries,
        "model": {"type": "BPE", "vocab": vocab, "merges": [["a", "b"]]},
    }


def named(where: str, ordinary: dict[str, int], **added: int) -> Vocabulary:
    return Vocabulary(where, ordinary, added)
