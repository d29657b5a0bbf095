"""What train sees of its inputs before it starts a process."""

import json
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.manifest import Input, Work
from jobs.artifacts.reading import Artifact
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError
from jobs.kinds.vocabulary import ordinary_digest
from jobs.store.prefix import Prefix
from jobs.train.checks import check_rows
from tests.support.pico import commit, commit_articles, commit_llama, run_job
from tests.support.tokenizers import byte_level, tree, unigram


def model_of(uri: str, **changes: Any) -> Artifact:
    """Of a tokenizer alone."""
    said = tree(byte_level())
    return commit(uri, "model", {"tokenizer.json": json_of(said | changes)})


def json_of(said: object) -> bytes:
    return json.dumps(said).encode()


def test_added_tokens_and_scores_are_no_part_of_a_vocabulary(tmp_path: Path) -> None:
    base = model_of(f"{tmp_path}/base")
    added = {"content": "<|user|>", "id": 999, "special": True}
    twin = model_of(f"{tmp_path}/twin", added_tokens=[added])
    assert ordinary_digest(base) == ordinary_digest(twin)
    said = tree(unigram())
    one = commit(f"{tmp_path}/one", "model", {"tokenizer.json": json_of(said)})
    for entry in said["model"]["vocab"]:
        entry[1] -= 1.0
    other = commit(f"{tmp_path}/other", "model", {"tokenizer.json": json_of(said)})
    assert ordinary_digest(one) == ordinary_digest(other) != ordinary_digest(base)


def test_two_ids_exchanged_are_another_vocabulary(tmp_path: Path) -> None:
    said = tree(byte_level())
    first, second, *_ = vocabulary = said["model"]["vocab"]
    exchanged = {**vocabulary, first: vocabulary[second], second: vocabulary[first]}
    base = model_of(f"{tmp_path}/base")
    other = model_of(f"{tmp_path}/other", model={**said["model"], "vocab": exchanged})
    assert ordinary_digest(base) != ordinary_digest(other)


def test_rows_of_an_earlier_version_are_taken(tmp_path: Path) -> None:
    rows = commit(f"{tmp_path}/rows", "rows", {}, rows=1, tokens=1)
    check_rows({"model": model_of(f"{tmp_path}/model"), "rows": rows})


def test_rows_are_of_the_models_tokenizer(tmp_path: Path) -> None:
    commit_articles(f"{tmp_path}/articles", ["Words of an article."] * 9)
    model = commit_llama(f"{tmp_path}/model", tmp_path / "scratch")
    packed = run_job(
        "pack", f"--articles={tmp_path}/articles", f"--tokenizer={model.uri}",
        f"--out={tmp_path}/rows", "--sequence-length=32", "--heldout-fraction=0",
    )  # fmt: skip
    assert packed.returncode == 0, packed.stderr
    rows = Artifact.open(f"{tmp_path}/rows", "rows")
    check_rows({"model": model, "rows": rows, "replay": rows})
    with pytest.raises(BadInputError) as refused:
        check_rows({"model": model_of(f"{tmp_path}/other"), "rows": rows})
    assert str(refused.value) == (
        f"--rows {tmp_path}/rows were packed with the tokenizer of {tmp_path}/model, whose tokens "
        f"or ids are not those of --model {tmp_path}/other; pack them with --tokenizer "
        f"{tmp_path}/other"
    )


def test_replayed_rows_are_as_long_and_of_the_same_tokenizer(tmp_path: Path) -> None:
    def packed(name: str, length: int, vocabulary: str | None) -> Artifact:
        work = Work(kind="rows", producer="pack 1", settings={"sequence_length": length}, inputs={})
        input_ = Input(uri="their-tokenizer", digest="0" * 64)
        writer = ArtifactWriter(Prefix(f"{tmp_path}/{name}"), work, {"tokenizer": input_})
        made: Artifact = writer.commit({"rows": 1, "tokens": 1, "vocabulary": vocabulary})
        return made

    model = model_of(f"{tmp_path}/model")
    given = {"model": model, "rows": packed("rows", 8, None)}
    check_rows({**given, "replay": packed("same", 8, ordinary_digest(model))})
    with pytest.raises(BadInputError, match=r"--replay .*/longer has rows of 16 tokens, --rows of"):
        check_rows({**given, "replay": packed("longer", 16, None)})
    with pytest.raises(BadInputError, match=r"--replay .*/theirs were packed with the tokenizer"):
        check_rows({**given, "replay": packed("theirs", 8, "1" * 64)})
