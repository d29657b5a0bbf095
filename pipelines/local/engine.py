"""Walks a workflow: DAGs, items, conditions and retries. How a step is run is a `Runner`'s matter.

All branches are coroutines of one thread. A task waits for those it depends on, and is then
expanded over its items; each item is a nested DAG or a step.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from jobs.errors import BadInputError
from jobs.words import nearest
from pipelines.local import expression
from pipelines.local.tags import CONDITIONS, check_references, dependencies, fill, item_values
from pipelines.local.workflow import RetryStrategy, Task, Template, WorkflowTemplate

Status = Literal["Succeeded", "Failed", "Error", "Skipped", "Omitted", "Stopped"]
SAFE_LABEL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")


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
    outputs: Mapping[str, str]
    """Output parameter → path of its file, as the workflow has it."""
    deadline_seconds: float | None = None


@dataclass(frozen=True)
class Outcome:
    """How a task or step ended."""

    status: Status
    exit_code: int = 0
    outputs: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    cached: bool = False
    """The job found its artifact there."""


class Runner(Protocol):
    """Runs steps. Called once an attempt, many at the same time."""

    async def run(self, step: Step, attempt: int) -> Outcome: ...

    async def pause(self, step: Step, outcome: Outcome, seconds: float) -> None:
        """Waits before the next attempt; may return early when the run is being stopped."""

    def ended(self, step: Step, outcome: Outcome, attempts: int) -> None: ...


class Engine:
    """One run of one workflow. Raises BadInputError for what it does not know, before any step."""

    def __init__(
        self, workflow: WorkflowTemplate, parameters: Mapping[str, str], runner: Runner
    ) -> None:
        check_references(workflow)
        self.workflow, self._runner = workflow, runner
        self._entry = workflow.template(workflow.spec.entrypoint)
        self._arguments = self._checked(parameters)
        self._globals = {f"workflow.parameters.{k}": v for k, v in self._arguments.items()}
        self._globals["workflow.name"] = str(workflow.metadata.get("name", ""))

    def _checked(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """The workflow's parameters; those of the entrypoint's inputs without a default count."""
        declared = {p.name: p.given for p in self.workflow.spec.arguments.parameters}
        inputs = {p.name: p.given for p in self._entry.inputs.parameters}
        for name in parameters:
            if name not in declared | inputs:
                raise BadInputError(
                    f"the workflow has no parameter {name!r}; "
                    f"{nearest(name, sorted(declared | inputs))}"
                )
        required = {name: None for name, value in inputs.items() if value is None}
        given = required | declared | dict(parameters)
        missing = [name for name, value in given.items() if value is None]
        if missing:
            raise BadInputError(f"parameters without a value: {', '.join(missing)}")
        return {name: value for name, value in given.items() if value is not None}

    async def run(self) -> Outcome:
        """Runs the entrypoint; like Argo, its inputs are the workflow's parameters by name."""
        return await self.run_template(self._entry, self._arguments, "")

    async def run_template(
        self, template: Template, arguments: Mapping[str, str], path: str
    ) -> Outcome:
        inputs = {
            p.name: arguments[p.name] if p.name in arguments else fill(p.given or "", self._globals)
            for p in template.inputs.parameters
        }
        values = self._globals | {f"inputs.parameters.{k}": v for k, v in inputs.items()}
        if template.dag:
            return await _DagRun(self, template, values, path).run()
        return await self._run_step(_step(template, inputs, values, path), template.retry_strategy)

    async def _run_step(self, step: Step, retry: RetryStrategy | None) -> Outcome:
        attempt = 1
        while True:
            outcome = await self._runner.run(step, attempt)
            if retry is None or not _is_retried(retry, outcome, attempt):
                break
            seconds = retry.backoff.duration * retry.backoff.factor ** (attempt - 1)
            await self._runner.pause(step, outcome, seconds)
            attempt += 1
        self._runner.ended(step, outcome, attempt)
        return outcome


class _DagRun:
    """One DAG on its way."""

    def __init__(
        self, engine: Engine, template: Template, values: Mapping[str, str], path: str
    ) -> None:
        assert template.dag
        self._engine, self._values, self._path = engine, values, path
        self._dag = template.dag
        self._running: dict[str, asyncio.Task[Outcome]] = {}
        self._has_failed = False

    async def run(self) -> Outcome:
        async with asyncio.TaskGroup() as group:
            for task in self._dag.tasks:
                self._running[task.name] = group.create_task(self._run_task(task))
        return _together([running.result() for running in self._running.values()])

    async def _run_task(self, task: Task) -> Outcome:
        ended = {name: await self._running[name] for name in dependencies(task)}
        if task.depends and not expression.evaluate(task.depends, lambda n: _is_met(n, ended)):
            return Outcome("Omitted")
        if self._has_failed and self._dag.fail_fast:
            return Outcome("Omitted")
        values = {**self._values, **self._outputs()}
        if task.when and not expression.evaluate(fill(task.when, values), lambda name: name):
            return Outcome("Skipped")
        outcome = await self._run_items(task, values)
        self._has_failed |= outcome.status in ("Failed", "Error", "Stopped")
        return outcome

    def _outputs(self) -> dict[str, str]:
        """Tags of the outputs of all tasks that have ended."""
        return {
            f"tasks.{name}.outputs.parameters.{key}": value
            for name, running in self._running.items()
            if running.done()
            for key, value in running.result().outputs.items()
        }

    async def _run_items(self, task: Task, values: Mapping[str, str]) -> Outcome:
        template = self._engine.workflow.template(task.template)
        items = _items(task, values)
        if items is None:
            path = f"{self._path}/{task.name}".lstrip("/")
            return await self._engine.run_template(template, _arguments(task, values), path)
        async with asyncio.TaskGroup() as group:
            running = [
                group.create_task(
                    self._engine.run_template(
                        template,
                        _arguments(task, {**values, **item_values(item)}),
                        f"{self._path}/{task.name}/{_label(item, index)}".lstrip("/"),
                    )
                )
                for index, item in enumerate(items)
            ]
        outcome = _together([one.result() for one in running])
        return outcome if running else Outcome("Skipped", message="no items")


def _step(
    template: Template, inputs: Mapping[str, str], values: Mapping[str, str], path: str
) -> Step:
    container = template.container
    assert container
    return Step(
        name=path or template.name,
        job=template.name,
        inputs=inputs,
        argv=tuple(fill(word, values) for word in (*container.command, *container.args)),
        environment={v.name: fill(v.value, values) for v in container.env},
        outputs={p.name: p.value_from.path for p in template.outputs.parameters},
        deadline_seconds=template.active_deadline_seconds,
    )


def _is_retried(retry: RetryStrategy, outcome: Outcome, attempt: int) -> bool:
    if outcome.status not in ("Failed", "Error") or attempt > retry.limit:
        return False
    last = {"lastRetry.status": outcome.status, "lastRetry.exitCode": str(outcome.exit_code)}
    return bool(expression.evaluate(retry.expression, last.__getitem__))


def _is_met(name: str, ended: Mapping[str, Outcome]) -> bool:
    task, _, word = name.partition(".")
    return ended[task].status in CONDITIONS[word]


def _arguments(task: Task, values: Mapping[str, str]) -> dict[str, str]:
    return {p.name: fill(p.given or "", values) for p in task.arguments.parameters}


def _items(task: Task, values: Mapping[str, str]) -> list[Any] | None:
    """What the task is expanded over; None for a task that is run once."""
    if task.with_items is not None:
        return list(task.with_items)
    if task.with_param is None:
        return None
    text = fill(task.with_param, values)
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInputError(f"withParam of {task.name}: not JSON: {text[:200]!r}") from error
    if not isinstance(items, list):
        raise BadInputError(f"withParam of {task.name}: expected a JSON list, got {text[:200]!r}")
    return items


def _label(item: Any, index: int) -> str:
    """How an item is called in the step's name and its log file: its name, or its number."""
    name = item.get("name") if isinstance(item, dict) else item
    return name if isinstance(name, str) and SAFE_LABEL.fullmatch(name) else str(index)


def _together(outcomes: list[Outcome]) -> Outcome:
    """The outcome of a group: the first one that is no success, in the order of the file."""
    for status in ("Stopped", "Failed", "Error"):
        for outcome in outcomes:
            if outcome.status == status:
                return Outcome(outcome.status, outcome.exit_code, message=outcome.message)
    return Outcome("Succeeded")
