"""The chart, installed and submitted: what reaches the pods, and what is refused at once."""

import json
import shutil
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
        "family-0.5b",
        "family-1.5b",
    ]
    for workflow in (refresh, *families):
        assert workflow["status"]["phase"] == "Succeeded", workflow["status"].get("message")
        assert {node["phase"] for node in workflow["status"]["nodes"].values()} == {"Succeeded"}
        # An object of the cluster holds at most a megabyte.
        assert len(json.dumps(workflow)) < 200_000
    # images, crawl, curate, bundle, and two that wait. Of each family: 3 originals, 2 checks, pack,
    # 2 trainings; scores of 6 models on 4 tasks; 2 merges; report; 2 releases.
    assert len(pods(refresh)) == 4 + 2
    for family in families:
        assert len(pods(family)) == 3 + 2 + 1 + 2 + 6 * 4 + 2 + 1 + 2
    for pod in json.loads(namespace.kubectl("get", "pods", "-o", "json"))["items"]:
        (main,) = [c for c in pod["spec"]["containers"] if c["name"] == "main"]
        if pod["spec"]["serviceAccountName"] == "perennial-refresh":  # it waits for a family
            assert {"argoexec", "resource", "apply"} <= {*main["command"]}
            continue
        words = [*main["command"], *main.get("args", ())]
        if "import jobs" in words:  # it starts the images
            continue
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


@pytest.fixture
def objects(cluster: None, tmp_path: Path) -> Path:
    """All that the chart makes, in a file of a folder of its own."""
    words = ("template", "p", "charts/perennial", "--kube-version", "1.33.0")
    values = ("parameters.store=s3://b/s", "store.secret=keys", "store.env.A=b", "hub.secret=token")
    made = run("helm", *words, *(word for value in values for word in ("--set", value)))
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart/objects.yaml").write_text(made)
    return tmp_path / "chart/objects.yaml"


def test_argo_finds_nothing_wrong_with_what_is_rendered(objects: Path) -> None:
    assert "no linting errors found" in run("argo", "lint", "--offline", str(objects.parent))


def strict(schema: Any) -> Any:
    """The schema, without room for fields that it does not name."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: strict(value) for key, value in schema.items()}
    is_open = "additionalProperties" in schema or "x-kubernetes-preserve-unknown-fields" in schema
    if isinstance(schema.get("properties"), dict) and not is_open:
        closed["additionalProperties"] = False
    return closed


def test_every_field_is_known_to_the_cluster(objects: Path, tmp_path: Path) -> None:
    """By the schemas of the API server itself, those of Argo's kinds among them."""
    if shutil.which("kubeconform") is None:
        pytest.skip("kubeconform is not on the PATH")
    definitions = strict(json.loads(run("kubectl", "get", "--raw", "/openapi/v2"))["definitions"])
    for name, schema in definitions.items():
        for kind in schema.get("x-kubernetes-group-version-kind", ()):
            whole = {"$ref": f"#/definitions/{name}", "definitions": definitions}
            if kind["kind"].lower() in objects.read_text().lower():
                (tmp_path / f"{kind['kind'].lower()}.json").write_text(json.dumps(whole))
    words = ("kubeconform", "-strict", "-summary", "-schema-location")
    location = f"{tmp_path}/{{{{.ResourceKind}}}}.json"
    assert "Invalid: 0, Errors: 0, Skipped: 0" in run(*words, location, str(objects))
    objects.write_text(objects.read_text().replace("parallelism:", "paralelism:"))
    assert "'paralelism' not allowed" in run(*words, location, str(objects), code=1)
