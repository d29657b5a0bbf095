"""What the local engine makes of a case."""

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from rich.console import Console

import pipelines.local.run as local
from pipelines.local.engine import Outcome, Step
from pipelines.local.folder import RunFolder
from pipelines.local.processes import ProcessRunner
from pipelines.local.reading import read_workflow
from tests.conformance.cases import Case, Result, templates

DEADLINE_SECONDS = 1
"""In place of a pod's, which its start is part of."""


def run(case: Case, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Result:
    """As `tests.conformance.argo.told`. Raises BadInputError for what the engine does not know."""
    ends: dict[str, list[Outcome]] = defaultdict(list)

    class Noting(ProcessRunner):
        """Notes how each attempt ends, and tells a step which one it is, as Argo tells a pod."""

        async def run(self, step: Step, attempt: int) -> Outcome:
            told = {**step.environment, "STEP_ATTEMPT": str(attempt - 1)}
            deadline = step.deadline_seconds and DEADLINE_SECONDS
            changed = replace(step, environment=told, deadline_seconds=deadline)
            ends[step.name].append(await super().run(changed, attempt))
            return ends[step.name][-1]

        async def pause(self, step: Step, outcome: Outcome, seconds: float) -> None:
            await super().pause(step, outcome, seconds / 10)

    monkeypatch.setattr(local, "ProcessRunner", Noting)
    files = []
    for made in templates(case):
        files.append(folder / f"{made['metadata']['name']}.yaml")
        files[-1].write_text(yaml.safe_dump(made), encoding="utf-8")
    kept, console = RunFolder(folder / "run"), Console(quiet=True)
    ran = local.run_workflow(read_workflow(*files), case.parameters, kept, 4, console)
    steps = {name: _step(name, ends[name], kept) for name in sorted(ends)}
    return {"phase": "Failed" if ran.exit_code else "Succeeded", "steps": steps}


def _step(name: str, ends: list[Outcome], kept: RunFolder) -> Result:
    last = ends[-1]
    log = kept.log(name, len(ends)).read_text(encoding="utf-8")
    step: Result = {
        "phase": last.status,
        "exit codes": [end.exit_code for end in ends],
        "argv": json.loads(log) if log else None,
    }
    if last.status == "Succeeded":
        return {**step, "outputs": last.outputs}
    return {**step, "message": last.message}
