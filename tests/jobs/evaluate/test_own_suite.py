"""A suite of the user's own, from its file to its report: sealed, scored and shown as any other."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from jobs.artifacts.reading import Artifact
from jobs.bundle.settings import BundleSettings
from jobs.bundle.work import seal
from jobs.command.running import begin, finish
from jobs.errors import BadInputError
from jobs.report.settings import ReportSettings
from jobs.report.work import write_report
from jobs.suites import load_suite
from tests.jobs.evaluate.plain import Plain, best
from tests.jobs.evaluate.test_evaluate import items, metrics, score
from tests.support.paths import ROOT
from tests.support.pico import commit

FILE = ROOT / "fleets/suites/geography.yaml"
FOLDER = FILE.parent / "geography"
ROWS = [json.loads(line) for line in (FOLDER / "capitals.jsonl").read_text().splitlines()]
SHOTS = [json.loads(line) for line in (FOLDER / "shots.jsonl").read_text().splitlines()]


def sealed_at(folder: Path, suite: str, **settings: Any) -> Artifact:
    out = str(folder / load_suite(suite).name)
    job = begin(BundleSettings(out=out, suite=suite, **settings), {})
    assert job is not None
    return finish(job, seal(job))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory, mirror: Path) -> Artifact:
    """As the workflow has it made: by the suite's definition, not by its file."""
    definition = load_suite(str(FILE)).definition()
    return sealed_at(tmp_path_factory.mktemp("own"), definition, source=str(mirror))


def test_what_is_sealed(bundle: Artifact, mirror: Path, tmp_path: Path) -> None:
    assert bundle.paths == [
        "data/baber/piqa/validation.parquet",
        "data/own/capitals/test.parquet",
        "data/own/capitals/train.parquet",
        "data/own/countries/test.parquet",
        "suite.json",
    ]
    suite = load_suite(str(FILE))
    settings = bundle.manifest.settings
    assert settings["suite"] == suite.name
    assert settings["suite_sha256"]
    assert str(ROOT) not in bundle.read("suite.json").decode()
    elsewhere = tmp_path / "elsewhere"  # what lies elsewhere is the same suite
    shutil.copytree(FILE.parent, elsewhere)
    again = sealed_at(tmp_path, str(elsewhere / "geography.yaml"), source=str(mirror))
    assert again.digest == bundle.digest
    assert again.manifest.settings == settings


def test_a_task_of_ones_own_with_shots(
    instruct: Artifact, bundle: Artifact, tmp_path: Path
) -> None:
    """The shots are both rows of the split train, in the order that lm-eval's seed draws."""
    model = Plain(Path(instruct.uri))

    def asked(row: dict[str, Any]) -> str:
        return f"What is the capital of {row['country']}?\nAnswer:"

    solved = [f"{asked(row)} {row['capitals'][row['right']]}\n\n" for row in SHOTS]
    scores = score(tmp_path, instruct, "capitals", bundle=bundle.uri)
    told = [[log for log, _ in item["answers"]] for item in items(scores)]
    right = 0
    for row, logs in zip(ROWS, told, strict=True):
        either = [
            model.choices("".join(order) + asked(row), row["capitals"])
            for order in (solved, solved[::-1])
        ]
        assert any(logs == pytest.approx(found, abs=1e-3) for found in either)
        right += best(logs) == row["right"]
    assert metrics(scores) == {"acc": pytest.approx(right / 6)}
    results = scores.read_json("results.json")
    assert (results["num_fewshot"], results["task_version"]) == (2, "1.0")


def test_a_generated_answer_as_a_chat(instruct: Artifact, bundle: Artifact, tmp_path: Path) -> None:
    scores = score(tmp_path, instruct, "countries", bundle=bundle.uri)
    results = scores.read_json("results.json")
    assert results["chat_template_applied"] is True
    assert results["generation"]["countries"]["max_gen_toks"] == 16
    assert set(metrics(scores)) == {"exact_match,first-word"}


def test_a_task_of_lm_evals_beside_it(
    instruct: Artifact, bundle: Artifact, demo_bundle: Artifact, tmp_path: Path
) -> None:
    here, there = (
        score(tmp_path / name, instruct, "piqa", bundle=one.uri)
        for name, one in (("own", bundle), ("demo", demo_bundle))
    )
    assert metrics(here) == metrics(there)


def test_its_report(instruct: Artifact, base: Artifact, bundle: Artifact, tmp_path: Path) -> None:
    run = tmp_path / "store/runs/r/pico"
    files = {path: instruct.read(path) for path in instruct.paths}
    candidate = commit(str(run / "candidates/pico-instruct"), "model", files)
    for name, model in (("base", base), ("instruct", instruct), ("pico-instruct", candidate)):
        for task in ("piqa", "capitals", "countries"):
            score(run / "scores" / name / task, model, task, bundle=bundle.uri, batch_size=64)
    from jobs.report.evidence.collect import open_run

    given = ReportSettings(run=str(run), out=str(run / "report"))
    job = begin(given, open_run(given))
    assert job is not None
    content = finish(job, write_report(job)).read_json("report.json")
    assert content["suite"] == load_suite(str(FILE)).name
    columns = {(one["benchmark"], one["label"], one["group"]) for one in content["columns"]}
    assert ("capitals", "acc", "reasoning") in columns
    assert ("countries", "EM", "instruction") in columns


def changed(bundle: Artifact, folder: Path, **changes: Any) -> Artifact:
    """The bundle, with changes in its own task capitals."""
    files = {path: bundle.read(path) for path in bundle.paths}
    sealed = json.loads(files["suite.json"])
    sealed["suite"]["tasks"][1]["own"].update(changes)
    files["suite.json"] = json.dumps(sealed).encode()
    return commit(str(folder / bundle.uri.rpartition("/")[2]), "bundle", files)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"doc_to_text": "{{ x }}"}, "what it says is not what its name 'geography-"),
        ({"process_docs": "own.process"}, "is not understood"),
        ({"unsafe_code": True}, "is not understood"),
        ({"metric_list": [{"metric": "else/where"}]}, "is not understood"),
        ({"metric_list": [{"metric": "acc", "hf_evaluate": True}]}, "is not understood"),
        ({"dataset_path": "/etc"}, "is not understood"),
        ({"dataset_path": "../x/y"}, "is not understood"),
        ({"task": "../x"}, "is not understood"),
        ({"generation_kwargs": {"custom_generate": "a/b"}}, "is not understood"),
    ],
)
def test_what_a_bundle_says_is_checked_by_its_name(
    base: Artifact, bundle: Artifact, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadInputError, match=said):
        score(tmp_path / "out", base, "capitals", bundle=changed(bundle, tmp_path, **changes).uri)


def test_a_bundle_of_another_name_is_refused(
    base: Artifact, bundle: Artifact, tmp_path: Path
) -> None:
    files = {path: bundle.read(path) for path in bundle.paths}
    other = commit(str(tmp_path / "geography"), "bundle", files)
    with pytest.raises(BadInputError, match="your own in bundles that end with their name"):
        score(tmp_path / "out", base, "capitals", bundle=other.uri)


@pytest.mark.parametrize(
    "template",
    [
        "{{ cycler.__init__.__globals__.os.system('touch MARK') }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ country.__class__.__base__ }}",
        "{% for i in range(10**9) %}x{% endfor %}",
    ],
)
def test_templates_reach_nothing_but_the_item(
    base: Artifact, tmp_path: Path, template: str
) -> None:
    mark = tmp_path / "ran"
    folder = tmp_path / "suite"
    shutil.copytree(FILE.parent / "geography", folder / "geography")
    text = (folder / "geography/capitals.yaml").read_text()
    old = '"What is the capital of {{country}}?\\nAnswer:"'
    assert old in text
    written = json.dumps(template.replace("MARK", str(mark)))
    (folder / "geography/capitals.yaml").write_text(text.replace(old, written))
    (folder / "bad.yaml").write_text(
        "tasks: [{name: capitals, folder: ./geography, columns: [{metric: acc}]}]\n"
    )
    bundle = sealed_at(tmp_path, str(folder / "bad.yaml"))
    with pytest.raises(BadInputError, match="holds no data of the task capitals"):
        score(tmp_path / "out", base, "capitals", bundle=bundle.uri)
    assert not mark.exists()


def test_where_the_items_are_not_it_says_how_to_seal_them(tmp_path: Path, mirror: Path) -> None:
    """As on a cluster, whose pods do not have the user's files."""
    folder = tmp_path / "suite"
    shutil.copytree(FILE.parent, folder)
    definition = load_suite(str(folder / "geography.yaml")).definition()
    items_there = folder / "geography/capitals.jsonl"
    items_there.write_text(items_there.read_text() + "\n")
    with pytest.raises(BadInputError, match="was changed while this ran"):
        sealed_at(tmp_path / "a", definition, source=str(mirror))
    shutil.rmtree(folder)
    with pytest.raises(BadInputError, match="lie on the machine of the suite's file: seal it ther"):
        sealed_at(tmp_path / "a", definition, source=str(mirror))
    job = begin(BundleSettings(out=str(tmp_path / "b"), suite=str(FILE)), {})
    assert job is not None
    with pytest.raises(BadInputError, match=r"does not end with the name .* give …/geography-"):
        seal(job)
