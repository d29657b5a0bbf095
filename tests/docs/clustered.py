"""The world of commands for a cluster: held against the chart, where no cluster is at hand.

What such a command names (chart, values, parameters, template, secret) must be what the chart has.
"""

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import yaml

from tests.docs.worlds import World
from tests.support.paths import ROOT

CHART = ROOT / "charts/perennial"
WATCHING = ("watch", "logs", "list", "get", "stop", "terminate", "resubmit", "retry")


@dataclass
class ClusterWorld(World):
    """Runs what is ours, and says what does not fit of what is for helm, kubectl and argo."""

    secrets: set[str] = field(default_factory=set)
    """Those that were made."""

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        words = shlex.split(command.replace("\\\n", " "))
        check = {
            "helm": self._helm,
            "kubectl": self._kubectl,
            "argo": _argo,
            "kind": _kind,
            "make": _make,
        }.get(words[0])
        if check is None:
            return super().run(command)
        wrong = list(check(words[1:]))
        return subprocess.CompletedProcess(command, len(wrong), "\n".join(wrong))

    def _helm(self, words: list[str]) -> Iterator[str]:
        charts = [word for word in words if (self.folder / word / "Chart.yaml").is_file()]
        if words[0] != "upgrade" or not charts:
            yield "expected helm upgrade … <a chart that is there>"
        files = _after(words, "-f")
        yield from (f"no file {file}" for file in files if not (self.folder / file).is_file())
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        for text in _after(words, "--set"):
            key, _, value = text.partition("=")
            *path, last = key.split(".")
            if path == ["parameters"]:
                if last not in _parameters():
                    yield f"no parameter {last}"
            elif path != ["store", "env"] and not _has(values, [*path, last]):
                yield f"no value {text}"
            if last == "secret" and value not in self.secrets:
                yield f"no secret {value}"

    def _kubectl(self, words: list[str]) -> Iterator[str]:
        if words[:3] == ["create", "secret", "generic"]:
            self.secrets.add(words[3])
        elif words[:2] not in (
            ["create", "namespace"],
            ["apply", "--namespace"],
            ["label", "node"],
        ):
            yield "expected kubectl create secret generic"


def _after(words: list[str], *flags: str) -> Iterator[str]:
    return (value for flag, value in pairwise(words) if flag in flags)


def _has(values: Any, path: list[str]) -> bool:
    for key in path:
        if key not in values:
            return False
        values = values[key]
    return True


def _kind(words: list[str]) -> Iterator[str]:
    if words not in (["create", "cluster"], ["delete", "cluster"]):
        yield "expected kind create cluster"


def _make(words: list[str]) -> Iterator[str]:
    if not re.search(rf"^{words[0]}:.*##", (ROOT / "Makefile").read_text(), re.MULTILINE):
        yield f"no target {words[0]}"


def _argo(words: list[str]) -> Iterator[str]:
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
