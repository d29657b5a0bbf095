"""Bundles that an attacker wrote: refused in one line; no code of theirs runs, no path is followed.

The model beside them holds a task of lm-eval's kind, with functions that would leave a mark.
"""

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.evaluate.offline import MAX_SENTENCE_MODEL_BYTES, unpack_sentence_model
from jobs.suites import load_suite
from jobs.suites.sealed import SENTENCE_MODEL
from jobs.suites.suite import Task
from tests.jobs.evaluate.test_evaluate import metrics, score
from tests.support.pico import commit

TASK = """
task: piqa
dataset_path: {folder}/own.py
output_type: multiple_choice
test_split: validation
doc_to_text: !function own.text
doc_to_target: 0
doc_to_choice: [a, b]
metadata: {{version: 1.0}}
"""
OTHER_SUITE = "was sealed for another suite 'demo' than the one of this version"
OTHER_TASK = "was sealed for another definition of piqa"


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    return tmp_path / "ran"


@pytest.fixture
def model(base: Artifact, tmp_path: Path, mark: Path) -> Artifact:
    code = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\ntext = process = str\n"
    task = TASK.format(folder=tmp_path / "model")
    files = {path: base.read(path) for path in base.paths}
    more = {"own.py": code.encode(), "piqa.yaml": task.encode(), "tokenizer.py": code.encode()}
    return commit(str(tmp_path / "model"), "model", files | more)


def changed(bundle: Artifact, folder: Path, **files: bytes) -> Artifact:
    kept = {path: bundle.read(path) for path in bundle.paths}
    return commit(str(folder / "bundle"), "bundle", {**kept, **files})


def suite(bundle: Artifact, part: str, **changes: Any) -> dict[str, bytes]:
    """suite.json with changes in the suite, its task piqa, or that task's data."""
    sealed = json.loads(bundle.read("suite.json"))
    subtask = sealed["subtasks"]["piqa"][0]
    parts = {
        "all": sealed, "suite": sealed["suite"], "task": sealed["suite"]["tasks"][2],
        "subtask": subtask, "data": subtask["data"],
    }  # fmt: skip
    parts[part].update(changes)
    return {"suite.json": json.dumps(sealed).encode()}


@pytest.mark.parametrize(
    ("part", "changes", "said"),
    [
        ("task", {"folder": "{folder}/model"}, "is not understood"),
        ("task", {"folder": "../../../../../../../../{folder}/model"}, "is not understood"),
        ("task", {"folder": "piqa/../../../.."}, "is not understood"),
        ("task", {"folder": "."}, "is not understood"),
        ("task", {"folder": ""}, "is not understood"),
        ("task", {"folder": "~/tasks"}, "is not understood"),
        ("task", {"folder": "piqa\n"}, "is not understood"),
        ("task", {"folder": "//tmp"}, "is not understood"),
        ("task", {"folder": "file:///tmp"}, "is not understood"),
        ("task", {"folder": "super_glue"}, OTHER_SUITE),
        ("task", {"lm_eval_task": "{folder}/model/piqa.yaml"}, OTHER_SUITE),
        ("task", {"lm_eval_task": "siqa"}, OTHER_SUITE),
        ("task", {"num_fewshot": 10**9}, OTHER_SUITE),
        ("task", {"generation": {"custom_generate": "else/where"}}, "is not understood"),
        ("task", {"data_columns": []}, OTHER_SUITE),
        ("task", {"sentence_model": True}, OTHER_SUITE),
        ("task", {"doc_to_text": "!function own.text"}, "is not understood"),
        ("task", {"include": "{folder}/model/piqa.yaml"}, "is not understood"),
        ("suite", {"name": "{folder}/model/piqa"}, "names the suite '"),
        ("suite", {"name": "../suites/demo"}, "names the suite '../suites/demo'; there are"),
        ("suite", {"name": "paper"}, "was sealed for another suite 'paper'"),
        ("suite", {"name": "demo\x1b[2J\nINFO"}, r"names the suite 'demo\\x1b\[2J\\nINFO'"),
        ("suite", {"tasks": []}, "is not understood"),
        ("suite", {"name": ""}, "names the suite ''"),
        ("suite", {"name": "DEMO"}, "names the suite 'DEMO'"),
        ("suite", {"name": "demo.yaml"}, r"names the suite 'demo\.yaml'"),
        ("suite", {"name": "demo\0"}, r"names the suite 'demo\\x00'"),
        ("suite", {"name": ["demo"]}, "is not understood"),
        ("suite", {"folder": "{folder}/model"}, "is not understood"),
        ("all", {"subtasks": {}}, OTHER_TASK),
        ("data", {"path": "{folder}/model/own.py"}, OTHER_TASK),
        ("data", {"path": "else/where"}, OTHER_TASK),
        ("data", {"config": "../../.."}, OTHER_TASK),
        ("data", {"data_files": "/etc/passwd"}, "is not understood"),
        ("subtask", {"eval_split": "../../validation"}, OTHER_TASK),
        ("subtask", {"fewshot_split": "train"}, OTHER_TASK),
        ("subtask", {"process_docs": "own.process"}, "is not understood"),
        ("all", {"x" * 2**20: 1}, "has more than 1048576 bytes"),
    ],
)
def test_another_suite_is_refused(
    model: Artifact,
    demo_bundle: Artifact,
    tmp_path: Path,
    mark: Path,
    part: str,
    changes: dict[str, Any],
    said: str,
) -> None:
    filled = {
        key: value.replace("{folder}", str(tmp_path)) if isinstance(value, str) else value
        for key, value in changes.items()
    }
    bundle = changed(demo_bundle, tmp_path, **suite(demo_bundle, part, **filled))
    with pytest.raises(BadInputError, match=said) as caught:
        score(tmp_path / "out", model, "piqa", bundle=bundle.uri)
    assert str(caught.value).isprintable()
    assert not mark.exists()


def test_what_else_lies_in_a_bundle_or_a_model_is_not_touched(
    model: Artifact, demo_bundle: Artifact, tmp_path: Path, mark: Path
) -> None:
    code = model.read("own.py")
    bundle = changed(
        demo_bundle,
        tmp_path,
        **dict.fromkeys(("piqa.py", "own.py", "nltk_data/own.py", "sitecustomize.py"), code),
        **{"piqa.yaml": model.read("piqa.yaml"), "nltk_data/tokenizers/punkt_tab.zip": b"PK"},
        **{"nltk_data/tokenizers/punkt/english.pickle": b"cos\nsystem\n(S'touch'\ntR."},
    )
    scores = score(tmp_path / "out", model, "piqa", bundle=bundle.uri)
    assert set(metrics(scores)) == {"acc", "acc_norm"}
    assert not mark.exists()


@pytest.mark.parametrize("folder", ["/tmp", "..", "a/../b", "a/./b", "/", "a//b", "a b", "piqa/"])
def test_a_suite_cannot_name_a_folder_elsewhere(folder: str) -> None:
    task = load_suite("demo").task("piqa").model_dump() | {"folder": folder}
    with pytest.raises(ValidationError, match="folder"):
        Task(**task)


@pytest.mark.parametrize(
    "text",
    [
        b"", b"null", b"[]", b"\xff\xfe{\x00}\x00", b'{"suite": 1, "suite": 2}', b"[" * 10**5,
        b"!!python/object/apply:os.system ['touch {mark}']", b"suite: !function own.text",
        b"{{ cycler.__init__.__globals__.os.system('touch {mark}') }}",
    ],
)  # fmt: skip
def test_a_suite_that_is_no_record_is_refused(
    model: Artifact, demo_bundle: Artifact, tmp_path: Path, mark: Path, text: bytes
) -> None:
    written = text.replace(b"{mark}", str(mark).encode())
    bundle = changed(demo_bundle, tmp_path, **{"suite.json": written})
    with pytest.raises(BadInputError, match=r"suite\.json is not understood \(delete it, and"):
        score(tmp_path / "out", model, "piqa", bundle=bundle.uri)
    assert not mark.exists()


class Marking:
    """Its pickle makes the mark wherever it is read."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self._mark}",)


def test_of_a_sentence_model_only_its_tables_are_unpacked(
    demo_bundle: Artifact, tmp_path: Path, mark: Path
) -> None:
    """NLTK would take a zip or a pickle that lies in its folder; what it reads here is text."""
    from nltk.data import FileSystemPathPointer
    from nltk.tokenize.punkt import load_punkt_params

    names = {path.rpartition("/")[2] for path in demo_bundle.paths if SENTENCE_MODEL in path}
    assert len(names) == 4
    bad = pickle.dumps(Marking(mark))
    beside = ("punkt/english.pickle", "punkt_tab/english.pickle", "punkt_tab.zip", "punkt.py")
    files = {f"nltk_data/tokenizers/{path}": bad for path in beside}
    files |= {f"nltk_data/{SENTENCE_MODEL}/{name}": bad for name in names}
    unpack_sentence_model(changed(demo_bundle, tmp_path, **files), tmp_path / "scratch")
    there = {path.name for path in (tmp_path / "scratch").rglob("*") if path.is_file()}
    assert there == names
    with pytest.raises(UnicodeDecodeError):
        load_punkt_params(
            FileSystemPathPointer(str(tmp_path / "scratch/nltk_data" / SENTENCE_MODEL))
        )
    assert not mark.exists()


def test_a_sentence_model_without_end_is_refused(demo_bundle: Artifact, tmp_path: Path) -> None:
    path = f"nltk_data/{SENTENCE_MODEL}/ortho_context.tab"
    large = bytes(MAX_SENTENCE_MODEL_BYTES + 1)
    bundle = changed(demo_bundle, tmp_path, **{path: large})
    with pytest.raises(BadInputError, match=r"ortho_context\.tab has more than 16777216 bytes"):
        unpack_sentence_model(bundle, tmp_path / "scratch")
