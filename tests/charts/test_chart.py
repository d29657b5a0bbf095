"""The chart, as Helm renders it."""

import shutil
import subprocess
from typing import Any

import pytest
import yaml

from tests.support.paths import ROOT

pytestmark = pytest.mark.skipif(shutil.which("helm") is None, reason="helm is not on the PATH")

TEMPLATE = ("template", "p", "charts/perennial", "--kube-version", "1.33.0")
STORE = "parameters.store=s3://bucket/perennial"


def helm(*words: str, code: int = 0) -> str:
    done = subprocess.run(["helm", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def rendered(*values: str) -> list[dict[str, Any]]:
    """The objects of the chart with these values."""
    words = [*TEMPLATE]
    for value in (STORE, *values):
        words += ["--set", value]
    return [one for one in yaml.safe_load_all(helm(*words)) if one]


def containers(*values: str) -> dict[str, dict[str, Any]]:
    workflows = [one for one in rendered(*values) if one["kind"] == "WorkflowTemplate"]
    assert [one["metadata"]["name"] for one in workflows] == [
        "perennial-family",
        "perennial-refresh",
    ]
    templates = [template for one in workflows for template in one["spec"]["templates"]]
    jobs = {one["name"]: one["container"] for one in templates if "container" in one}
    images = next(one for one in templates if one["name"] == "images")["sidecars"]
    assert jobs.keys() - {"images"} == {one["name"] for one in images}
    return jobs | {f"{one['name']} of images": one for one in images}


def secrets(container: dict[str, Any]) -> list[str]:
    return [source["secretRef"]["name"] for source in container.get("envFrom", ())]


def test_lint_has_nothing_to_say() -> None:
    said = helm("lint", "--strict", "charts/perennial", "--set", STORE)
    assert [line for line in said.splitlines() if "[" in line] == []


def test_keys_go_to_every_step_and_the_hubs_token_to_two() -> None:
    values = "store.secret=keys", "hub.secret=token", "store.env.AWS_ENDPOINT_URL=http://s3"
    found = containers("logLevel=DEBUG", *values)
    assert len(found) == 11 + 1 + 11
    for name, container in found.items():
        own = ["keys", "token"] if name.split()[0] in ("ingest", "bundle") else ["keys"]
        assert secrets(container) == own, name
        assert {"name": "AWS_ENDPOINT_URL", "value": "http://s3"} in container["env"]
        assert {"name": "PERENNIAL_LOG_LEVEL", "value": "DEBUG"} in container["env"]


def test_a_schedule_has_the_refresh_in_it() -> None:
    """Helm makes it before the template, and Argo drops one whose template it cannot find."""
    objects = {(one["kind"], one["metadata"]["name"]): one for one in rendered("store.secret=keys")}
    refresh = objects["WorkflowTemplate", "perennial-refresh"]["spec"]
    scheduled = objects["CronWorkflow", "perennial-refresh"]["spec"]["workflowSpec"]
    given = {one["name"]: one.get("value") for one in scheduled["arguments"]["parameters"]}
    own = {one["name"]: one.get("value") for one in refresh["arguments"]["parameters"]}
    assert given.pop("period").startswith("{{=let tick = ")
    assert own.pop("period", None) is None
    assert given == own
    del scheduled["arguments"], refresh["arguments"]
    assert scheduled == refresh


def test_without_them_a_step_has_what_is_rendered() -> None:
    assert all("envFrom" not in container for container in containers().values())


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("parameters.stor=x", "parameters.stor: the workflow has no such parameter"),
        ("parameters.store=ftp://x", "parameters"),
        ("store.secret=Keys", "/store/secret"),
        ("store.secrets=keys", "secrets"),
        ("store.env.PERENNIAL_GRACE_SECONDS=x", "PERENNIAL_GRACE_SECONDS"),
        ("store.env.A=\\{\\{x", "/store/env/A"),
        ("logLevel=LOUD", "/logLevel"),
        ("hub.token=x", "token"),
        ("schedule.when=x", "when"),
    ],
)
def test_a_wrong_value_is_refused(value: str, said: str) -> None:
    assert said in helm(*TEMPLATE, "--set", STORE, "--set", value, code=1)


def test_no_job_may_do_more_than_report_its_results() -> None:
    """Only the step that makes the families' workflows may make workflows: Argo's own program."""
    objects = rendered()
    roles = {one["metadata"]["name"]: one["rules"] for one in objects if one["kind"] == "Role"}
    report = {
        "apiGroups": ["argoproj.io"],
        "resources": ["workflowtaskresults"],
        "verbs": ["create", "patch"],
    }
    make = {
        "apiGroups": ["argoproj.io"],
        "resources": ["workflows"],
        "verbs": ["get", "create", "patch"],
    }
    assert roles == {"perennial": [report], "perennial-refresh": [make, report]}
    for one in objects:
        if one["kind"] == "WorkflowTemplate":
            assert one["spec"]["serviceAccountName"] == "perennial"
            for template in one["spec"]["templates"]:
                own = template.get("serviceAccountName")
                assert own == ("perennial-refresh" if "resource" in template else None)
