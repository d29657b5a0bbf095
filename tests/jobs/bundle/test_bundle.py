"""The bundle: what is sealed is what was there, and what is not there is named."""

import hashlib
import io
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import nltk
import pyarrow.parquet as pq
import pytest

from jobs.artifacts.reading import Artifact
from jobs.bundle.sentence_model import read_sentence_model
from jobs.bundle.settings import BundleSettings
from jobs.bundle.work import seal, splits
from jobs.command.running import begin, finish
from jobs.errors import BadInputError, TransientError
from jobs.store.prefix import Prefix
from jobs.suites import load_suite
from jobs.suites.harness import LM_EVAL_VERSION
from jobs.suites.sealed import DataSet, SealedSuite
from tests.support.hub_mirror import (
    SENTENCE_MODEL,
    arc_rows,
    ifeval_rows,
    piqa_rows,
    write_demo_mirror,
    write_paper_mirror,
)

ARC = "allenai/ai2_arc/ARC-Easy/test"


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    return write_demo_mirror(tmp_path / "mirror")


def run(out: Path, suite: str = "demo", **settings: Any) -> Artifact:
    job = begin(BundleSettings(out=str(out), suite=suite, **settings), {})
    assert job is not None
    return finish(job, seal(job))


def sealed_rows(bundle: Artifact, path: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(bundle.read(path))).to_pylist()
    return rows


def test_a_folder_is_sealed_as_it_is(mirror: Path, tmp_path: Path) -> None:
    bundle = run(tmp_path / "a", source=str(mirror))
    assert bundle.paths == [
        "data/allenai/ai2_arc/ARC-Easy/test.parquet",
        "data/baber/piqa/validation.parquet",
        "data/google/IFEval/train.parquet",
        *[f"nltk_data/tokenizers/punkt_tab/english/{name}" for name in SENTENCE_MODEL],
        "suite.json",
    ]
    assert sealed_rows(bundle, bundle.paths[0]) == arc_rows(6)
    assert sealed_rows(bundle, bundle.paths[1]) == piqa_rows(5)
    assert sealed_rows(bundle, bundle.paths[2]) == ifeval_rows()
    for name, text in SENTENCE_MODEL.items():
        assert bundle.read(f"nltk_data/tokenizers/punkt_tab/english/{name}") == text.encode()
    statistics = bundle.statistics
    assert statistics["items"] == dict(zip(bundle.paths, (6, 5, 4), strict=False))
    assert statistics["sentence_model"] == "mirror"
    assert run(tmp_path / "b", source=str(mirror)).digest == bundle.digest


def test_the_suite_is_sealed_with_its_versions(mirror: Path, tmp_path: Path) -> None:
    sealed = SealedSuite.of(run(tmp_path / "out", source=str(mirror)))
    assert sealed.suite == load_suite("demo")
    assert sealed.lm_eval_version == LM_EVAL_VERSION
    versions = {name: [task.version for task in found] for name, found in sealed.subtasks.items()}
    assert versions == {"ifeval": ["4.0"], "arc_easy": ["1.0"], "piqa": ["1.0"]}


def test_a_data_set_of_many_tasks_is_sealed_once(tmp_path: Path) -> None:
    mirror = write_paper_mirror(tmp_path / "mirror")
    sealed = SealedSuite.of(run(tmp_path / "out", suite="paper", source=str(mirror)))
    assert len(sealed.subtasks["mmlu_pro"]) == 14
    found = splits(sealed)
    pro = DataSet(path="TIGER-Lab/MMLU-Pro")
    assert [split for data, split in found if data == pro] == ["test", "validation"]
    assert len(found) == 2 * 57 + 2 + 2 + 6


def test_what_is_missing_is_named(mirror: Path, tmp_path: Path) -> None:
    file = mirror / f"{ARC}.jsonl"
    for content, said in (
        (None, rf"no data set {ARC}\.jsonl below .*; put it there, or give another --from"),
        ("", r"ARC-Easy/test\.\* lacks the column 'question'; it has "),
        ('{"question": "?", "choices": {}}', r"lacks the column 'answerKey'; it has question, ch"),
        ('{"question": "?"}\n{"question', r"test\.jsonl, line 2: not JSON"),
        ('["question"]', r"test\.jsonl, line 1: expected an object"),
        ('{"question": "?"}\n{"question": [1]}', r"test\.jsonl mixes types in one column"),
    ):
        file.unlink() if content is None else file.write_text(content)
        with pytest.raises(BadInputError, match=said):
            run(tmp_path / "out", source=str(mirror))
        assert not (tmp_path / "out" / "manifest.json").exists()
    with pytest.raises(BadInputError, match="is neither a folder nor a URI"):
        run(tmp_path / "out", source=str(file))


def test_half_a_sentence_model_is_refused(mirror: Path, tmp_path: Path) -> None:
    (mirror / "nltk_data/tokenizers/punkt_tab/english/abbrev_types.txt").unlink()
    with pytest.raises(BadInputError, match=r"lacks abbrev_types\.txt"):
        run(tmp_path / "out", source=str(mirror))


@pytest.fixture
def no_network(tmp_path: Path) -> Iterator[None]:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise socket.gaierror("no network in this test")

    home = {"HF_HOME": str(tmp_path / "hub")}
    with patch.object(socket, "getaddrinfo", refuse), patch.dict(os.environ, home):
        yield


@pytest.mark.usefixtures("no_network")
def test_without_network_the_hub_may_be_tried_again(tmp_path: Path) -> None:
    with pytest.raises(TransientError, match="the hub failed for data set google/IFEval"):
        run(tmp_path / "out", suite="paper")


def test_nltks_own_sentence_model_is_installed(tmp_path: Path) -> None:
    files, found = read_sentence_model(Prefix(tmp_path))
    digests = {name: hashlib.sha256(data).hexdigest()[:12] for name, data in files.items()}
    assert found == "installed NLTK data"
    assert digests == {
        "abbrev_types.txt": "92a3e070f43d",
        "collocations.tab": "8e2da1225e4d",
        "ortho_context.tab": "4bbcca25ed3d",
        "sent_starters.txt": "f3f8535483e1",
    }


def test_where_it_is_not_installed_it_is_told_how(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nltk.data, "path", [])
    with pytest.raises(BadInputError, match=r"punkt_tab is not installed; .*make setup"):
        read_sentence_model(Prefix(tmp_path))


def test_the_suite_file_reads_back(mirror: Path, tmp_path: Path) -> None:
    bundle = run(tmp_path / "out", source=str(mirror))
    text = json.loads(bundle.read("suite.json"))
    assert SealedSuite.model_validate(text).model_dump(mode="json") == text
