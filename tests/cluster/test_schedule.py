"""The schedule, each minute: one refresh for each tick, though Argo's controller is killed."""

import json
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cluster.conftest import Namespace, run

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(900)]

KILLED_AFTER_SECONDS = (58, 119, 185)
"""After the first tick: just before the second, at the third, and after the fourth."""
WATCHED_SECONDS = 270
SECONDS_TO_END = 45
MINUTE = timedelta(minutes=1)
SECONDS_TO_BEGIN = timedelta(seconds=20)
"""After it is the leader, until it looks at the schedules."""


def test_one_refresh_for_each_tick(namespace: Namespace) -> None:
    """With hollow steps and no family: each refresh takes seconds."""
    each_minute = ("schedule.schedules={* * * * *}", "schedule.suspend=false")
    namespace.helm(1, "parameters.families=[]", *each_minute)
    seen = watched(namespace, time.time() + 300, enough=1)
    first = min(map(tick, seen.values()))
    away = []
    for after in KILLED_AFTER_SECONDS:
        seen |= watched(namespace, first.timestamp() + after)
        away.append(replaced_controller())
    seen |= watched(namespace, first.timestamp() + WATCHED_SECONDS)
    suspended = json.dumps({"spec": {"suspend": True}})
    namespace.kubectl("patch", "cronwf", "perennial-refresh", "--type=merge", "-p", suspended)
    seen |= watched(namespace, time.time() + SECONDS_TO_END)
    ticks = Counter(map(tick, seen.values()))
    assert set(ticks.values()) == {1}, ticks
    for number in range(WATCHED_SECONDS // 60 + 1):
        moment = first + number * MINUTE
        is_running = any(ran_at(moment, refresh) for refresh in seen.values())
        # Of the ticks that it missed, Argo makes up for the last.
        is_lost = any(gone <= moment <= back - MINUTE for gone, back in away)
        assert moment in ticks or is_running or is_lost, (ticks, away)
    for refresh in seen.values():
        assert refresh["status"]["phase"] == "Succeeded", refresh["status"].get("message")
        assert periods(refresh) == {f"{tick(refresh).replace(day=1) - timedelta(days=1):%Y-%m}"}


def test_on_any_day_the_families_get_the_month_before(namespace: Namespace) -> None:
    namespace.helm(1, "parameters.tasks=[]")
    given = ("--from", "cronwf/perennial-refresh", "--scheduled-time", "2026-03-31T06:00:00Z")
    refresh = namespace.argo("submit", *given, "-o", "name").strip().rpartition("/")[2]
    ended = namespace.wait(refresh, seconds=600)
    assert ended["status"]["phase"] == "Succeeded", ended["status"].get("message")
    (family,) = namespace.families(refresh)
    listed = family["spec"]["arguments"]["parameters"]
    values = {parameter["name"]: parameter["value"] for parameter in listed}
    assert (values["period"], values["run"]) == ("2026-02", "hollow-2026-02")


def replaced_controller() -> tuple[datetime, datetime]:
    """Kills Argo's controller: from when until when nobody did its work."""
    gone = datetime.now(UTC)
    argo = ("kubectl", "-n", "argo")
    label = ("-l", "app=workflow-controller")
    run(*argo, "delete", "pod", *label)
    (pod,) = json.loads(run(*argo, "get", "pods", *label, "-o", "json"))["items"]
    leader = ("get", "lease", "workflow-controller", "-o", "jsonpath={.spec.holderIdentity}")
    while run(*argo, *leader) != pod["metadata"]["name"]:
        time.sleep(1)
    return gone, datetime.now(UTC) + SECONDS_TO_BEGIN


def watched(namespace: Namespace, until: float, enough: int = 10**6) -> dict[str, dict[str, Any]]:
    """Refreshes that the schedule began, by name, as they were when last seen; only three that
    succeeded are kept.
    """
    seen: dict[str, dict[str, Any]] = {}
    label = ("-l", "workflows.argoproj.io/cron-workflow=perennial-refresh")
    while time.time() < until and len(seen) < enough:
        found = json.loads(namespace.kubectl("get", "wf", *label, "-o", "json"))["items"]
        seen |= {refresh["metadata"]["name"]: refresh for refresh in found}
        time.sleep(1)
    return seen


def tick(refresh: dict[str, Any]) -> datetime:
    """The moment for which it was begun."""
    return moment_of(refresh["metadata"]["annotations"]["workflows.argoproj.io/scheduled-time"])


def ran_at(moment: datetime, refresh: dict[str, Any]) -> bool:
    """Whether it ran then: the schedule begins no other beside it."""
    begun, ended = (moment_of(refresh["status"][key]) for key in ("startedAt", "finishedAt"))
    return begun <= moment <= ended


def moment_of(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def periods(refresh: dict[str, Any]) -> set[str]:
    """Of its crawls."""
    nodes = [node for node in refresh["status"]["nodes"].values() if node["type"] == "Pod"]
    return {
        parameter["value"]
        for node in nodes
        for parameter in node.get("inputs", {}).get("parameters", [])
        if parameter["name"] == "period"
    }
