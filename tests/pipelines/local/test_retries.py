"""When the engine tries a step again, and after which pause."""

import asyncio
from typing import Any

import pytest

from pipelines.local.engine import Engine, Outcome, Runner, Step
from pipelines.local.reading import read_workflow
from tests.pipelines.local.conftest import Small, Task


def retry(codes: str = "-1, 75, 137", duration: str = "0s") -> dict[str, Any]:
    return {
        "limit": "2",
        "retryPolicy": "Always",
        "expression": f"lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [{codes}]",
        "backoff": {"duration": duration, "factor": "3"},
    }


@pytest.mark.parametrize(
    ("end", "attempts", "exit_code"),
    [
        ("sys.exit(75)", 3, 75),
        ("os.kill(os.getpid(), 9)", 3, 137),
        ("sys.exit(64)", 1, 64),
        ("raise ValueError", 1, 1),
    ],
)
def test_retries_go_by_exit_code(
    small: Small, task: Task, end: str, attempts: int, exit_code: int
) -> None:
    flaky = small.python("flaky", f"import os, sys; {end}", retryStrategy=retry())
    ran = small.run([task("flaky", template="flaky")], flaky)
    assert ran.exit_code == exit_code
    assert [(s.attempts, s.exit_code) for s in ran.steps] == [(attempts, exit_code)]


class Failing(Runner):
    """Runs nothing, and ends each attempt in one way."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.pauses: list[float] = []

    async def run(self, step: Step, attempt: int) -> Outcome:  # noqa: ARG002 - a Runner's
        return self.outcome

    async def pause(self, step: Step, outcome: Outcome, seconds: float) -> None:  # noqa: ARG002
        self.pauses.append(seconds)


@pytest.mark.parametrize(
    ("outcome", "pauses"),
    [
        (Outcome("Failed", 75), [20, 60]),
        (Outcome("Failed", 143), [20, 60]),
        (Outcome("Failed", 7), []),
        (Outcome("Failed", 1), []),
        (Outcome("Error"), [20, 60]),
        (Outcome("Stopped", 143), []),
        (Outcome("Succeeded"), []),
    ],
)
def test_each_pause_is_the_factor_times_the_one_before(
    small: Small, task: Task, outcome: Outcome, pauses: list[float]
) -> None:
    """Twenty seconds, and three times twenty."""
    flaky = small.python("flaky", "pass", retryStrategy=retry("75, 143", "20s"))
    workflow = read_workflow(small.write([task("flaky", template="flaky")], flaky))
    runner = Failing(outcome)
    assert asyncio.run(Engine(workflow, {}, runner).run()) == outcome
    assert runner.pauses == pauses


def test_a_retry_may_succeed(small: Small, task: Task) -> None:
    marker = small.folder / "tried"
    code = (
        f"import pathlib, sys; p = pathlib.Path({str(marker)!r})\n"
        "if not p.exists(): p.touch(); sys.exit(75)"
    )
    ran = small.run(
        [task("flaky", template="flaky")], small.python("flaky", code, retryStrategy=retry())
    )
    assert ran.exit_code == 0
    assert ran.steps[0].attempts == 2
    logs = sorted(path.name for path in (small.folder / "work/logs/flaky").iterdir())
    assert logs == ["1.log", "2.log"]
