"""lm-eval's own tasks on sealed data: same prompts, answers and metrics, another source of items.

Each single task's definition is taken as it stands; replaced are where its items come from, the
splits it reads (so that no unread one is needed), the number of shots, and what the suite says
of generation.
"""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import lm_eval.utils
import pyarrow as pa
import yaml
from jinja2 import StrictUndefined
from jinja2.sandbox import SandboxedEnvironment
from lm_eval.api.task import ConfigurableTask
from lm_eval.defaults import default_gen_kwargs

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.kinds.network import refusing
from jobs.kinds.rows import HELDOUT_ARTICLES, read_heldout_articles
from jobs.suites import Task
from jobs.suites.harness import LM_EVAL_VERSION, definition, find_subtasks, open_index
from jobs.suites.items import read_items
from jobs.suites.sealed import SEAL_AGAIN, SealedSuite, Subtask

TaskDict = dict[str, Any]
"""lm-eval's: ``tasks`` and ``groups`` by name, and ``group_map``."""


def bundle_tasks(bundle: Artifact, task: Task, max_length: int) -> TaskDict:
    """The task of a suite on the bundle's data, for a model of `max_length` tokens."""
    subtasks = SealedSuite.of(bundle).subtasks.get(task.name, ())
    _check_definitions(bundle, task, subtasks)
    if task.own:
        return _own_task(bundle, task, subtasks[0], max_length)
    manager = open_index(task)
    for subtask in subtasks:
        entry = manager.task_index[subtask.name]
        config = definition(entry, run_functions=True)
        changes = _changes(bundle, task, subtask)
        if config["output_type"] == "generate_until":
            changes["generation_kwargs"] = _generation(config, task, max_length)
        manager.task_index[subtask.name] = dataclasses.replace(
            entry, yaml_path=None, cfg={**config, **changes}
        )
    with refusing(bundle, f"holds no data of the task {task.name}", "seal it again"):
        loaded: TaskDict = manager.load([task.lm_eval_task])
    return loaded


def _own_task(bundle: Artifact, task: Task, subtask: Subtask, max_length: int) -> TaskDict:
    """A task of the user's own; its templates can reach nothing but the item.

    lm-eval renders with one environment of Jinja's, which is no sandbox, for all of a process.
    """
    assert task.own
    lm_eval.utils.env = SandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    lm_eval.utils.env.filters["regex_replace"] = lm_eval.utils.regex_replace
    config = {**task.own.config(), **_changes(bundle, task, subtask)}
    if config["output_type"] == "generate_until":
        config["generation_kwargs"] = _generation(config, task, max_length)
    with refusing(bundle, f"holds no data of the task {task.name}", "seal it again"):
        made = ConfigurableTask(config=config)
    return {"tasks": {made.task_name: made}, "groups": {}, "group_map": {}}


def heldout_tasks(rows: Artifact) -> TaskDict:
    """The task ``heldout``: the loss on the articles that were kept out of `rows`."""
    if HELDOUT_ARTICLES not in rows:
        raise BadInputError(f"rows {rows.uri} lack {HELDOUT_ARTICLES}; pack articles, not chats")
    table = read_heldout_articles(rows)
    if not table.num_rows:
        raise BadInputError(
            f"rows {rows.uri} hold no held-out article; pack with a larger --heldout-fraction"
        )
    config = yaml.safe_load((Path(__file__).parent / "heldout.yaml").read_text())
    config["custom_dataset"] = _data_of({config["test_split"]: table})
    task = ConfigurableTask(config=config)
    return {"tasks": {task.task_name: task}, "groups": {}, "group_map": {}}


def _check_definitions(bundle: Artifact, task: Task, sealed: tuple[Subtask, ...]) -> None:
    """Raises BadInputError where this lm-eval defines the task otherwise than when sealed."""

    def without_revision(subtask: Subtask) -> Subtask:
        data = subtask.data.model_copy(update={"revision": None})
        return subtask.model_copy(update={"data": data})

    if tuple(map(without_revision, sealed)) != find_subtasks(task):
        raise BadInputError(
            f"bundle {bundle.uri} was sealed for another definition of {task.lm_eval_task} than "
            f"that of lm-eval {LM_EVAL_VERSION}, which runs here; {SEAL_AGAIN}"
        )


def _changes(bundle: Artifact, task: Task, subtask: Subtask) -> dict[str, Any]:
    """What is replaced in the definition of every single task."""
    tables = {
        split: read_items(bundle, subtask.data.sealed_file(split), task.data_columns)
        for split in subtask.splits
    }
    return {
        "custom_dataset": _data_of(tables),
        "dataset_kwargs": None,
        "training_split": None,
        "validation_split": None,
        "test_split": subtask.eval_split,
        "fewshot_split": subtask.fewshot_split,
        "num_fewshot": task.num_fewshot,
    }


def _generation(config: dict[str, Any], task: Task, max_length: int) -> dict[str, Any]:
    """The task's generation settings; at most half of the model's length is left to an answer."""
    defaults = default_gen_kwargs(config.get("fewshot_delimiter", "\n\n"))
    wanted = {**(config.get("generation_kwargs") or defaults), **task.generation}
    longest = int(wanted.get("max_gen_toks", 256))  # lm-eval's default for transformers models
    return {**wanted, "max_gen_toks": min(longest, max_length // 2)}


def _data_of(tables: dict[str, pa.Table]) -> Callable[..., datasets.DatasetDict]:
    """A loader of data, as lm-eval calls it: the task's metadata come as arguments, unused."""

    def load(**_: Any) -> datasets.DatasetDict:
        return datasets.DatasetDict(
            {
                split: datasets.Dataset(datasets.table.InMemoryTable(table))
                for split, table in tables.items()
            }
        )

    return load
