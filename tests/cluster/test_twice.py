"""Refreshes that are submitted at the same time."""

from datetime import datetime
from typing import Any

import pytest

from tests.cluster.conftest import Namespace

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1800)]
FEW = "tasks=[]"
"""Of the steps: no evaluation but the held-out loss."""


def span(workflow: dict[str, Any]) -> tuple[datetime, datetime]:
    """When its first step began, and when it ended."""
    status = workflow["status"]
    begun = min(node["startedAt"] for node in status["nodes"].values())
    return datetime.fromisoformat(begun), datetime.fromisoformat(status["finishedAt"])


def test_one_month_is_refreshed_once_at_a_time_and_two_at_once(namespace: Namespace) -> None:
    """The second of a month finds all of it made; another month waits for none."""
    namespace.helm(1)
    names = [
        namespace.submit(FEW),
        namespace.submit(FEW),
        namespace.submit("period=2026-09", FEW),
    ]
    ended = [namespace.wait(name, seconds=1500) for name in names]
    assert [one["status"]["phase"] for one in ended] == ["Succeeded"] * 3
    (first, first_end), (second, second_end), (other, other_end) = map(span, ended)
    assert first_end <= second or second_end <= first
    assert other < max(first_end, second_end)
    assert other_end > min(first, second)
