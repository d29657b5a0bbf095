"""What keeps a pod from starting is told within a minute of submitting, and ends the refresh."""

import json
import time

import pytest

from tests.cluster.conftest import Namespace

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
DEADLINE = 45
"""Seconds, in place of the half hour that pulling gigabytes may take."""


def hurry(namespace: Namespace) -> None:
    """Gives up soon what waits for an image or a Secret."""
    name = ("workflowtemplate", "perennial-refresh")
    spec = json.loads(namespace.kubectl("get", *name, "-o", "json"))["spec"]
    at = [template["name"] for template in spec["templates"]].index("images")
    path = f"/spec/templates/{at}/activeDeadlineSeconds"
    change = [{"op": "replace", "path": path, "value": DEADLINE}]
    namespace.kubectl("patch", *name, "--type", "json", "-p", json.dumps(change))


def message(namespace: Namespace, refresh: str, wanted: str) -> str:
    """What the step that starts the images says, within a minute."""
    begun = time.monotonic()
    said = ""
    while wanted not in said and time.monotonic() < begun + 60:
        workflow = json.loads(namespace.kubectl("get", "wf", refresh, "-o", "json"))
        nodes = workflow.get("status", {}).get("nodes", {}).values()
        said = " ".join(node.get("message", "") for node in nodes)
        time.sleep(1)
    return said


def test_an_image_that_is_not_there(namespace: Namespace) -> None:
    """Also one that would be needed only after days: nothing is begun."""
    namespace.helm(1)
    hurry(namespace)
    refresh = namespace.submit("train-image=no-such:7")
    said = message(namespace, refresh, "no-such:7")
    assert 'ErrImagePull: failed to pull and unpack image "localhost/no-such:7"' in said
    ended = namespace.wait(refresh, seconds=120)
    assert ended["status"]["phase"] == "Failed"
    phases = {node["displayName"]: node["phase"] for node in ended["status"]["nodes"].values()}
    assert phases["images"] == "Failed"
    assert {phases[name] for name in ("crawl", "curate", "bundle", "family")} == {"Omitted"}


@pytest.mark.parametrize("value", ["store.secret", "hub.secret"])
def test_a_secret_that_is_gone(namespace: Namespace, value: str) -> None:
    namespace.kubectl("create", "secret", "generic", "keys", "--from-literal=A=b")
    namespace.helm(1, f"{value}=keys")
    namespace.kubectl("delete", "secret", "keys")
    hurry(namespace)
    refresh = namespace.submit()
    assert 'secret "keys" not found' in message(namespace, refresh, "keys")
    assert namespace.wait(refresh, seconds=120)["status"]["phase"] == "Failed"
