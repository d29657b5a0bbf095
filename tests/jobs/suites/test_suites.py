"""The suites: their numbers are the paper's, in its order, and lm-eval has their tasks."""

import csv
import subprocess
import sys

import pytest

from jobs.errors import BadInputError
from jobs.suites import load_suite
from jobs.suites.harness import find_subtasks
from jobs.suites.sealed import DataSet, Subtask
from tests.support.paths import SHARED

TABLE = SHARED / "paper" / "table2.csv"


def test_the_paper_suite_has_its_sixteen_numbers_in_order() -> None:
    columns = load_suite("paper").columns
    assert [column.group for column in columns] == [
        *["instruction"] * 8, *["reasoning"] * 7, "other",
    ]  # fmt: skip
    assert [f"{column.benchmark} {column.label} = {column.metric}" for column in columns] == [
        "IFEval ILL_acc = inst_level_loose_acc",
        "IFEval ILS_acc = inst_level_strict_acc",
        "IFEval PLL_acc = prompt_level_loose_acc",
        "IFEval PLS_acc = prompt_level_strict_acc",
        "MMLU acc = acc",
        "MMLU-Pro EM = exact_match",
        "GSM8K EM = exact_match,flexible-extract",
        "GSM8K strict-EM = exact_match,strict-match",
        "Winogrande acc = acc",
        "Hellaswag acc = acc",
        "Hellaswag acc_n = acc_norm",
        "ARC_easy acc = acc",
        "ARC_easy acc_n = acc_norm",
        "Piqa acc = acc",
        "Piqa acc_n = acc_norm",
        "TruthfulQA_mc2 acc = acc",
    ]


@pytest.mark.skipif(not TABLE.is_file(), reason="the paper's tables are not beside the checkout")
def test_its_columns_are_the_rows_of_the_papers_table() -> None:
    with TABLE.open() as file:
        rows = [(row["benchmark"], row["metric"]) for row in csv.DictReader(file)]
    printed = [row for row in rows if not row[0].startswith("printed:")]
    assert [(item.benchmark, item.label) for item in load_suite("paper").columns] == printed


def test_the_demo_suite_is_part_of_the_paper_suite() -> None:
    paper = load_suite("paper").columns
    assert all(column in paper for column in load_suite("demo").columns)
    assert [task.name for task in load_suite("demo").tasks] == ["ifeval", "arc_easy", "piqa"]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(BadInputError, match=r"no suite 'papr'; did you mean 'paper'\?"):
        load_suite("papr")
    with pytest.raises(BadInputError, match="no suite 'x'; there are: demo, paper"):
        load_suite("x")
    with pytest.raises(BadInputError, match=r"'demo' has no task 'arc-easy'; did you mean 'arc_e"):
        load_suite("demo").task("arc-easy")
    with pytest.raises(BadInputError, match=r"did you mean 'heldout'"):
        load_suite("demo").task("held-out", also=("heldout",))


def test_suites_are_light_to_import() -> None:
    code = "import sys, jobs.suites; sys.exit('lm_eval' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_lm_eval_defines_the_tasks() -> None:
    paper = load_suite("paper")
    subtasks = {task.name: find_subtasks(task) for task in paper.tasks}
    assert {name: len(found) for name, found in subtasks.items() if len(found) > 1} == {
        "mmlu": 57,
        "mmlu_pro": 14,
    }
    assert subtasks["arc_easy"] == (
        Subtask(
            name="arc_easy",
            version="1.0",
            data=DataSet(path="allenai/ai2_arc", config="ARC-Easy"),
            eval_split="test",
        ),
    )
    assert subtasks["mmlu"][1].data == DataSet(path="cais/mmlu", config="anatomy")
    shots = {name: found[0].fewshot_split for name, found in subtasks.items()}
    assert {name: split for name, split in shots.items() if split} == {
        "mmlu": "dev",
        "mmlu_pro": "validation",
        "gsm8k": "train",
    }


def test_a_task_that_lm_eval_lacks_is_refused() -> None:
    task = load_suite("demo").task("piqa").model_copy(update={"lm_eval_task": "piqua"})
    with pytest.raises(BadInputError, match=r"has no task 'piqua' in tasks/piqa"):
        find_subtasks(task)
