"""Walks a workflow: DAGs, items and retries. What is done with a step is a `Runner`'s matter.

All branches are coroutines of one thread. A task waits for those it depends on, and is then
expanded over its items; each item is a nested DAG or a step.

A walk with a runner that runs nothing fills in every tag that a run fills in: so a run is
checked before its first step, and so a plan is made.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from jobs.errors import BadInputError, PerennialError
from jobs.stopping import grace_seconds
from jobs.words import nearest, shown
from pipelines.local.tags import fill, find, read_items, read_list
from pipelines.local.workflow import (
    AnyTemplate,
    DagTemplate,
    FamilyTemplate,
    ImagesTemplate,
    RetryStrategy,
    StepTemplate,
    Task,
    WorkflowTemplate,
)

MAX_WORD_BYTES = 2**17 - 1
"""Of an argv; a longer one Linux refuses, and Argo puts a file's name in its place."""
UNKNOWN = "‹{}›"
"""Stands for an output of a step that was not run."""


@dataclass(frozen=True)
class Step:
    """One program to run: all tags are filled in."""

    name: str
    """Where it stands in the workflow: ``family/pico/train``."""
    job: str
    """The template's name."""
    inputs: Mapping[str, str]
    argv: tuple[str, ...]
    environment: Mapping[str, str]
    outputs: tuple[str, ...]
    """Names of its output parameters."""
    deadline_seconds: int | None
    grace_seconds: int
    """Between SIGTERM and SIGKILL, as its pod is granted."""


@dataclass(frozen=True)
class Outcome:
    """How a step or a group of them ended."""

    status: Literal["Succeeded", "Failed", "Error", "Stopped"]
    """Failed: it ended with another exit code than 0; Error: anything else that went wrong."""
    exit_code: int = 0
    outputs: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    cached: bool = False
    """The job found its artifact there."""


class Runner:
    """What is done with steps, many at the same time. This one runs nothing."""

    async def run(self, step: Step, attempt: int) -> Outcome:  # noqa: ARG002 - for others
        """One attempt."""
        return Outcome("Succeeded", outputs={name: UNKNOWN.format(name) for name in step.outputs})

    async def pause(self, step: Step, outcome: Outcome, seconds: float) -> None:
        """Waits before the next attempt; may return early when the run is being stopped."""

    def ended(self, step: Step, outcome: Outcome) -> None:
        """Told of the last attempt."""


class Engine:
    """One walk of one workflow."""

    def __init__(
        self,
        workflow: WorkflowTemplate,
        parameters: Mapping[str, str],
        runner: Runner,
        path: str = "",
    ) -> None:
        """`parameters` are the workflow's and, as in Argo, the inputs of its entrypoint.

        `path` says where in another workflow this one is.
        """
        self.workflow, self._runner, self._path = workflow, runner, path
        self._entry = workflow.entrypoint()
        declared = {p.name: p.value for p in workflow.spec.arguments.parameters}
        inputs = {p.name for p in self._entry.inputs.parameters}
        for name in parameters:
            if name not in declared.keys() | inputs:
                known = sorted(declared.keys() | inputs)
                raise BadInputError(
                    f"the workflow has no parameter {name!r}; {nearest(name, known)}"
                )
        given = declared | dict(parameters)
        if missing := [name for name, value in given.items() if value is None]:
            where = f"{path}: " if path else ""
            raise BadInputError(f"{where}parameters without a value: {', '.join(missing)}")
        self._given = {name: value for name, value in given.items() if value is not None}
        self._globals = {f"workflow.parameters.{k}": v for k, v in self._given.items()}
        self._arguments = {name: value for name, value in parameters.items() if name in inputs}

    async def run(self) -> Outcome:
        """Raises BadInputError for a tag, argument or item that leads nowhere."""
        try:
            return await self.run_template(self._entry, self._arguments, self._path)
        except BaseExceptionGroup as group:
            raise _first(group) from group

    async def run_template(
        self,
        template: AnyTemplate,
        arguments: Mapping[str, str],
        path: str,
    ) -> Outcome:
        """One use of a template; `path` says where in the workflow."""
        if isinstance(template, ImagesTemplate):
            return Outcome("Succeeded")
        inputs = self._inputs(template, arguments, path or template.name)
        values = self._globals | {f"inputs.parameters.{k}": v for k, v in inputs.items()}
        if isinstance(template, DagTemplate):
            return await _DagRun(self, template.dag.tasks, values, path).run()
        if isinstance(template, FamilyTemplate):
            return await self._family(template.resource.template, inputs, path).run()
        step = _step(template, inputs, values, path or template.name)
        return await self._run_step(step, template.retry_strategy)

    def _family(self, template: str, inputs: Mapping[str, str], path: str) -> "Engine":
        """A family's workflow; as in Argo, a parameter that it does not declare is passed over."""
        listed = read_list(self._given["families"], "families")
        given = {k: v for k, v in self._given.items() if k != "families"}
        given |= {name: inputs[name] for name in ("run", "period")}
        given |= find(listed, inputs["name"])
        workflow = self.workflow.others[template]
        declared = [p.name for p in workflow.spec.arguments.parameters if p.name in given]
        return Engine(workflow, {name: given[name] for name in declared}, self._runner, path)

    def _inputs(
        self,
        template: DagTemplate | StepTemplate | FamilyTemplate,
        arguments: Mapping[str, str],
        where: str,
    ) -> dict[str, str]:
        inputs = dict(arguments)
        for parameter in template.inputs.parameters:
            if parameter.name not in arguments:
                if parameter.default is None:
                    missing = f"input {parameter.name!r} of template {template.name}"
                    raise BadInputError(f"{where}: {missing} is not given")
                inputs[parameter.name] = fill(parameter.default, self._globals, where)
        if unknown := inputs.keys() - {p.name for p in template.inputs.parameters}:
            raise BadInputError(f"{where}: template {template.name} has no input {min(unknown)!r}")
        return inputs

    async def _run_step(self, step: Step, retry: RetryStrategy | None) -> Outcome:
        attempt = 1
        while True:
            outcome = await self._runner.run(step, attempt)
            if retry is None or attempt > retry.limit or not _is_retried(outcome, retry):
                break
            seconds = retry.backoff.duration * retry.backoff.factor ** (attempt - 1)
            await self._runner.pause(step, outcome, seconds)
            attempt += 1
        self._runner.ended(step, outcome)
        return outcome


class _DagRun:
    """One DAG on its way."""

    def __init__(
        self, engine: Engine, tasks: Iterable[Task], values: Mapping[str, str], path: str
    ) -> None:
        self._engine, self._tasks, self._values, self._path = engine, tasks, values, path
        self._running: dict[str, asyncio.Task[Outcome]] = {}
        self._outputs: dict[str, dict[str, str]] = {}
        """Task → the tags of its outputs, and of those of all that ended before it began."""

    async def run(self) -> Outcome:
        async with asyncio.TaskGroup() as group:
            for task in self._tasks:
                self._running[task.name] = group.create_task(self._run_task(task))
        return _together(running.result() for running in self._running.values())

    async def _run_task(self, task: Task) -> Outcome:
        """The task's outcome; where it cannot begin, that of the task it waited for in vain."""
        outputs: dict[str, str] = {}
        for name in task.depends:
            before = await self._running[name]
            if before.status != "Succeeded":
                return before
            outputs |= self._outputs[name]
        outcome = await self._run_items(task, {**self._values, **outputs})
        for name, value in outcome.outputs.items():
            outputs[f"tasks.{task.name}.outputs.parameters.{name}"] = value
        self._outputs[task.name] = outputs
        return outcome

    async def _run_items(self, task: Task, values: Mapping[str, str]) -> Outcome:
        path = f"{self._path}/{task.name}".lstrip("/")
        if task.with_param is None:
            return await self._run_one(task, values, path)
        items = read_items(fill(task.with_param, values, path), path)
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(self._run_one(task, {**values, "item": item}, f"{path}/{label}"))
                for label, item in items
            ]
        return _together(one.result() for one in running)

    async def _run_one(self, task: Task, values: Mapping[str, str], path: str) -> Outcome:
        template = self._engine.workflow.template(task.template)
        arguments = {p.name: fill(p.value, values, path) for p in task.arguments.parameters}
        return await self._engine.run_template(template, arguments, path)


def _step(
    template: StepTemplate, inputs: Mapping[str, str], values: Mapping[str, str], name: str
) -> Step:
    container = template.container
    environment = {v.name: fill(v.value, values, name) for v in container.env}
    words = tuple(fill(word, values, name) for word in container.args)
    for tag, word in zip(container.args, words, strict=True):
        if len(word.encode(errors="replace")) > MAX_WORD_BYTES:
            raise BadInputError(f"{name}: {shown(tag)} has more than {MAX_WORD_BYTES} bytes")
    return Step(
        name=name,
        job=template.name,
        inputs=inputs,
        argv=(*container.command, *words),
        environment=environment,
        outputs=tuple(output.name for output in template.outputs.parameters),
        deadline_seconds=template.active_deadline_seconds,
        grace_seconds=grace_seconds(environment),
    )


def _is_retried(outcome: Outcome, retry: RetryStrategy) -> bool:
    if outcome.status == "Failed":
        return outcome.exit_code in retry.codes
    return outcome.status == "Error"


def _together(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of a group: the first that is no success, in the order of the file."""
    return next((o for o in outcomes if o.status != "Succeeded"), Outcome("Succeeded"))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The branches fail as a group; a person needs the one error."""
    error: BaseException = group.subgroup(PerennialError) or group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
