"""Reads a workflow's file: what the engine does not know is refused, with its place.

So is a name that leads nowhere, or that a cluster would not take.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from jobs.command.running import OUTPUTS
from jobs.errors import BadInputError
from jobs.plain_yaml import Location, YamlSource
from jobs.validation import expectation
from jobs.words import shown
from pipelines.local.forms import CLUSTER_NAME
from pipelines.local.workflow import (
    KINDS,
    STEP,
    DagTemplate,
    FamilyTemplate,
    Spec,
    StepTemplate,
    Task,
    WorkflowFile,
    WorkflowTemplate,
)


def read_workflow(path: Path, *others: Path) -> WorkflowTemplate:
    """The workflow in a file; its families' are in `others`.

    Raises BadInputError for whatever the engine does not know.
    """
    known = dict(_named(other, {}) for other in others)
    return _named(path, known)[1]


def _named(path: Path, others: Mapping[str, WorkflowTemplate]) -> tuple[str, WorkflowTemplate]:
    source = YamlSource.read(path)
    try:
        file = WorkflowFile.model_validate(source.value)
    except ValidationError as error:
        raise _refusal(source, error) from error
    for location, why in _loose_ends(file.spec, others.keys()):
        raise BadInputError(f"{source.position(location)}: {_dotted(location)}: {why}")
    return file.metadata.name, WorkflowTemplate(file.spec, others)


def _refusal(source: YamlSource, error: ValidationError) -> BadInputError:
    """What is unknown comes before what is missing: it is mostly why."""
    problems = error.errors()
    first = next((p for p in problems if p["type"] != "missing"), problems[0])
    location = [key for key in first["loc"] if key not in (STEP, *KINDS.values())]
    where, why = source.position(location), expectation(first)
    if first["type"] == "extra_forbidden":
        where, why = source.position_of_key(location), "this field"
    elif first["type"] == "missing":
        why = "how to do without this field"
    else:
        why = f"{shown(first['input'])}: {why}"
    return BadInputError(f"{where}: {_dotted(location)}: the local engine does not know {why}")


def _loose_ends(spec: Spec, others: Collection[str]) -> Iterator[tuple[Location, str]]:
    """Where a name leads nowhere. As all names lead one way, there are no circles."""
    templates = spec.templates
    names = [template.name for template in templates]
    for number, template in enumerate(templates):
        location = ("spec", "templates", number)
        yield from _loose_name(template.name, location)
        if template.name in names[:number]:
            yield location, f"there is another template {template.name!r}"
        if isinstance(template, StepTemplate):
            yield from _loose_outputs(template, location)
        elif isinstance(template, FamilyTemplate):
            if template.resource.template not in others:
                why = f"there is no workflow {template.resource.template!r} beside this one"
                yield (*location, "resource", "manifest"), why
        elif isinstance(template, DagTemplate):
            yield from _loose_tasks(template.dag.tasks, names[number + 1 :], location)


def _loose_outputs(template: StepTemplate, location: Location) -> Iterator[tuple[Location, str]]:
    folder = {variable.name: variable.value for variable in template.container.env}.get(OUTPUTS)
    for number, output in enumerate(template.outputs.parameters):
        if output.value_from.path != f"{folder}/{output.name}":
            why = f"expected the path of {output.name!r} in {OUTPUTS} ({folder})"
            yield (*location, "outputs", "parameters", number, "valueFrom", "path"), why


def _loose_name(name: str, location: Location) -> Iterator[tuple[Location, str]]:
    if not CLUSTER_NAME.fullmatch(name):
        yield (*location, "name"), f"{name!r}: expected a name of letters, digits and dashes"


def _loose_tasks(
    tasks: Sequence[Task], templates: Sequence[str], location: Location
) -> Iterator[tuple[Location, str]]:
    above: set[str] = set()
    in_order = any(task.depends for task in tasks)
    for number, task in enumerate(tasks):
        here = (*location, "dag", "tasks", number)
        yield from _loose_name(task.name, here)
        if in_order and task.name[0].isdecimal():
            yield (*here, "name"), f"expected a letter to begin {task.name!r}, where tasks depend"
        if task.name in above:
            yield here, f"there is another task {task.name!r}"
        if task.template not in templates:
            yield (*here, "template"), f"there is no template {task.template!r} below this one"
        for name in task.depends:
            if name not in above:
                yield (*here, "depends"), f"there is no task {name!r} above this one"
        above.add(task.name)


def _dotted(location: Location) -> str:
    return ".".join(map(str, location))
