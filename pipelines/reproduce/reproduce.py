"""Runs the chosen steps again, each from the inputs that are recorded, and compares.

As each step reads what the run's own step read, and not what was made again before it, one that
differs makes no other one differ; and all may be made at the same time.
"""

import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from jobs.artifacts.manifest import find_manifest
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from pipelines import layout
from pipelines.local.folder import RunFolder
from pipelines.local.record import StepRecord
from pipelines.local.run import run_workflow
from pipelines.local.workflow import Spec, WorkflowTemplate
from pipelines.reproduce.choosing import Made, chosen, made_by_run
from pipelines.reproduce.commands import Given, SkippedError, command
from pipelines.reproduce.comparing import differences, not_promised

LONGEST = 100
"""Characters of a step's name, of the end of its path."""


class Verdict(StrEnum):
    """What became of an artifact."""

    IDENTICAL = "identical"
    DIFFERS = "differs"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Compared:
    """One artifact."""

    path: str
    verdict: Verdict
    why: str = ""


@dataclass(frozen=True)
class Reproduced:
    """All that was chosen, in the order of the jobs."""

    results: tuple[Compared, ...]
    folder: Path
    """What was made, with its logs."""
    exit_code: int
    """Of the run: 0, that of the first step that failed, or 128 + the signal that stopped it."""


def reproduce(
    store: Prefix,
    run: str,
    steps: Sequence[str],
    given: Given,
    scratch: Path,
    parallel: int | None = None,
) -> Reproduced:
    """Below `scratch`, in a new folder. Raises BadInputError for a run or step there is not."""
    wanted = chosen(made_by_run(store, run), run, steps)
    folder = _new_folder(scratch, run)
    commands, skipped = {}, {}
    for path, made in wanted.items():
        try:
            out = str(folder / "store" / path)
            commands[path] = command(made, out, given, is_named=bool(steps))
        except SkippedError as error:
            skipped[path] = str(error)
    ended: Mapping[str, StepRecord] = {}
    exit_code = 0
    if commands:
        names = _names(commands, layout.run("", run).lstrip("/"))
        workflow = _workflow({names[path]: argv for path, argv in commands.items()})
        parameters = {"run": run, "store": store.uri}
        ran = run_workflow(workflow, parameters, RunFolder(folder / "run"), parallel)
        exit_code = ran.exit_code
        by_name = {step.name: step for step in ran.steps}
        ended = {path: by_name[names[path]] for path in commands if names[path] in by_name}
    results = [
        Compared(path, Verdict.SKIPPED, skipped[path])
        if path in skipped
        else _compared(made, folder / "store" / path, ended.get(path))
        for path, made in wanted.items()
    ]
    return Reproduced(tuple(results), folder, exit_code)


def _new_folder(scratch: Path, run: str) -> Path:
    try:
        scratch.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f"{run}-", dir=scratch)).absolute()
    except OSError as error:
        raise BadInputError(
            f"--scratch {scratch} takes no files: {error.strerror}; choose another"
        ) from error


def _compared(made: Made, again: Path, step: StepRecord | None) -> Compared:
    recorded, found = made.artifact.manifest, find_manifest(Prefix(again))
    if found is None:
        if step is None or step.status == "Stopped":
            return Compared(made.path, Verdict.SKIPPED, "stopped before its end")
        return Compared(made.path, Verdict.FAILED, step.error or step.status)
    said = differences(recorded, found)
    if not said:
        return Compared(made.path, Verdict.IDENTICAL)
    return Compared(made.path, Verdict.DIFFERS, "; ".join([*said, *not_promised(recorded, found)]))


def _names(paths: Iterable[str], run: str) -> dict[str, str]:
    """Path → the name of its step: the path, below the run, in a workflow's letters; each once."""
    names: dict[str, str] = {}
    for path in paths:
        below = path.removeprefix(f"{run}/")
        name = re.sub(r"[^A-Za-z0-9_.-]", ".", below)[-LONGEST:].lstrip(".-") or "artifact"
        names[path] = f"{name}.{len(names)}" if name in names.values() else name
    return names


def _workflow(commands: Mapping[str, Sequence[str]]) -> WorkflowTemplate:
    """Steps that wait for no other."""
    templates = [
        {"name": name, "container": {"command": argv[:3], "args": argv[3:]}}
        for name, argv in commands.items()
    ]
    tasks = [{"name": name, "template": name} for name in commands]
    entry = {"name": "reproduce", "dag": {"tasks": tasks, "failFast": False}}
    parameters = [{"name": name, "value": ""} for name in ("run", "store")]
    spec = {
        "entrypoint": "reproduce",
        "templates": [entry, *templates],
        "arguments": {"parameters": parameters},
    }
    return WorkflowTemplate(Spec.model_validate(spec))
