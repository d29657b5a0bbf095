"""What a suite is, and the suites there are: one YAML file each beside this module.

Light on purpose (pydantic and YAML): the plan of a refresh reads suites too.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field

from jobs.errors import BadInputError
from jobs.records import Record
from jobs.words import nearest

Group = Literal["instruction", "reasoning", "other"]


class Column(Record):
    """One number of a task, and how the paper's tables call it."""

    metric: str
    """The metric in lm-eval; with a filter, as ``exact_match,strict-match``."""
    benchmark: str
    """The benchmark in the paper's tables, as ``GSM8K``."""
    label: str
    """The metric in the paper's tables, as ``strict-EM``."""
    group: Group
    """The average that it counts in, beside the overall one; ``other`` counts in no group's."""


class Task(Record):
    """One task of lm-eval, how it is put to a model, and what is read from it."""

    name: str
    """The name in our commands and paths."""
    lm_eval_task: str
    """The task or group of tasks in lm-eval."""
    folder: str = Field(pattern=r"^[a-z0-9_]+(/[a-z0-9_]+)*$")
    """The folder below ``lm_eval/tasks`` that defines it: the whole index takes 9 s to read."""
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


class Suite(Record):
    """A named list of tasks, in the order of the tables."""

    name: str
    tasks: tuple[Task, ...] = Field(min_length=1)

    @property
    def columns(self) -> tuple[Column, ...]:
        """All columns of the tables, in their order."""
        return tuple(column for task in self.tasks for column in task.columns)

    def task(self, name: str, also: tuple[str, ...] = ()) -> Task:
        """The task of this name. Raises BadInputError with the nearest name, or one of `also`."""
        names = [task.name for task in self.tasks]
        if name not in names:
            near = _nearest(name, [*names, *also])
            raise BadInputError(f"suite {self.name!r} has no task {name!r}; {near}")
        return self.tasks[names.index(name)]


def suite_names() -> list[str]:
    """The names of all suites, sorted."""
    return sorted(path.stem for path in Path(__file__).parent.glob("*.yaml"))


def load_suite(name: str) -> Suite:
    """The suite of this name. Raises BadInputError with the nearest name."""
    names = suite_names()
    if name not in names:
        raise BadInputError(f"no suite {name!r}; {_nearest(name, names)}")
    text = (Path(__file__).parent / f"{name}.yaml").read_text()
    return Suite(name=name, **yaml.safe_load(text))


def _nearest(name: str, names: list[str]) -> str:
    return nearest(repr(name), [*map(repr, names)], f"there are: {', '.join(names)}")
