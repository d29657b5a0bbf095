"""The cases: small WorkflowTemplates that the real Argo and the local engine run alike.

A case lists its tasks, and what else it has of its own; `templates` puts the rest around it. In a
task, ``give`` is short for ``arguments``.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.support.paths import ROOT

HERE = Path(__file__).parent
RESULTS = HERE / "results"
REFRESH = ROOT / "charts/perennial/files/refresh.yaml"
Result = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One document of a file in ``cases``."""

    name: str
    tasks: list[dict[str, Any]]
    templates: list[dict[str, Any]] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    """What a run is given."""
    defaults: dict[str, str] = field(default_factory=dict)
    """Values that the template has for its parameters."""
    family: dict[str, Any] | None = None
    """Tasks and parameters of the WorkflowTemplate from which the template ``family``, the
    refresh's own, makes a Workflow."""
    refused: str | None = None
    """What the local engine says, before its first step, of what it does not know or will not do,
    whatever Argo does."""
    stricter: dict[str, str] = field(default_factory=dict)
    """Steps that succeed on Argo only, with what the local engine says of each."""

    @property
    def kept(self) -> Path:
        """What the real Argo made of it."""
        return RESULTS / f"{self.name}.json"

    def result(self) -> Result:
        result: Result = json.loads(self.kept.read_text(encoding="utf-8"))
        return result


def read_cases() -> list[Case]:
    files = sorted((HERE / "cases").glob("*.yaml"))
    texts = [file.read_text(encoding="utf-8") for file in files]
    return [Case(**document) for text in texts for document in yaml.safe_load_all(text)]


def templates(case: Case) -> list[dict[str, Any]]:
    """The case as a WorkflowTemplate, then that of its families, if it has any."""
    others = [*case.templates, *_steps()]
    declared = [{"name": name} for name in case.parameters if name not in case.defaults]
    declared += _parameters(case.defaults)["parameters"]
    if case.family is None:
        return [_template(case.name, declared, [_main(case.tasks), *others])]
    family = f"{case.name}-family"
    given = [
        {"name": name} | ({} if value is None else {"value": value})
        for name, value in case.family["parameters"].items()
    ]
    return [
        _template(case.name, declared, [_main(case.tasks), _family_step(family), *others]),
        _template(family, given, [_main(case.family["tasks"]), *others]),
    ]


def _template(
    name: str, parameters: list[dict[str, str]], steps: list[dict[str, Any]]
) -> dict[str, Any]:
    spec = {
        "entrypoint": "main",
        "serviceAccountName": "perennial",
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "arguments": {"parameters": parameters},
        "templates": [_dag(step) if "dag" in step else step for step in steps],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    }
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate"}
    return {**kind, "metadata": {"name": name}, "spec": spec}


def _main(tasks: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": "main", "dag": {"tasks": tasks}}


def _steps() -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = yaml.safe_load((HERE / "steps.yaml").read_text(encoding="utf-8"))
    return steps


def _family_step(name: str) -> dict[str, Any]:
    """The refresh's, but for the name of what it makes a Workflow from, and on any node."""
    refresh = yaml.safe_load(REFRESH.read_text(encoding="utf-8"))
    (step,) = [one for one in refresh["spec"]["templates"] if one["name"] == "family"]
    manifest = step["resource"]["manifest"].replace("name: perennial-family", f"name: {name}")
    step["resource"]["manifest"] = manifest
    return {key: value for key, value in step.items() if key != "nodeSelector"}


def run_of(case: Case) -> dict[str, Any]:
    """The case as a Workflow from that template, as `argo submit --from` makes it."""
    spec = {"workflowTemplateRef": {"name": case.name}, "arguments": _parameters(case.parameters)}
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
    return {**kind, "metadata": {"name": case.name}, "spec": spec}


def _dag(step: dict[str, Any]) -> dict[str, Any]:
    tasks = [_task(task) for task in step["dag"]["tasks"]]
    return {**step, "dag": {"failFast": False, "tasks": tasks}}


def _task(task: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in task.items() if key != "give"}
    return rest | ({"arguments": _parameters(task["give"])} if "give" in task else {})


def _parameters(values: dict[str, str]) -> dict[str, Any]:
    return {"parameters": [{"name": name, "value": value} for name, value in values.items()]}
