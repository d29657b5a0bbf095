"""``{{…}}``: putting values in place of tags, and checking beforehand that each has one."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.errors import BadInputError
from jobs.words import nearest
from pipelines.local import expression
from pipelines.local.workflow import Task, Template, WorkflowTemplate

TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
TASK_OUTPUT = re.compile(r"tasks\.([\w-]+)\.outputs\.parameters\.([\w-]+)")

CONDITIONS = {
    "": ("Succeeded", "Skipped"),
    "Succeeded": ("Succeeded",),
    "Failed": ("Failed",),
    "Errored": ("Error",),
    "Skipped": ("Skipped",),
    "Omitted": ("Omitted",),
}
"""``task.Word`` in ``depends`` → the statuses for which it is true; a bare name is the first."""

Values = Mapping[str, str]


def fill(text: str, values: Values) -> str:
    """`text` with each tag replaced by its value. A tag without one is an error, never left."""

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in values:
            raise BadInputError(f"nothing to put in place of {match[0]}")
        return values[name]

    return TAG.sub(value, text)


def tags(text: str) -> list[str]:
    """The names in the tags of a text."""
    return [match[1].strip() for match in TAG.finditer(text)]


def item_values(item: Any) -> dict[str, str]:
    """The tags of one item: ``item``, and ``item.key`` where it is a mapping.

    What is no text becomes JSON, so that a list within an item can be the next ``withParam``.
    """
    values = {"item": _as_text(item)}
    if isinstance(item, dict):
        values |= {f"item.{key}": _as_text(value) for key, value in item.items()}
    return values


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def check_references(workflow: WorkflowTemplate) -> None:
    """Refuses tags, templates, arguments and dependencies that lead nowhere, before any step."""
    names = {f"workflow.parameters.{p.name}" for p in workflow.spec.arguments.parameters}
    names |= {"workflow.name"}
    for template in workflow.spec.templates:
        _check_template(workflow, template, names)


def _check_template(workflow: WorkflowTemplate, template: Template, names: set[str]) -> None:
    if (template.container is None) == (template.dag is None):
        raise BadInputError(f"template {template.name}: give exactly one of container and dag")
    _check_tags(template.name, (p.given or "" for p in template.inputs.parameters), names)
    known = names | {f"inputs.parameters.{p.name}" for p in template.inputs.parameters}
    if template.container:
        container = template.container
        texts = [*container.command, *container.args, *(v.value for v in container.env)]
        _check_tags(template.name, texts, known)
        _check_outputs(template)
    if template.retry_strategy:
        last = {"lastRetry.status": "Failed", "lastRetry.exitCode": "1"}
        expression.evaluate(template.retry_strategy.expression, last.__getitem__)
    for task in template.dag.tasks if template.dag else ():
        _check_task(workflow, template, task, known)


def _check_outputs(template: Template) -> None:
    assert template.container
    folder = {v.name: v.value for v in template.container.env}.get("PERENNIAL_OUTPUTS")
    for parameter in template.outputs.parameters:
        path = parameter.value_from.path
        if folder is None or not path.startswith(f"{folder}/"):
            raise BadInputError(
                f"template {template.name}: output {parameter.name} at {path} is not below "
                f"PERENNIAL_OUTPUTS ({folder})"
            )


def _check_task(
    workflow: WorkflowTemplate, template: Template, task: Task, known: set[str]
) -> None:
    assert template.dag
    where = f"{template.name}.{task.name}"
    tasks = {other.name: other for other in template.dag.tasks}
    for name in expression.names(task.depends):
        other, _, word = name.partition(".")
        if other not in tasks:
            raise BadInputError(f"{where}: depends on {other!r}, which is no task here")
        if word not in CONDITIONS:
            raise BadInputError(f"{where}: depends on {name!r}; {nearest(word, [*CONDITIONS])}")
    before = _ancestors(task, tasks, where)
    outputs = {
        f"tasks.{name}.outputs.parameters.{parameter.name}"
        for name in before
        if tasks[name].with_param is None and tasks[name].with_items is None
        for parameter in workflow.template(tasks[name].template).outputs.parameters
    }
    _check_tags(where, [task.when or "", task.with_param or ""], known | outputs)
    values = [parameter.given or "" for parameter in task.arguments.parameters]
    in_item = {tag for value in values for tag in tags(value) if _is_item(tag)}
    if in_item and task.with_param is None and task.with_items is None:
        raise BadInputError(f"{where}: {{{{{min(in_item)}}}}} without withItems or withParam")
    _check_tags(where, values, known | outputs | in_item)
    _check_arguments(where, task, workflow.template(task.template))


def _check_arguments(where: str, task: Task, target: Template) -> None:
    given = {parameter.name for parameter in task.arguments.parameters}
    inputs = {parameter.name: parameter for parameter in target.inputs.parameters}
    for name in given - inputs.keys():
        raise BadInputError(f"{where}: template {target.name} has no input {name!r}")
    for name, parameter in inputs.items():
        if name not in given and parameter.given is None:
            raise BadInputError(f"{where}: input {name!r} of template {target.name} is not given")


def _check_tags(where: str, texts: Any, known: set[str]) -> None:
    for text in texts:
        for name in tags(text):
            if name not in known:
                raise BadInputError(f"{where}: the local engine does not know {{{{{name}}}}} here")


def _is_item(tag: str) -> bool:
    return tag == "item" or tag.startswith("item.")


def dependencies(task: Task) -> list[str]:
    """Names of the tasks that `depends` speaks of."""
    return [name.partition(".")[0] for name in expression.names(task.depends)]


def _ancestors(task: Task, tasks: Mapping[str, Task], where: str) -> set[str]:
    """All tasks that end before `task` begins. Raises BadInputError for a circle."""
    found: set[str] = set()

    def walk(names: Iterator[str]) -> None:
        for name in names:
            if name == task.name:
                raise BadInputError(f"{where}: depends on itself, by way of others")
            if name in tasks and name not in found:
                found.add(name)
                walk(iter(dependencies(tasks[name])))

    walk(iter(dependencies(task)))
    return found
