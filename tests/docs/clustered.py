"""The world of commands for a cluster: held against the chart, where no cluster is at hand.

What such a command names (chart, values, parameters, template, secret) must be what the chart has.
"""

import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from tests.docs.worlds import World
from tests.support.paths import ROOT

CHART = ROOT / "charts/perennial"
WATCHING = ("watch", "logs", "list", "get", "stop", "terminate", "resubmit", "retry")


@dataclass
class ClusterWorld(World):
    """Runs what is ours, and says what does not fit of what is for helm, kubectl and argo."""

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(command.replace("\\\n", " "))
        check = {"helm": _helm, "kubectl": _kubectl, "argo": _argo}.get(words[0])
        if check is None:
            return super().run(command)
        wrong = list(check(words[1:], self.folder))
        return subprocess.CompletedProcess(command, len(wrong), "\n".join(wrong))


def _after(words: list[str], *flags: str) -> Iterator[str]:
    return (value for flag, value in pairwise(words) if flag in flags)


def _helm(words: list[str], folder: Path) -> Iterator[str]:
    if words[0] != "upgrade" or not any((folder / word / "Chart.yaml").is_file() for word in words):
        yield "expected helm upgrade … <a chart that is there>"
    yield from (f"no file {file}" for file in _after(words, "-f") if not (folder / file).is_file())
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    for text in _after(words, "--set"):
        *path, last = text.partition("=")[0].split(".")
        if path == ["parameters"]:
            if last not in _parameters():
                yield f"no parameter {last}"
        elif not _has(values, [*path, last]):
            yield f"no value {text}"


def _has(values: Any, path: list[str]) -> bool:
    for key in path:
        if key not in values:
            return False
        values = values[key]
    return True


def _kubectl(words: list[str], _: Path) -> Iterator[str]:
    if words[:3] != ["create", "secret", "generic"] or f"name: {words[3]}\n" not in _workflow():
        yield f"no step reads a secret {words[3:4]}"


def _argo(words: list[str], _: Path) -> Iterator[str]:
    if words[0] in WATCHING:
        return
    template = f"workflowtemplate/{yaml.safe_load(_workflow())['metadata']['name']}"
    if words[0] != "submit" or list(_after(words, "--from")) != [template]:
        yield f"expected argo submit --from {template}"
    for text in _after(words, "-p"):
        if text.partition("=")[0] not in _parameters():
            yield f"no parameter {text}"


def _workflow() -> str:
    return (CHART / "files/refresh.yaml").read_text()


def _parameters() -> set[str]:
    spec = yaml.safe_load(_workflow())["spec"]
    return {parameter["name"] for parameter in spec["arguments"]["parameters"]}
