"""The chart, installed and submitted: what reaches the pods, and what is refused at once."""

import json
from pathlib import Path

import pytest

from tests.cluster.conftest import Namespace, run

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.mark.usefixtures("stock_argo")
def test_a_refresh_of_hollow_steps_in_a_restricted_namespace(namespace: Namespace) -> None:
    namespace.kubectl("create", "secret", "generic", "keys", "--from-literal=AWS_ACCESS_KEY_ID=k")
    namespace.kubectl("create", "secret", "generic", "token", "--from-literal=HF_TOKEN=t")
    namespace.helm(
        1, "store.secret=keys", "hub.secret=token", "store.env.AWS_ENDPOINT_URL=http://s3:8333"
    )
    workflow = namespace.wait(namespace.submit(), seconds=400)
    nodes = workflow["status"]["nodes"].values()
    assert workflow["status"]["phase"] == "Succeeded", workflow["status"].get("message")
    pods = [node for node in nodes if node["type"] == "Pod"]
    # crawl, curate, bundle; 3 originals, 2 checks, pack, 2 trainings; scores of 6 models on 4
    # tasks; 2 merges; report; 2 releases.
    assert len(pods) == 3 + 3 + 2 + 1 + 2 + 6 * 4 + 2 + 1 + 2
    assert {node["phase"] for node in nodes} == {"Succeeded"}
    for pod in json.loads(namespace.kubectl("get", "pods", "-o", "json"))["items"]:
        (main,) = [c for c in pod["spec"]["containers"] if c["name"] == "main"]
        words = [*main["command"], *main["args"]]
        job = next(w.removeprefix("jobs.") for w in words if w.startswith("jobs."))
        names = [source["secretRef"]["name"] for source in main["envFrom"]]
        assert names == (["keys", "token"] if job in ("ingest", "bundle") else ["keys"]), job
        assert {"name": "AWS_ENDPOINT_URL", "value": "http://s3:8333"} in main["env"]


@pytest.mark.parametrize("value", ["store.secret", "hub.secret"])
def test_a_secret_that_is_not_there_is_told_at_once(namespace: Namespace, value: str) -> None:
    said = namespace.helm(1, f"{value}=none", code=1)
    assert f"{value}: namespace {namespace.name} has no Secret none; make it first: kubectl" in said


def test_argo_finds_nothing_wrong_with_what_is_rendered(cluster: None, tmp_path: Path) -> None:
    words = ("template", "p", "charts/perennial", "--kube-version", "1.33.0")
    objects = run("helm", *words, "--set", "parameters.store=s3://bucket/store")
    (tmp_path / "chart.yaml").write_text(objects)
    assert "no linting errors found" in run("argo", "lint", "--offline", str(tmp_path))
