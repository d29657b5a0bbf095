"""The engine's semantics, with real child processes."""

import asyncio
import json
from functools import partial
from typing import Any

import pytest
import yaml

from jobs.errors import BadInputError
from pipelines.local.engine import Engine, Outcome, Runner, Step
from pipelines.local.run import Ran, run_workflow
from pipelines.local.workflow import read_workflow
from tests.pipelines.local.conftest import Small, Task, declared


def statuses(ran: Ran) -> dict[str, str]:
    return {step.name: step.status for step in ran.steps}


ITEMS = "{{workflow.parameters.items}}"


def test_order_follows_depends_and_outputs_flow_by_file(small: Small, task: Task) -> None:
    ran = small.run(
        [
            task("first", "one"),
            task("second", "{{tasks.first.outputs.parameters.loud}}-again", depends="first"),
            task("third", "{{tasks.first.outputs.parameters.loud}}-at-last", depends="second"),
        ]
    )
    assert ran.exit_code == 0
    # The newline at the output's end is dropped, and outputs are known to all that come after.
    assert small.said() == ["one", "ONE-again", "ONE-at-last"]
    assert statuses(ran) == dict.fromkeys(("first", "second", "third"), "Succeeded")


def test_a_task_waits_for_all_that_it_depends_on(small: Small, task: Task) -> None:
    slow = small.python("slow", "import time; time.sleep(0.3)")
    ran = small.run(
        [
            task("slow", template="slow"),
            task("quick", "quick"),
            task("both", "both", depends="slow && quick"),
        ],
        slow,
    )
    assert small.said() == ["quick", "both"]
    assert list(statuses(ran)) == ["quick", "slow", "both"]


def test_items_are_texts_or_mappings_to_texts_and_lists(small: Small, task: Task) -> None:
    items = [{"name": "a", "n": "1"}, {"name": "../b", "n": ["x", 'y"z']}]
    ran = small.run(
        [
            task("each", "{{item.name}}{{item.n}}", withParam=ITEMS),
            task("text", "{{item}}", withParam="{{workflow.parameters.texts}}", depends="each"),
        ],
        arguments=declared(items=json.dumps(items), texts='["p", "q r"]'),
        parallel=1,
    )
    assert small.said() == ["a1", '../b["x", "y\\"z"]', "p", "q r"]
    # No item can name a path outside the logs.
    assert list(statuses(ran)) == ["each/a", "each/1", "text/p", "text/1"]


def test_what_depends_on_a_task_without_items_is_run(small: Small, task: Task) -> None:
    tasks = [task("none", "{{item}}", withParam=ITEMS), task("after", "yes", depends="none")]
    ran = small.run(tasks, arguments=declared(items="[]"))
    assert (ran.exit_code, small.said()) == (0, ["yes"])


def test_a_list_within_an_item_is_the_next_with_param(small: Small, task: Task) -> None:
    inner = small.dag(
        "inner",
        [task("say", "{{item}}", withParam="{{inputs.parameters.word}}")],
        inputs={"parameters": [{"name": "word"}]},
    )
    outer = task("outer", "{{item.list}}", template="inner", withParam=ITEMS)
    items = declared(items='[{"list": ["p", "q"]}]')
    ran = small.run([outer], inner, arguments=items, parallel=1)
    assert small.said() == ["p", "q"]
    assert list(statuses(ran)) == ["outer/0/say/p", "outer/0/say/q"]


def test_values_are_never_code_nor_tags(small: Small, task: Task) -> None:
    text = "'\"; `id` {{workflow.parameters.q}}"
    small.run(
        [task("say", "$(touch x); {{workflow.parameters.p}}")],
        parameters={"p": text},
        arguments=declared(p="", q="never"),
    )
    assert small.said() == [f"$(touch x); {text}"]


def test_failure_stops_what_depends_on_it_but_no_other_branch(small: Small, task: Task) -> None:
    fail = small.python("fail", "import sys; print('the reason'); sys.exit(3)")
    ran = small.run(
        [
            task("bad", template="fail"),
            task("good", "one"),
            task("after-bad", "never", depends="good && bad"),
            task("after-that", "never", depends="after-bad"),
            task("after-good", "two", depends="good"),
        ],
        fail,
    )
    assert ran.exit_code == 3
    assert sorted(small.said()) == ["one", "two"]
    assert statuses(ran) == {"bad": "Failed", "good": "Succeeded", "after-good": "Succeeded"}
    assert "the reason" in small.shown()


def test_a_failure_within_a_dag_or_an_item_is_a_failure_of_the_task(
    small: Small, task: Task
) -> None:
    fail = small.python("fail", "import sys; sys.exit(3)")
    inner = small.dag("inner", [task("bad", template="fail"), task("good", "one")])
    ran = small.run(
        [
            task("outer", template="inner", withParam=ITEMS),
            task("after", "never", depends="outer"),
        ],
        inner,
        fail,
        arguments=declared(items='["x", "y"]'),
    )
    assert ran.exit_code == 3
    assert small.said() == ["one", "one"]


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
    logs = sorted(path.name for path in (small.folder / "work/logs").iterdir())
    assert logs == ["flaky.2.log", "flaky.log"]


def test_a_missing_output_is_an_error(small: Small, task: Task) -> None:
    silent = {**small.say(), "name": "silent"}
    silent["container"] = {
        "command": ["python", "-c", "pass"],
        "env": [{"name": "PERENNIAL_OUTPUTS", "value": "/tmp/outputs"}],
    }
    ran = small.run([task("silent", "x", template="silent")], silent)
    assert ran.exit_code == 1
    assert statuses(ran) == {"silent": "Error"}
    assert "did not write its output 'loud'" in small.shown()


def test_an_output_of_the_attempt_before_does_not_count(small: Small, task: Task) -> None:
    small.run([task("say", "one")])
    path = small.write([task("say", "one")])
    document = yaml.safe_load(path.read_text())
    document["spec"]["templates"][-1]["container"]["args"] = ["pass"]
    path.write_text(yaml.safe_dump(document))
    ran = run_workflow(read_workflow(path), {}, small.folder / "work", 2, small.console)
    assert statuses(ran) == {"say": "Error"}


def test_a_program_that_is_not_there(small: Small, task: Task) -> None:
    ran = small.run([task("x", template="x")], {"name": "x", "container": {"command": ["no-such"]}})
    assert ran.exit_code == 127


def test_deadline(small: Small, task: Task) -> None:
    slow = small.python("slow", "import time; time.sleep(60)", activeDeadlineSeconds=1)
    ran = small.run([task("slow", template="slow")], slow)
    assert ran.exit_code == 143
    assert "took longer than 1 s" in small.shown()


def test_a_job_that_found_its_artifact_is_shown_as_cached(small: Small, task: Task) -> None:
    """By the file that it leaves; what it logs is of no account."""
    code = "import os; open(os.path.join(os.environ['PERENNIAL_OUTPUTS'], 'already-done'), 'w')"
    found = small.python("found", code)
    made = small.python("made", "print('… INFO pack: already-done out=/x digest=0')")
    tasks = [task("found", template="found"), task("made", template="made", depends="found")]
    ran = small.run(tasks, found, made)
    assert statuses(ran) == {"found": "cached", "made": "Succeeded"}


def test_parallel_counts_processes(small: Small, task: Task) -> None:
    """Two-process steps never overlap with others on two slots."""
    code = (
        "import sys, time\n"
        "open(sys.argv[1], 'a').write('+'); time.sleep(0.3); open(sys.argv[1], 'a').write('-')"
    )
    wide = {
        "name": "wide",
        "inputs": {"parameters": [{"name": "processes"}]},
        "container": {"command": ["python", "-c", code, str(small.said_in)]},
    }
    two = {"parameters": [{"name": "processes", "value": "2"}]}
    tasks = [{"name": n, "template": "wide", "arguments": two} for n in ("a", "b", "c")]
    small.run(tasks, wide, parallel=2)
    assert small.said() == ["+-+-+-"]


def test_environment_of_a_step(small: Small, task: Task) -> None:
    code = "import os; print(*(os.environ.get(n) for n in ('GIVEN', 'PERENNIAL_IMAGE')))"
    template = small.python("env", code)
    template["container"] = {
        "command": ["python", "-c", code],
        "env": [{"name": "GIVEN", "value": "{{workflow.parameters.p}}"},
                {"name": "PERENNIAL_IMAGE", "value": "example.org/train:1"}],
    }  # fmt: skip
    small.run([task("env", template="env")], template, arguments=declared(p="x"))
    assert (small.folder / "work/logs/env.log").read_text() == "x None\n"


def test_parameters_are_checked(small: Small, task: Task) -> None:
    given = {"parameters": [{"name": "period"}, {"name": "store", "value": "x"}]}
    with pytest.raises(BadInputError, match="no parameter 'perod'; did you mean period"):
        small.run([task("a", "x")], arguments=given, parameters={"perod": "1"})
    with pytest.raises(BadInputError, match="parameters without a value: period"):
        small.run([task("a", "x")], arguments=given)
    with pytest.raises(BadInputError, match="say: input 'word' of template say is not given"):
        small.run([task("a", "x")], entrypoint="say")


def test_the_entrypoints_inputs_may_be_given_to_a_run(small: Small, task: Task) -> None:
    begin = small.dag(
        "begin",
        [task("say", "{{inputs.parameters.run}}")],
        inputs={"parameters": [{"name": "run", "default": "{{workflow.parameters.p}}-run"}]},
    )
    for parameters in ({}, {"run": "mine"}):
        small.run([], begin, entrypoint="begin", arguments=declared(p="x"), parameters=parameters)
    assert small.said() == ["x-run", "mine"]


@pytest.mark.parametrize(
    ("word", "fields", "says"),
    [
        ("{{workflow.parameters.q}}", {}, r"late: nothing to put in place of \{\{workflow.param"),
        ("{{inputs.parameters.word}}", {}, r"late: nothing to put in place of"),
        ("{{item}}", {}, r"late: nothing to put in place of \{\{item\}\}"),
        ("{{item.x}}", {"withParam": ITEMS}, r"late/a: nothing to put in place of \{\{item.x\}\}"),
        ("{{tasks.other.outputs.parameters.loud}}", {}, r"late: nothing to put in place of"),
        ("{{tasks.early.outputs.parameters.loud}}", {}, ""),
        ("{{tasks.early.outputs.parameters.quiet}}", {}, r"late: nothing to put in place of"),
        ("", {}, r"late: input 'word' of template say is not given"),
        ("x", {"template": "made"}, r"late: template made has no input 'word'"),
    ],
)
def test_what_leads_nowhere_is_refused_before_the_first_step(
    small: Small, task: Task, word: str, fields: dict[str, str], says: str
) -> None:
    tasks = [task("early", "x"), task("other", "x"), task("late", word, depends="early", **fields)]
    run = partial(small.run, tasks, small.python("made", "pass"), arguments=declared(items='["a"]'))
    if not says:
        assert run().exit_code == 0
        return
    with pytest.raises(BadInputError, match=says):
        run()
    assert not (small.folder / "work").exists()


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ("{}", "each: withParam: expected a JSON list, got '{}'"),
        ("[", "each: withParam: not JSON"),
        ("[1]", "does not know items such as 1"),
        ("[null]", "does not know items such as None"),
        ('[["a"]]', "does not know items such as a list of 1"),
        ('[{"a": 1}]', "does not know items such as an object of 1"),
    ],
)
def test_other_items_are_refused(small: Small, task: Task, items: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        small.run([task("each", "x", withParam=ITEMS)], arguments=declared(items=items))
