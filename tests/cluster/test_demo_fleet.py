"""The demo's fleet on a cluster makes what `perennial run` makes of it on this machine."""

import pytest

from demo.__main__ import PERIOD
from jobs.artifacts.manifest import Manifest
from tests.cluster.world.world import World

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(2400)]

STORE = "s3://bucket/store"
DATED = "report"
"""Of the jobs the one whose artifact tells when the others were made."""
SCHEDULED = "2026-11-09T06:00:00Z"
"""A moment at which the schedule refreshes the demo's period."""


def digests(artifacts: dict[str, Manifest]) -> dict[str, str]:
    """Path → digest, of all that is the same whenever and wherever it is made."""
    return {path: made.digest for path, made in artifacts.items() if made.producer.job != DATED}


def test_submitted(world: World, undisturbed: dict[str, Manifest]) -> None:
    world.install(STORE)
    workflow = world.space.wait(world.space.submit(f"period={PERIOD}"), seconds=1800)
    assert workflow["status"]["phase"] == "Succeeded", workflow["status"].get("message")
    made = world.artifacts(STORE)
    assert sorted(made) == sorted(undisturbed)
    assert digests(made) == digests(undisturbed)


def test_scheduled(world: World, undisturbed: dict[str, Manifest]) -> None:
    """As the schedule would have begun it then: it gives the period alone."""
    world.install(STORE)
    begun = world.space.argo(
        "submit", "--from", "cronwf/perennial-refresh", "--scheduled-time", SCHEDULED, "-o", "name"
    )
    workflow = world.space.wait(begun.strip().rpartition("/")[2], seconds=1800)
    assert workflow["status"]["phase"] == "Succeeded", workflow["status"].get("message")
    assert digests(world.artifacts(STORE)) == digests(undisturbed)
