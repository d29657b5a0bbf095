"""Hours of the clock: the steps' order, and what they share, against sums done by hand."""

import time
from pathlib import Path

import pytest

from pipelines.local.reading import read_workflow
from pipelines.local.workflow import WorkflowTemplate
from pipelines.plan.clock import Need, Room, ends

WORKFLOW = """\
apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: small}
spec:
  entrypoint: all
  templates:
  - name: all
    dag:
      failFast: false
      tasks:
      - {name: first, template: job}
      - {name: short, template: job, depends: first}
      - name: each
        template: job
        depends: first
        withParam: '{{workflow.parameters.items}}'
      - {name: last, template: job, depends: short && each}
  - name: job
    container: {command: [x]}
  arguments:
    parameters: [{name: items}]
"""
HOUR = 3600.0
WEEK = 7 * 24 * HOUR


@pytest.fixture
def workflow(tmp_path: Path) -> WorkflowTemplate:
    file = tmp_path / "workflow.yaml"
    file.write_text(WORKFLOW)
    return read_workflow(file)


def last(workflow: WorkflowTemplate, room: Room, **each: int) -> float:
    """Hours: first 1; short 2 beside three items of 1, 3 and 5; last 1."""
    needs = {"first": Need(HOUR), "short": Need(2 * HOUR), "last": Need(HOUR)}
    names = ("each/a(0)", "each/b(1)", "each/c(2)")
    found = ends(workflow, {"items": '["a","b","c"]'}, {}, room)
    assert set(found) == {*needs, *(name for name in found if name.startswith("each"))}
    items = sorted(name for name in found if name.startswith("each"))
    assert len(items) == len(names)
    needs |= {name: Need(h * HOUR, **each) for name, h in zip(items, (1, 3, 5), strict=True)}
    return ends(workflow, {"items": '["a","b","c"]'}, needs, room)["last"] / HOUR


@pytest.mark.parametrize(
    ("room", "each", "hours"),
    [
        (Room(), {}, 7),  # 1 + 5 + 1
        (Room(slots=1), {}, 13),  # 1 + 2 + 1 + 3 + 5 + 1
        (Room(slots=2), {}, 9),  # 1; short to 3 beside a to 2, b to 5, c from 3 to 8; then 9
        (Room(gpus=1), {"gpus": 1}, 11),  # 1 + (1 + 3 + 5) + 1; short needs none
        (Room(gpus=2), {"gpus": 8}, 11),  # each takes all there are
        (Room(slots=2), {"slots": 2}, 13),
        (Room(gpus=16), {"gpus": 8}, 8),  # a, b to 2 and 4; c from 2 to 7; then 8
    ],
)
def test_steps_follow_each_other(
    workflow: WorkflowTemplate, room: Room, each: dict[str, int], hours: float
) -> None:
    assert last(workflow, room, **each) == pytest.approx(hours, abs=1e-9)


@pytest.mark.parametrize("seconds", [0.0, 0.1, WEEK, 1e8 / 3, 1e12 / 3, 1e250])
def test_however_long_it_takes_no_time(workflow: WorkflowTemplate, seconds: float) -> None:
    begun = time.monotonic()
    needs = {"first": Need(seconds), "short": Need(0.1), "last": Need(seconds)}
    ended = ends(workflow, {"items": "[]"}, needs, Room())["last"]
    assert ended == pytest.approx(2 * seconds + 0.1)
    assert time.monotonic() - begun < 1
