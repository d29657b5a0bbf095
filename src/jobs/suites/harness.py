"""lm-eval's own definitions of a suite's tasks, read from the one folder that holds each.

Imports lm-eval (about 1 s), but neither torch nor any task's code. Its index's entries and its
YAML loader have no public name; lm-eval is pinned, and the tests read all of the paper's tasks.
"""

from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from jinja2 import Environment, TemplateSyntaxError
from lm_eval.tasks import TaskManager
from lm_eval.tasks._index import Entry, Kind
from lm_eval.tasks._yaml_loader import load_yaml

from jobs.errors import BadInputError
from jobs.suites.own import OwnTask
from jobs.suites.sealed import DataSet, Subtask
from jobs.suites.suite import Task
from jobs.words import nearest, shown

LM_EVAL_VERSION = metadata.version("lm_eval")


def open_index(task: Task) -> TaskManager:
    """The index of the task's folder alone. Raises BadInputError where lm-eval lacks the task."""
    import lm_eval.tasks

    above = Path(lm_eval.tasks.__file__).parent
    folder = above / task.folder
    if not folder.is_dir():
        known = sorted(path.name for path in above.iterdir() if path.is_dir())
        raise BadInputError(
            f"task {task.name} of the suite: lm-eval {LM_EVAL_VERSION} has no folder tasks/"
            f"{task.folder}; {nearest(task.folder, known, 'look into it with lm-eval ls tasks')}"
        )
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
        _check_templates(task.own)
        configs = [task.own.config()]
    else:
        index = open_index(task).task_index
        names = leaves(index, task.lm_eval_task)
        configs = [definition(index[name], run_functions=False) for name in names]
    for column in task.columns:
        _check_column(task.name, column.metric, configs)
    return tuple(describe(config, task.num_fewshot) for config in configs)


def _check_templates(own: OwnTask) -> None:
    """Raises BadInputError for a template that is none: else it is met after the model is read."""
    for field in ("description", "doc_to_text", "doc_to_target", "doc_to_choice"):
        text = getattr(own, field)
        try:
            Environment(autoescape=True).parse(text if isinstance(text, str) else "")
        except TemplateSyntaxError as error:
            raise BadInputError(
                f"task {own.task}: {field} is no template: {error.message}; correct its {{{{…}}}}"
            ) from error


def _check_column(task: str, metric: str, configs: Sequence[Mapping[str, Any]]) -> None:
    """Raises BadInputError for a number that the task does not give, before anything is scored."""
    name, _, chain = metric.partition(",")
    for config in configs:
        metrics = [one["metric"] for one in config.get("metric_list") or ()]
        chains = [one["name"] for one in config.get("filter_list") or ()] or ["none"]
        if metrics and name not in metrics:
            hint = nearest(name, [str(one) for one in metrics])
            raise BadInputError(f"task {task} of the suite has no metric {shown(name)}; {hint}")
        if (chain and chain not in chains) or (not chain and len(chains) > 1):
            given = ", ".join(f"{name},{one}" for one in chains)
            raise BadInputError(
                f"task {task} of the suite has no metric {shown(metric)}; give one of {given}"
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
