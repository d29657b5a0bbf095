"""lm-eval's own definitions of a suite's tasks, read from the one folder that holds each.

Imports lm-eval (about 1 s), but neither torch nor any task's code. Its index's entries and its
YAML loader have no public name; lm-eval is pinned, and the tests read all of the paper's tasks.
"""

from importlib import metadata
from pathlib import Path
from typing import Any

from lm_eval.tasks import TaskManager
from lm_eval.tasks._index import Entry, Kind
from lm_eval.tasks._yaml_loader import load_yaml

from jobs.errors import BadInputError
from jobs.suites.sealed import DataSet, Subtask
from jobs.suites.suite import Task

LM_EVAL_VERSION = metadata.version("lm_eval")


def open_index(task: Task) -> TaskManager:
    """The index of the task's folder alone. Raises BadInputError where lm-eval lacks the task."""
    import lm_eval.tasks

    folder = Path(lm_eval.tasks.__file__).parent / task.folder
    manager = TaskManager(include_path=str(folder), include_defaults=False)
    if task.lm_eval_task not in manager.task_index:
        raise BadInputError(
            f"lm-eval {LM_EVAL_VERSION} has no task {task.lm_eval_task!r} in tasks/{task.folder}; "
            f"correct task {task.name!r} of the suite"
        )
    return manager


def leaves(index: dict[str, Entry], name: str) -> list[str]:
    """The single tasks below a task, tag or group, sorted.

    Members that are defined inside a group, rather than named, are not included.
    """
    entry = index[name]
    if entry.kind is Kind.TASK:
        return [name]
    members = entry.tags if entry.kind is Kind.TAG else (entry.cfg or {})["task"]
    return sorted({leaf for member in members for leaf in leaves(index, member)})


def find_subtasks(task: Task) -> tuple[Subtask, ...]:
    """The single tasks of lm-eval that a suite's task consists of."""
    if task.own:
        return (describe(task.own.config(), task.num_fewshot),)
    index = open_index(task).task_index
    return tuple(
        describe(definition(index[name], run_functions=False), task.num_fewshot)
        for name in leaves(index, task.lm_eval_task)
    )


def definition(entry: Entry, *, run_functions: bool) -> dict[str, Any]:
    """A task's definition; with `run_functions`, its Python functions are imported."""
    found: dict[str, Any] = load_yaml(entry.yaml_path, resolve_func=run_functions)
    return found


def describe(config: dict[str, Any], num_fewshot: int) -> Subtask:
    """What of its data set a definition reads: the split to score, and that of the shots."""
    fewshot = (config.get("fewshot_config") or {}).get("split") or config.get("fewshot_split")
    shots_from = fewshot or config.get("training_split") or config.get("validation_split")
    eval_split = config.get("test_split") or config["validation_split"]
    return Subtask(
        name=config["task"],
        version=str(config["metadata"]["version"]),
        data=DataSet(path=config["dataset_path"], config=config.get("dataset_name")),
        eval_split=eval_split,
        fewshot_split=(shots_from or eval_split) if num_fewshot else None,
    )
