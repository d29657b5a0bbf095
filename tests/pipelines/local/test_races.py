"""What happens at the same moment: a stop and a start, a turn and its end, one name given twice."""

import asyncio
import json
import os
import signal
import time

import pytest

from pipelines.local.display import Display
from pipelines.local.record import StepRecord
from pipelines.local.slots import Slots
from tests.pipelines.local.conftest import Small, Task, declared, statuses


def test_a_child_that_starts_while_a_signal_arrives_is_told(
    small: Small, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes after the engine's last look whether it was stopped."""
    begun = Display.begun

    def told(self: Display, record: StepRecord) -> None:
        begun(self, record)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Display, "begun", told)
    started = time.monotonic()
    step = small.python("one", "import time; time.sleep(60)")
    assert small.run([task("one", template="one")], step).exit_code == 143
    assert time.monotonic() - started < 20


def test_a_turn_that_is_given_up_is_anothers() -> None:
    async def waiting(slots: Slots, number: int) -> None:
        async with slots.taken(number):
            await asyncio.sleep(60)

    async def trial() -> None:
        slots = Slots(2)
        async with slots.taken(2):
            given_up = [asyncio.ensure_future(waiting(slots, number)) for number in (1, 2, 1)]
            await asyncio.sleep(0)
            given_up[1].cancel()  # while it waits
            await asyncio.sleep(0)
        given_up[0].cancel()  # its turn came, and it does not know yet
        given_up[2].cancel()
        await asyncio.gather(*given_up, return_exceptions=True)
        async with asyncio.timeout(1), slots.taken(2):
            pass

    asyncio.run(trial())


def test_no_two_items_share_a_name(small: Small, task: Task) -> None:
    items = ["a", "a", "b", "4", "../x"]
    ran = small.run(
        [task("each", "{{item}}", withParam="{{workflow.parameters.items}}")],
        arguments=declared(items=json.dumps(items)),
    )
    assert sorted(statuses(ran)) == ["each/0", "each/1", "each/3", "each/4", "each/b"]
    assert sorted(small.said()) == ["../x", "4", "a", "a", "b"]


def test_no_two_attempts_share_a_log(small: Small, task: Task) -> None:
    """Nor one with a step whose name ends as another's log does."""
    fail = small.python(
        "fail", "import sys; print('failed'); sys.exit(75)",
        retryStrategy={
            "limit": "1",
            "retryPolicy": "Always",
            "expression": "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [75]",
            "backoff": {"duration": "0s", "factor": "1"},
        },
    )  # fmt: skip
    inner = small.dag("inner", [task("x", template="print")])
    names = small.python("print", "print('printed')")
    also = [
        task("1-log", template="inner"),
        task("each", template="print", withParam="{{workflow.parameters.l}}"),
    ]
    given = declared(l='["1.log", "x"]')
    small.run([task("x", template="fail"), *also], inner, fail, names, arguments=given)
    logs = sorted((small.folder / "work/logs").rglob("*.log"))
    said = [log.read_text() for log in logs if log.is_file()]
    assert sorted(said) == ["failed\n"] * 2 + ["printed\n"] * 3


def test_a_number_of_processes_that_is_none(small: Small) -> None:
    step = {
        "name": "step",
        "inputs": {"parameters": [{"name": "processes"}]},
        "container": {"command": ["python", "-c", "pass"]},
    }
    arguments = {"parameters": [{"name": "processes", "value": "9" * 5000}]}
    ran = small.run([{"name": "step", "template": "step", "arguments": arguments}], step)
    assert statuses(ran) == {"step": "Succeeded"}
