"""What a suite is, and the suites there are: one YAML file each beside this module.

A user's own is a file, too (`jobs.suites.own_file`); its name then ends with a digest of what it
says, so that whoever names it (the place of a bundle does) says which tasks are meant.

Light on purpose (pydantic and YAML): the plan of a refresh reads suites too.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from jobs.errors import BadInputError
from jobs.records import Record
from jobs.suites.own import Generation, OwnTask, TaskName
from jobs.validation import Shape
from jobs.words import nearest, shown

Group = Literal["instruction", "reasoning", "other"]
DIGITS = 20
"""Hexadecimal digits of the digest in the name of a suite of the user's own: 80 bits."""
MAX_DEFINITION = 60_000
"""Characters: one argument of a process, and one parameter of a workflow."""
HELDOUT = "heldout"


class _Part(Record):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Column(_Part):
    """One number of a task, and how the paper's tables call it."""

    metric: str
    """The metric in lm-eval; with a filter, as ``exact_match,strict-match``."""
    benchmark: str
    """The benchmark in the paper's tables, as ``GSM8K``."""
    label: str
    """The metric in the paper's tables, as ``strict-EM``."""
    group: Group
    """The average that it counts in, beside the overall one; ``other`` counts in no group's."""


class Task(_Part):
    """One task of lm-eval, how it is put to a model, and what is read from it."""

    name: TaskName
    """The name in our commands and paths."""
    lm_eval_task: str
    """The task or group of tasks in lm-eval."""
    folder: Annotated[
        str, Shape(r"^([a-z0-9_]+(/[a-z0-9_]+)*)?$", "a folder of lm_eval/tasks, as arc")
    ]
    """The folder below ``lm_eval/tasks`` that defines it: the whole index takes 9 s to read."""
    own: OwnTask | None = None
    """Its definition, where it is the user's own and no folder of lm-eval's has it."""
    num_fewshot: int = Field(ge=0)
    """Solved examples before each question."""
    apply_chat_template: bool = False
    """Put the question as a chat, where the model's tokenizer has a template."""
    generation: Mapping[str, Any] = {}
    """Generation settings in place of the task's own, as ``max_gen_toks``."""
    data_columns: tuple[str, ...]
    """The columns that its data set must have."""
    sentence_model: bool = False
    """Whether it splits sentences with NLTK's model, which is then sealed too."""
    columns: tuple[Column, ...] = Field(min_length=1)
    """The numbers that are read from it, in the order of the tables."""

    @field_validator("generation")
    @classmethod
    def _is_data(cls, given: Mapping[str, Any]) -> Mapping[str, Any]:
        return Generation.model_validate(dict(given)).given()

    @model_validator(mode="after")
    def _is_defined_once(self) -> "Task":
        if self.name == HELDOUT:
            raise ValueError("the name heldout is the loss on held-out articles; choose another")
        if (self.own is None) == (not self.folder):
            raise ValueError("give the folder that defines it: one of lm-eval's, or one of yours")
        return self

    @model_serializer(mode="wrap")
    def _without_nothing(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Suites without own tasks read as they did before there were any, digests included."""
        values: dict[str, Any] = handler(self)
        if self.own is None:
            values.pop("own", None)
        return values


class Suite(_Part):
    """A named list of tasks, in the order of the tables."""

    name: str
    tasks: tuple[Task, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Suite":
        names = [task.name for task in self.tasks]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two tasks are named {twice}; every task needs a name of its own")
        return self

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns of the tables, in their order."""
        return tuple(column for task in self.tasks for column in task.columns)

    @property
    def is_own(self) -> bool:
        """Whether it is none of those that come with this version: its name ends with a digest."""
        return re.fullmatch(rf".+-[0-9a-f]{{{DIGITS}}}", self.name) is not None

    def task(self, name: str, also: tuple[str, ...] = ()) -> Task:
        """The task of this name. Raises BadInputError with the nearest name, or one of `also`."""
        names = [task.name for task in self.tasks]
        if name not in names:
            near = _nearest(name, [*names, *also])
            raise BadInputError(f"suite {self.name!r} has no task {name!r}; {near}")
        return self.tasks[names.index(name)]

    def sealed(self) -> "Suite":
        """Without the paths of this machine, which are no part of what it is."""
        values = self.model_dump(mode="json")
        for task in values["tasks"]:
            for file in (task.get("own") or {}).get("data_files", {}).values():
                file["path"] = None
        return Suite.model_validate(values)

    def digest(self) -> str:
        """SHA-256 of all it says, but for its name."""
        tasks = self.sealed().model_dump(mode="json")["tasks"]
        text = json.dumps(tasks, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def check_name(self) -> None:
        """Raises ValueError where an own suite's name does not end with its digest."""
        if self.name.rpartition("-")[2] != self.digest()[:DIGITS]:
            raise ValueError(f"what it says is not what its name {shown(self.name)} stands for")

    def definition(self) -> str:
        """What ``--suite`` takes: the name, or of an own one all it says, as JSON.

        It passes through workflows unharmed: it has no ``{{``, which would begin a tag there, nor
        ``$``, which would begin a container's variable.
        Raises BadInputError where it is too long for that.
        """
        if not self.is_own:
            return self.name
        text = json.dumps(self.model_dump(mode="json", exclude_none=True), separators=(",", ":"))
        text = text.replace("{{", "{\\u007b").replace("{{", "{\\u007b").replace("$", "\\u0024")
        if len(text) > MAX_DEFINITION:
            raise BadInputError(
                f"suite {self.name} is too long: {len(text)} characters as JSON, at most "
                f"{MAX_DEFINITION}; split it"
            )
        return text


def suite_names() -> list[str]:
    """The names of all suites that come with this version, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.yaml"))


def shipped_suite(name: str) -> Suite:
    """The suite of this name among those that come with this version."""
    text = (Path(__file__).parent / f"{name}.yaml").read_text()
    return Suite(name=name, **yaml.safe_load(text))


def _nearest(name: str, names: list[str]) -> str:
    return nearest(repr(name), [*map(repr, names)], f"there are: {', '.join(names)}")
