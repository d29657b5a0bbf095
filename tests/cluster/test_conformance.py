"""What the real Argo makes of the conformance cases is what is kept of it.

`tests/conformance` compares the local engine with what is kept, without a cluster. With
PERENNIAL_REMAKE=1 what is kept is written anew; read the difference before you commit it.
"""

import json
import os
import re
from typing import Any

import pytest

from tests.cluster.conftest import Namespace, run
from tests.cluster.workflows import printed_by_pods, wait_for
from tests.conformance.argo import told
from tests.conformance.cases import RESULTS, Case, Result, read_cases, run_of, templates

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
SECONDS = 900
"""For all cases together, about two hundred pods."""
AT_A_TIME = 12
REFUSAL = re.compile(r'WorkflowTemplate\S* "(?P<name>\S+)" is invalid: (?P<why>.*)')


@pytest.mark.usefixtures("step_image")
@pytest.mark.timeout(SECONDS + 300)
def test_argo_does_what_is_kept(namespace: Namespace) -> None:
    cases = read_cases()
    namespace.helm(1)  # the chart's identity, with the rights that Argo needs
    refused = make_templates(namespace, cases)
    ended = run_all(namespace, [case for case in cases if case.name not in refused])
    argvs = printed_by_pods(namespace)
    found = refused | {
        case.name: told(ended[case.name], argvs, families_of(case, ended))
        for case in cases
        if case.name not in refused
    }
    if os.environ.get("PERENNIAL_REMAKE"):
        remake(found)
    assert found == {case.name: case.result() for case in cases}


def make_templates(namespace: Namespace, cases: list[Case]) -> dict[str, Result]:
    """Returns those that the cluster refuses."""
    file = written(namespace, [made for case in cases for made in templates(case)])
    said = run("kubectl", "-n", namespace.name, "create", "-f", file, code=1)
    return {
        found["name"]: {"phase": "Refused", "message": found["why"], "steps": {}}
        for found in REFUSAL.finditer(said)
    }


def run_all(namespace: Namespace, cases: list[Case]) -> dict[str, dict[str, Any]]:
    """A few at a time, so that a pod's time to start is small beside its deadline."""
    names = {case.name for case in cases}
    for done, case in enumerate(cases):
        wait_for(namespace, names, SECONDS, count=done + 1 - AT_A_TIME)
        namespace.kubectl("create", "-f", written(namespace, [run_of(case)]))
    return wait_for(namespace, names, SECONDS)


def families_of(case: Case, ended: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Family → the Workflow that the case's made for it."""
    labels = {name: one["metadata"].get("labels", {}) for name, one in ended.items()}
    return {
        labels[name]["perennial.dev/family"]: one
        for name, one in ended.items()
        if labels[name].get("perennial.dev/refresh") == case.name
    }


def written(namespace: Namespace, objects: list[dict[str, Any]]) -> str:
    file = namespace.folder / "objects.json"
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
    file.write_text(text, encoding="utf-8")
    return str(file)


def remake(found: dict[str, Result]) -> None:
    """Writes what is kept, and takes away what is kept of cases that are no more."""
    for file in RESULTS.glob("*.json"):
        if file.stem not in found:
            file.unlink()
    for name, result in found.items():
        text = json.dumps(result, indent=1, ensure_ascii=False) + "\n"
        (RESULTS / f"{name}.json").write_text(text, encoding="utf-8")
