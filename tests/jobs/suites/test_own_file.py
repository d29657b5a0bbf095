# ruff: noqa: E501
"""A suite of the user's own, as a file: what it may say, and each refusal word for word."""

import json
import shutil
from pathlib import Path
from typing import get_args

import pytest

from jobs.errors import BadInputError, BadInputsError
from jobs.suites import load_suite
from jobs.suites.harness import find_subtasks
from jobs.suites.own import FilterStep, OwnMetric, OwnTask
from jobs.suites.sealed import DataSet
from tests.support.paths import ROOT

FILE = ROOT / "fleets/suites/geography.yaml"
TEXT = '"What is the capital of {{country}}?\\nAnswer:"'
FILES = "dataset_kwargs:\n  data_files: {train: shots.jsonl, test: capitals.jsonl}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the example, as ``g.yaml``, in the working folder."""
    shutil.copytree(FILE.parent / "geography", tmp_path / "geography")
    shutil.copy(FILE, tmp_path / "g.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def told() -> list[str]:
    with pytest.raises(BadInputError) as caught:
        load_suite("./g.yaml")
    error = caught.value
    return [*error.lines] if isinstance(error, BadInputsError) else [str(error)]


def test_what_is_left_out_is_as_in_the_papers_suite() -> None:
    piqa, capitals, countries = load_suite(str(FILE)).tasks
    assert piqa == load_suite("paper").task("piqa")
    assert (capitals.num_fewshot, capitals.apply_chat_template) == (2, False)
    assert [(c.benchmark, c.label, c.metric, c.group) for c in capitals.columns] == [
        ("capitals", "acc", "acc", "reasoning")
    ]
    assert countries.generation == {"max_gen_toks": 16}
    assert [found.data for found in find_subtasks(capitals)] == [DataSet(path="own/capitals")]
    assert find_subtasks(capitals)[0].splits == ("test", "train")


def test_the_page_names_what_a_task_may_say() -> None:
    page = (ROOT / "docs/suites.md").read_text()
    for model, field in ((OwnTask, "output_type"), (OwnMetric, "metric"), (FilterStep, "function")):
        choices = get_args(model.model_fields[field].annotation)
        assert f"| {', '.join(f'`{choice}`' for choice in choices)} |\n" in page


def test_a_name_alone_is_a_task(folder: Path) -> None:
    (folder / "g.yaml").write_text("tasks: [piqa, ifeval]\n")
    assert [task.name for task in load_suite("g.yaml").tasks] == ["piqa", "ifeval"]
    assert load_suite("g.yaml").tasks[1].sentence_model


def test_a_task_may_include_a_file_of_its_folder(folder: Path) -> None:
    own = load_suite("g.yaml").tasks[1].own
    text = (folder / "geography/capitals.yaml").read_text()
    head, rest = text.split("output_type", 1)
    (folder / "geography/rest.yaml").write_text(
        "doc_to_target: 7\noutput_type" + rest.replace("doc_to_target: right\n", "")
    )
    (folder / "geography/capitals.yaml").write_text(
        f"{head}include: rest.yaml\ndoc_to_target: right\n"
    )
    assert load_suite("g.yaml").tasks[1].own == own


def test_the_name_stands_for_all_that_it_says(folder: Path) -> None:
    """Not for where it lies, nor for comments."""
    name = load_suite("g.yaml").name
    assert name.startswith("g-")
    assert len(name) == len("g-") + 20
    assert load_suite(str(FILE)).name == name.replace("g-", "geography-")
    change(folder / "g.yaml", "# A suite", "# The suite")
    assert load_suite("g.yaml").name == name
    names = {name}
    for path, old, new in (
        ("g.yaml", "num_fewshot: 2", "num_fewshot: 1"),
        ("geography/capitals.yaml", "capital of", "capital city of"),
        ("geography/capitals.jsonl", "Lyon", "Lille"),
    ):
        change(folder / path, old, new)
        names.add(load_suite("g.yaml").name)
    assert len(names) == 4


def test_its_definition_passes_through_a_workflow(folder: Path) -> None:
    change(folder / "geography/capitals.yaml", "capital of", "capital (in US$$, $(HOME)) of")
    suite = load_suite(str(folder / "g.yaml"))
    text = suite.definition()
    assert "{{" not in text
    assert "$" not in text
    assert text.isascii()
    assert load_suite(text) == suite
    assert load_suite("paper").definition() == "paper"
    other = json.loads(text)
    other["tasks"][0]["num_fewshot"] = 7
    with pytest.raises(BadInputError, match="what it says is not what its name 'g-"):
        load_suite(json.dumps(other))


def test_one_that_is_too_long_is_refused(folder: Path) -> None:
    change(folder / "geography/capitals.yaml", TEXT, json.dumps("x" * 19_000))
    entry = "  - {name: cNUMBER, lm_eval_task: capitals, folder: ./geography, columns: [{metric: acc}]}\n"
    (folder / "g.yaml").write_text(
        "tasks:\n" + "".join(entry.replace("NUMBER", str(n)) for n in range(6))
    )
    with pytest.raises(
        BadInputError,
        match=r"g-\w+ is too long: 1\d{5} characters as JSON, at most 60000; split it",
    ):
        load_suite("g.yaml").definition()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (TEXT, "!function own.text", "9:14: !function names code, and what is in a file is never run"),
        ("json\n", "!!python/name:os.system\n", "3:15: the tag 'tag:yaml.org,2002:python/name:os.system' means nothing here; put a text in quotes"),
        ("task: capitals", "task: capitals\nclass: own.Task", "3:1: class: names code, which is never run; write templates ({{…}})"),
        ("task: capitals", "task: capitals\nprocess_docs: own.f", "3:1: process_docs: names code, which is never run; write templates ({{…}})"),
        ("task: capitals", "task: capitals\nunsafe_code: true", "3:1: unsafe_code: names code, which is never run; write templates ({{…}})"),
        ("task: capitals", "task: capitals\nnum_fewshot: 5", "3:1: num_fewshot: is the suite's to say, with the task's name there"),
        ("task: capitals", "task: capitals\ninclude: ../../x.yaml", "3:10: include: '../../x.yaml' is no file of the task's folder; put it there"),
        ("task: capitals", "task: capitals\ninclude: /etc/passwd", "3:10: include: '/etc/passwd' is no file of the task's folder; put it there"),
        ("task: capitals", "task: capitals\ninclude: contries.yaml", "3:10: include: there is no file 'contries.yaml'; did you mean countries.yaml?"),
        ("task: capitals", "task: capitals\ninclude: capitals.yaml", "3:10: include: nests too deep, or in itself"),
        ("task: capitals", "task: capitals\ninclude: own.py", "3:10: include: expected a file .yaml, got 'own.py'"),
        ("capitals.jsonl", "../../secret.jsonl", "5:42: dataset_kwargs.data_files.test: '../../secret.jsonl' is no file of the task's folder; put it there"),
        ("capitals.jsonl", "link.jsonl", "5:42: dataset_kwargs.data_files.test: 'link.jsonl' leads out of the task's folder; put the file there"),
        ("capitals.jsonl", "capitlas.jsonl", "5:42: dataset_kwargs.data_files.test: there is no file 'capitlas.jsonl'; did you mean capitals.jsonl?"),
        ("capitals.jsonl", "x.csv", "5:42: dataset_kwargs.data_files.test: expected a file .jsonl or .parquet, got 'x.csv'"),
        ("dataset_path: json", "dataset_path: ./own.py", "3:15: dataset_path: expected a data set's id on the hub (owner/name), or json or parquet with data_files, got './own.py'"),
        ("  data_files: {train", "  trust_remote_code: true\n  data_files: {train", "5:3: dataset_kwargs: expected data_files and nothing else, as {data_files: {test: a}}"),
        (FILES, "", "3:15: dataset_path: its files are missing; give dataset_kwargs: {data_files: {test: items.jsonl}}"),
        ("{metric: acc, agg", "{metric: acc, hf_evaluate: true, agg", "13:19: metric_list[0].hf_evaluate: unknown field; known: metric, aggregation, higher_is_better, ignore_case, ignore_punctuation, ignore_numbers, regexes_to_ignore"),
        ("metric: acc", "metric: accuracy", "13:14: metric_list[0].metric: expected acc, acc_norm, acc_bytes, exact_match, perplexity, word_perplexity, byte_perplexity or bits_per_byte, got 'accuracy'"),
        ("multiple_choice", "multiple_choise", "6:14: output_type: expected multiple_choice, generate_until or loglikelihood, got 'multiple_choise'; did you mean multiple_choice?"),
        ("test_split: test", "test_split: tset", "2:1: task: its data_files lack the split tset; there are train, test"),
        ("test_split: test\n", "", "2:1: task: names no split to score; give test_split or validation_split"),
        ("task: capitals", "task: capitals\ndoc_to_txt: x", "3:1: doc_to_txt: unknown field; did you mean doc_to_text?"),
        (f"doc_to_text: {TEXT}\n", "", "2:1: task: lacks doc_to_text"),
    ],
)  # fmt: skip
def test_a_task_that_is_more_than_data_is_refused(
    folder: Path, old: str, new: str, said: str
) -> None:
    (folder / "geography/own.py").touch()
    (folder / "secret.jsonl").touch()
    (folder / "geography/link.jsonl").symlink_to("../secret.jsonl")
    change(folder / "geography/capitals.yaml", old, new)
    assert told() == [f"geography/capitals.yaml:{said}"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: capitals", "name: capital", "g.yaml:7:5: tasks[1]: geography has no task 'capital'; did you mean capitals?"),
        ("./geography     #", "./geo     #", "g.yaml:7:5: tasks[1]: there is no folder geo"),
        ("./geography     #", "/etc     #", "g.yaml:8:13: tasks[1].folder: expected a folder of lm_eval/tasks, as arc, or one of yours, from this file, as ./tasks, got '/etc'"),
        ("num_fewshot: 2", "num_fewshots: 2", "g.yaml:9:5: tasks[1].num_fewshots: unknown field; did you mean num_fewshot?"),
        ("num_fewshot: 2", "num_fewshot: two", "g.yaml:9:18: tasks[1].num_fewshot: expected a whole number, got 'two'"),
        ("group: reasoning", "group: resoning", "g.yaml:11:30: tasks[1].columns[0].group: expected instruction, reasoning or other, got 'resoning'; did you mean reasoning?"),
        ("{max_gen_toks: 16}", "{custom_generate: a/b}", "g.yaml:15:18: tasks[2].generation.custom_generate: unknown field; known: until, max_gen_toks, do_sample, temperature, top_p, top_k"),
        ("    columns:\n      - {metric: acc, group: reasoning}\n", "", "g.yaml:7:5: tasks[1]: lacks columns, each as {metric: acc}"),
        ("  - name: piqa", "  - piqa\n  - piqa", "g.yaml: two tasks are named piqa; every task needs a name of its own"),
        ("name: piqa", "{name: heldout, columns: [{metric: acc}]}", "g.yaml:6:5: tasks[0]: the name heldout is the loss on held-out articles; choose another"),
        ("apply_chat_template: true", "apply_chat_template: ja", "g.yaml:14:26: tasks[2].apply_chat_template: expected true or false, got 'ja'"),
        ("tasks:", "name: mine\ntasks:", "g.yaml:5:1: name: unknown field; known: tasks"),
        ("tasks:", "task:", "g.yaml:5:1: task: unknown field; did you mean tasks?"),
    ],
)  # fmt: skip
def test_a_suite_is_refused_with_the_place_and_the_fix(
    folder: Path, old: str, new: str, said: str
) -> None:
    change(folder / "g.yaml", old, new.replace("name: {", "{"))
    assert told() == [said]


def test_all_that_is_wrong_is_told(folder: Path) -> None:
    change(folder / "g.yaml", "num_fewshot: 2", "num_fewshot: 010")
    change(folder / "g.yaml", "metric: acc", "metrik: acc")
    assert told() == [
        "g.yaml:9:18: '010' is no decimal number; write it as 4096 or 0.01, or put a text in quotes",
        "g.yaml:11:10: tasks[1].columns[0].metrik: unknown field; did you mean metric?",
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("papr", "no suite 'papr'; did you mean 'paper'?; or give the file of your own, as ./my-suite.yaml"),
        ("mine", "no suite 'mine'; there are: demo, paper; or give the file of your own, as ./my-suite.yaml"),
        ("./x.yaml", "x.yaml cannot be read: there is no such file; files of YAML there: 'g.yaml'"),
        ("./g.yml", "g.yml cannot be read: there is no such file; did you mean g.yaml?"),
        ("./Mine.yaml", "the suite Mine.yaml is named by its file; rename it to at most 40 small letters, digits, dots and dashes"),
    ],
)  # fmt: skip
def test_a_suite_that_is_not_there(folder: Path, given: str, said: str) -> None:
    assert folder.is_dir()
    with pytest.raises(BadInputError) as caught:
        load_suite(given)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("path", "old", "new", "said"),
    [
        ("g.yaml", "metric: acc,", "metric: acc_norm,", "task capitals of the suite has no metric 'acc_norm'; known: acc"),
        ("g.yaml", "first-word", "last-word", "task countries of the suite has no metric 'exact_match,last-word'; give one of exact_match,first-word"),
        ("g.yaml", "- name: piqa", "- {name: piqa, folder: piqaa}", "task piqa of the suite: lm-eval 0.4.13 has no folder tasks/piqaa; did you mean piqa?"),
        ("g.yaml", "- name: piqa", "- {name: piqa, columns: [{metric: f1}]}", "task piqa of the suite has no metric 'f1'; known: acc, acc_norm"),
        ("geography/capitals.yaml", "{{country}}", "{{country}", "task capitals: doc_to_text is no template: unexpected '}'; correct its {{…}}"),
    ],
)  # fmt: skip
def test_what_lm_eval_must_know_is_checked_before_anything_is_scored(
    folder: Path, path: str, old: str, new: str, said: str
) -> None:
    change(folder / path, old, new)
    tasks = load_suite("g.yaml").tasks
    with pytest.raises(BadInputError) as caught:
        [*map(find_subtasks, tasks)]
    assert str(caught.value) == said
