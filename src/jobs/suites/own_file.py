"""A suite of the user's own: a file of YAML beside folders of task definitions, read as data.

    tasks:
      - name: piqa                     # of the paper's: all else is as there
      - name: copa                     # another of lm-eval's
        folder: super_glue/copa        # below lm_eval/tasks; default: its name
        columns: [{metric: acc, group: reasoning}]
      - name: capitals                 # one of yours: tasks/*.yaml with `task: capitals`
        folder: ./tasks                # from this file
        num_fewshot: 2
        apply_chat_template: true
        columns: [{metric: exact_match, group: instruction}]

A task's definition is lm-eval's YAML (`jobs.suites.own` says which of it). It may include another
file of its folder; its items come from the hub, or from files of its folder (``data_files``).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from jobs.artifacts.hashing import digest_of_path
from jobs.errors import BadInputError
from jobs.plain_yaml import Location, YamlSource, refuse
from jobs.plain_yaml.telling import dotted, problems_of
from jobs.records import Record, first_problem
from jobs.suites.own import Generation, OwnTask, TaskName
from jobs.suites.suite import DIGITS, Column, Group, Suite, Task, shipped_suite, suite_names
from jobs.validation import Shape
from jobs.words import nearest, shown

MAX_STEM = 40
MOST_FILES = 500
"""Of one folder of tasks."""
MOST_INCLUDES = 5
SUFFIXES = (".jsonl", ".parquet")
_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
Folder = Annotated[
    str,
    Shape(
        r"^((\.\.?/\S+)|[a-z0-9_]+(/[a-z0-9_]+)*)$",
        "a folder of lm_eval/tasks, as arc, or one of yours, from this file, as ./tasks",
    ),
]
_IS_CODE = "names code, which is never run; write templates ({{…}})"
_OF_SUITE = "is the suite's to say, with the task's name there"
_REFUSED = {
    **dict.fromkeys(("class", "process_docs", "process_results", "custom_dataset"), _IS_CODE),
    **dict.fromkeys(("unsafe_code", "use_prompt", "fewshot_config"), _IS_CODE),
    **dict.fromkeys(("num_fewshot", "group"), _OF_SUITE),
}
"""Fields of lm-eval's that are refused, and why."""


class _Column(Record):
    metric: str
    benchmark: str | None = None
    """Default: the task's name."""
    label: str | None = None
    """Default: the metric."""
    group: Group = "other"


class _Task(Record):
    """What is not given is that of the task of this name in the suites that come along."""

    name: TaskName
    lm_eval_task: str | None = None
    """Default: the name."""
    folder: Folder | None = None
    """Default: the name."""
    num_fewshot: int | None = Field(None, ge=0)
    apply_chat_template: bool | None = None
    generation: Generation | None = None
    data_columns: tuple[str, ...] | None = None
    sentence_model: bool | None = None
    columns: tuple[_Column, ...] | None = Field(None, min_length=1)


def _named(given: Any) -> Any:
    """A name alone is the task of that name."""
    return {"name": given} if isinstance(given, str) else given


class _File(Record):
    tasks: tuple[Annotated[_Task, BeforeValidator(_named)], ...] = Field(min_length=1)


def read_suite(path: Path) -> Suite:
    """The suite in a file. Raises BadInputError, a line for each thing that is wrong."""
    stem = path.name.rpartition(".")[0]
    if len(stem) > MAX_STEM or not re.fullmatch(r"[a-z0-9]+([._-][a-z0-9]+)*", stem):
        raise BadInputError(
            f"the suite {path} is named by its file; rename it to at most {MAX_STEM} small "
            "letters, digits, dots and dashes"
        )
    source = YamlSource.look(path)
    problems = [*source.problems]
    if not isinstance(source.value, dict):
        refuse(source.path, [*problems, source.problem((), "suite: expected a mapping: tasks")])
    try:
        file = _File.model_validate(source.value)
    except ValidationError as error:
        problems += problems_of(error, source, "suite", lambda place: _unknown(_File, place))
        file = None
    refuse(source.path, problems)
    assert file is not None
    tasks = [_resolved(task, number, source, path.parent) for number, task in enumerate(file.tasks)]
    try:
        suite = Suite(name=stem, tasks=tuple(tasks))
    except ValidationError as error:
        raise BadInputError(f"{path}: {first_problem(error)}") from error
    return suite.model_copy(update={"name": f"{stem}-{suite.digest()[:DIGITS]}"})


def _resolved(task: _Task, number: int, source: YamlSource, around: Path) -> Task:
    """The task with all that may be left out, and with its definition if it is an own one."""
    place: Location = ["tasks", number]
    at = f"{source.position(place)}: {dotted(place)}"
    known = _known().get(task.name)
    values: dict[str, Any] = {"num_fewshot": 0, "data_columns": (), "lm_eval_task": task.name}
    if task.folder and task.folder.startswith("."):
        name = task.lm_eval_task or task.name
        values |= {"folder": "", "own": _own_task(at, around / task.folder, name)}
    else:
        values |= {"folder": task.lm_eval_task or task.name}
        values |= known.model_dump() if known else {}
    given = task.model_dump(exclude_none=True)
    if values.get("own"):
        given.pop("folder")
    if task.generation:
        given["generation"] = task.generation.given()
    if task.columns:
        given["columns"] = [_column(column, task.name) for column in task.columns]
    elif "columns" not in values:
        refuse(source.path, [source.problem(place, f"{dotted(place)}: lacks columns, each as "
                                            "{metric: acc}", "lack")])  # fmt: skip
    try:
        return Task.model_validate({**values, **given})
    except ValidationError as error:
        raise BadInputError(f"{at}: {first_problem(error)}") from error


def _column(column: _Column, task: str) -> Column:
    return Column(
        metric=column.metric,
        benchmark=column.benchmark or task,
        label=column.label or column.metric,
        group=column.group,
    )


def _known() -> dict[str, Task]:
    """The tasks of the suites that come along."""
    return {task.name: task for name in suite_names() for task in shipped_suite(name).tasks}


def _own_task(at: str, folder: Path, name: str) -> OwnTask:
    """The definition of this name in a folder. Raises BadInputError with the nearest name."""
    if not folder.is_dir():
        raise BadInputError(f"{at}: there is no folder {folder}")
    found: dict[str, YamlSource] = {}
    for path in sorted(folder.glob("*.yaml"))[:MOST_FILES]:
        source = YamlSource.read(path)
        task = source.value.get("task") if isinstance(source.value, dict) else None
        if isinstance(task, str):
            if task in found:
                raise BadInputError(
                    f"{source.position(['task'])}: the task {shown(task)} is defined in "
                    f"{found[task].path}, too; rename one"
                )
            found[task] = source
    if name not in found:
        hint = nearest(name, sorted(found)) if found else "no file *.yaml there defines one"
        raise BadInputError(f"{at}: {folder} has no task {shown(name)}; {hint}")
    return _read_task(found[name], folder)


def _read_task(source: YamlSource, folder: Path) -> OwnTask:
    values = _with_included(source, folder, 0)
    _refuse_code(source, values)
    values["data_files"] = _data_files(source, values, folder)
    values.pop("dataset_kwargs", None)
    try:
        return OwnTask.model_validate(values)
    except ValidationError as error:
        told = problems_of(error, source, "task", lambda place: _unknown(OwnTask, place))
        refuse(source.path, told)
        raise AssertionError from error


def _with_included(source: YamlSource, folder: Path, depth: int) -> dict[str, Any]:
    """The file's values over those of the file that it includes."""
    values = dict(source.value)
    if "include" not in values:
        return values
    name = values.pop("include")
    path = _inside(source, ["include"], name, folder, (".yaml",))
    if depth == MOST_INCLUDES:
        _refuse(source, ["include"], "nests too deep, or in itself")
    included = YamlSource.read(path)
    if not isinstance(included.value, dict):
        raise BadInputError(f"{included.path}:1:1: task: expected a mapping")
    return {**_with_included(included, folder, depth + 1), **values}


def _refuse_code(source: YamlSource, values: Mapping[str, Any]) -> None:
    problems = [
        source.problem([field], f"{field}: {_REFUSED[field]}", "key")
        for field in values
        if field in _REFUSED
    ]
    refuse(source.path, problems)


def _data_files(source: YamlSource, values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Split → file, of ``dataset_kwargs: {data_files: …}``; a text alone is the split train."""
    given = values.get("dataset_kwargs")
    place: Location = ["dataset_kwargs"]
    if given is None:
        if values.get("dataset_path") in ("json", "parquet"):
            _refuse(source, ["dataset_path"], "its files are missing; give dataset_kwargs: "
                    "{data_files: {test: items.jsonl}}")  # fmt: skip
        return {}
    if not isinstance(given, dict) or [*given] != ["data_files"]:
        _refuse(source, place, "expected data_files and nothing else, as {data_files: {test: a}}")
    files = given["data_files"]
    by_split = files if isinstance(files, dict) else {"train": files}
    found = {}
    for split, name in by_split.items():
        where = [*place, "data_files", *([split] if isinstance(files, dict) else [])]
        path = _inside(source, where, name, folder, SUFFIXES)
        digest = digest_of_path(path, "sha256")
        found[split] = {"sha256": digest, "suffix": path.suffix[1:], "path": str(path.resolve())}
    return found


def _inside(
    source: YamlSource, place: Location, name: Any, folder: Path, suffixes: Sequence[str]
) -> Path:
    """A file that lies in the folder itself. Raises BadInputError."""
    if not isinstance(name, str) or not _FILE_NAME.fullmatch(name):
        _refuse(source, place, f"{shown(name)} is no file of the task's folder; put it there")
    path = folder / name
    if path.suffix not in suffixes:
        _refuse(source, place, f"expected a file {' or '.join(suffixes)}, got {shown(name)}")
    if path.resolve().parent != folder.resolve():
        _refuse(source, place, f"{shown(name)} leads out of the task's folder; put the file there")
    if not path.is_file():
        there = sorted(one.name for one in folder.iterdir() if one.is_file())[:MOST_FILES]
        _refuse(source, place, f"there is no file {shown(name)}; {nearest(name, there)}")
    return path


def _refuse(source: YamlSource, place: Location, said: str) -> NoReturn:
    at = source.problem(place, f"{dotted(place)}: {said}")
    refuse(source.path, [at])
    raise AssertionError


def _unknown(model: type[BaseModel], place: Location) -> str:
    """What is wrong with a field that is unknown, with the nearest that its place has."""
    node: Any = model
    for step in place[:-1]:
        if isinstance(step, str):
            node = _models(node.model_fields[step].annotation)
    return f"unknown field; {nearest(str(place[-1]), [*node.model_fields])}"


def _models(annotation: Any) -> Any:
    """The model within an annotation such as ``tuple[Task, ...]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (_models(part) for part in getattr(annotation, "__args__", ()))
    return next((model for model in inner if model is not None), None)
