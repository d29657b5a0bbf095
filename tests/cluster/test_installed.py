"""The chart, installed and submitted: what reaches the pods, and what is refused at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.conftest import Namespace, run

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.mark.usefixtures("stock_argo")
def test_a_refresh_of_hollow_steps_in_a_restricted_namespace(namespace: Namespace) -> None:
    namespace.kubectl("create", "secret", "generic", "keys", "--from-literal=AWS_ACCESS_KEY_ID=k")
    namespace.kubectl("create", "secret", "generic", "token", "--from-literal=HF_TOKEN=t")
    namespace.helm(
        2, "store.secret=keys", "hub.secret=token", "store.env.AWS_ENDPOINT_URL=http://s3:8333"
    )
    refresh = namespace.wait(namespace.submit(), seconds=600)
    families = namespace.families(refresh["metadata"]["name"])
    assert [one["metadata"]["labels"]["perennial.dev/family"] for one in families] == [
        "family-0",
        "family-1",
    ]
    for workflow in (refresh, *families):
        assert workflow["status"]["phase"] == "Succeeded", workflow["status"].get("message")
        assert {node["phase"] for node in workflow["status"]["nodes"].values()} == {"Succeeded"}
        # An object of the cluster holds at most a megabyte.
        assert len(json.dumps(workflow)) < 200_000
    # crawl, curate, bundle, and two that wait; 3 originals, 2 checks, pack, 2 trainings; scores of
    # 6 models on 4 tasks; 2 merges; report; 2 releases.
    assert len(pods(refresh)) == 3 + 2
    for family in families:
        assert len(pods(family)) == 3 + 2 + 1 + 2 + 6 * 4 + 2 + 1 + 2
    for pod in json.loads(namespace.kubectl("get", "pods", "-o", "json"))["items"]:
        (main,) = [c for c in pod["spec"]["containers"] if c["name"] == "main"]
        if pod["spec"]["serviceAccountName"] == "perennial-refresh":  # it waits for a family
            assert {"argoexec", "resource", "apply"} <= {*main["command"]}
            continue
        words = [*main["command"], *main["args"]]
        job = next(w.removeprefix("jobs.") for w in words if w.startswith("jobs."))
        names = [source["secretRef"]["name"] for source in main["envFrom"]]
        assert names == (["keys", "token"] if job in ("ingest", "bundle") else ["keys"]), job
        assert {"name": "AWS_ENDPOINT_URL", "value": "http://s3:8333"} in main["env"]


def pods(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in workflow["status"]["nodes"].values() if node["type"] == "Pod"]


@pytest.mark.parametrize("value", ["store.secret", "hub.secret"])
def test_a_secret_that_is_not_there_is_told_at_once(namespace: Namespace, value: str) -> None:
    said = namespace.helm(1, f"{value}=none", code=1)
    assert f"{value}: namespace {namespace.name} has no Secret none; make it first: kubectl" in said


def test_argo_finds_nothing_wrong_with_what_is_rendered(cluster: None, tmp_path: Path) -> None:
    words = ("template", "p", "charts/perennial", "--kube-version", "1.33.0")
    objects = run("helm", *words, "--set", "parameters.store=s3://bucket/store")
    (tmp_path / "chart.yaml").write_text(objects)
    assert "no linting errors found" in run("argo", "lint", "--offline", str(tmp_path))
