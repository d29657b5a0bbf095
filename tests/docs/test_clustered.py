"""Commands for a cluster that name what the chart does not have are told."""

import pytest

from tests.docs.clustered import ClusterWorld
from tests.support.paths import ROOT


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("argo submit --from workflowtemplate/perennial-refresh -p period=2026-10", ""),
        ("argo submit --from workflowtemplate/refresh", "expected argo submit --from"),
        (
            "argo submit --from workflowtemplate/perennial-refresh -p month=1",
            "no parameter month=1",
        ),
        ("helm upgrade perennial charts/perennial --set schedule.suspend=false", ""),
        ("helm upgrade perennial charts/other", "expected helm upgrade"),
        ("helm upgrade perennial charts/perennial -f v.yaml", "no file v.yaml"),
        (
            "helm upgrade perennial charts/perennial --set schedule.stop=1",
            "no value schedule.stop=1",
        ),
        ("helm upgrade perennial charts/perennial --set parameters.shop=1", "no parameter shop"),
        ("helm upgrade perennial charts/perennial --set store.env.AWS_REGION=x", ""),
        ("helm upgrade perennial charts/perennial --set hub.secret=token", ""),
        ("helm upgrade perennial charts/perennial --set hub.secret=other", "no secret other"),
        ("kubectl delete secret token", "expected kubectl create secret generic"),
    ],
)
def test_what_does_not_fit(command: str, wrong: str) -> None:
    world = ClusterWorld(ROOT)
    world.run("kubectl create secret generic token --from-literal=HF_TOKEN=hf_example")
    ran = world.run(command)
    assert bool(ran.returncode) is bool(wrong)
    assert wrong in ran.stdout
