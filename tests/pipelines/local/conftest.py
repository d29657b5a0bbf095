import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from pipelines.local.folder import RunFolder
from pipelines.local.reading import read_workflow
from pipelines.local.run import Ran, run_workflow

HEAD = """
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: small}
"""

# A step that appends its argument to a shared file, and returns it in capitals.
SAY = """
import os, pathlib, sys
with open(sys.argv[1], "a") as said:
    said.write(sys.argv[2] + "\\n")
pathlib.Path(os.environ["PERENNIAL_OUTPUTS"], "loud").write_text(sys.argv[2].upper() + "\\n")
"""


class Small:
    """Builds and runs a small workflow: `say` steps, and whatever templates a test adds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said_in = folder / "said"
        self.console = Console(file=io.StringIO(), width=200)

    def say(self) -> dict[str, Any]:
        return {
            "name": "say",
            "inputs": {"parameters": [{"name": "word"}]},
            "outputs": {
                "parameters": [{"name": "loud", "valueFrom": {"path": "/tmp/outputs/loud"}}]
            },
            "container": {
                "image": "example.org/say:1",
                "command": ["python", "-c"],
                "args": [SAY, str(self.said_in), "{{inputs.parameters.word}}"],
                "env": [{"name": "PERENNIAL_OUTPUTS", "value": "/tmp/outputs"}],
            },
        }

    def python(self, name: str, code: str, **fields: object) -> dict[str, Any]:
        return {"name": name, "container": {"command": ["python", "-c", code]}, **fields}

    def dag(self, name: str, tasks: list[dict[str, Any]], **fields: object) -> dict[str, Any]:
        return {"name": name, "dag": {"failFast": False, "tasks": tasks}, **fields}

    def write(
        self, tasks: list[dict[str, Any]], *templates: dict[str, Any], **spec: object
    ) -> Path:
        spec = {
            "entrypoint": "main",
            "templates": [self.dag("main", tasks), *templates, self.say()],
            **spec,
        }
        path = self.folder / "workflow.yaml"
        path.write_text(HEAD + yaml.safe_dump({"spec": spec}, sort_keys=False))
        return path

    def run(
        self,
        tasks: list[dict[str, Any]],
        *templates: dict[str, Any],
        parameters: dict[str, str] | None = None,
        parallel: int = 4,
        **spec: object,
    ) -> Ran:
        workflow = read_workflow(self.write(tasks, *templates, **spec))
        work = self.folder / "work"
        return run_workflow(workflow, parameters or {}, RunFolder(work), parallel, self.console)

    def said(self) -> list[str]:
        return self.said_in.read_text().splitlines() if self.said_in.exists() else []

    def shown(self) -> str:
        assert isinstance(self.console.file, io.StringIO)
        return self.console.file.getvalue()


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return Small(tmp_path)


Task = Callable[..., dict[str, Any]]


def declared(**texts: str) -> dict[str, Any]:
    """Parameters of the workflow."""
    return {"parameters": [{"name": name, "value": text} for name, text in texts.items()]}


@pytest.fixture
def task() -> Task:
    def make(name: str, word: str = "", template: str = "say", **fields: object) -> dict[str, Any]:
        arguments = {"parameters": [{"name": "word", "value": word}]} if word else {}
        return {"name": name, "template": template, "arguments": arguments, **fields}

    return make


def statuses(ran: Ran) -> dict[str, str]:
    """Step → how it ended."""
    return {step.name: step.status for step in ran.steps}
