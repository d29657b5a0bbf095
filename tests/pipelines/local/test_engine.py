"""The engine's semantics, with real child processes."""

import json
from typing import Any

import pytest
import yaml

from jobs.errors import BadInputError
from pipelines.local.run import Ran, run_workflow
from pipelines.local.workflow import WorkflowTemplate, read_workflow
from tests.pipelines.local.conftest import Small, Task


def statuses(ran: Ran) -> dict[str, str]:
    return {step.name: step.status for step in ran.steps}


def test_order_follows_depends_and_outputs_flow_by_file(small: Small, task: Task) -> None:
    ran = small.run(
        [
            task("second", "{{tasks.first.outputs.parameters.loud}}-again", depends="first"),
            task("first", "one"),
        ]
    )
    assert ran.exit_code == 0
    assert small.said() == ["one", "ONE-again"]  # the newline at the output's end is dropped
    assert statuses(ran) == {"first": "Succeeded", "second": "Succeeded"}


def test_items_are_texts_numbers_mappings_and_lists(small: Small, task: Task) -> None:
    small.run(
        [task("each", "{{item}}", withItems=["a", 2, True, ["x", 'y"z'], {"k": "v"}])], parallel=1
    )
    assert small.said() == ["a", "2", "true", '["x", "y\\"z"]', '{"k": "v"}']


def test_with_param_reads_json_and_names_steps_after_items(small: Small, task: Task) -> None:
    items = json.dumps([{"name": "a", "n": 1}, {"name": "../b", "n": 2}])
    ran = small.run(
        [task("each", "{{item.name}}{{item.n}}", withParam="{{workflow.parameters.items}}")],
        arguments={"parameters": [{"name": "items", "value": items}]},
        parallel=1,
    )
    assert small.said() == ["a1", "../b2"]
    assert list(statuses(ran)) == ["each/a", "each/1"]  # no item can name a path outside the logs


def test_empty_with_param_is_skipped_and_what_depends_on_it_runs(small: Small, task: Task) -> None:
    ran = small.run(
        [task("none", "{{item}}", withParam="[]"), task("after", "yes", depends="none")]
    )
    assert ran.exit_code == 0
    assert small.said() == ["yes"]


def test_a_list_within_an_item_is_the_next_with_param(small: Small, task: Task) -> None:
    inner = {
        "name": "inner",
        "inputs": {"parameters": [{"name": "word"}]},
        "dag": {"tasks": [task("say", "{{item}}", withParam="{{inputs.parameters.word}}")]},
    }
    outer = task("outer", "{{item.list}}", template="inner", withItems=[{"list": ["p", "q"]}])
    ran = small.run([outer], inner, parallel=1)
    assert small.said() == ["p", "q"]
    assert list(statuses(ran)) == ["outer/0/say/p", "outer/0/say/q"]


def test_values_are_never_code(small: Small, task: Task) -> None:
    small.run([task("say", "$(touch x); {{workflow.parameters.p}}")], parameters={"p": "'\"; `id`"},
              arguments={"parameters": [{"name": "p", "value": ""}]})  # fmt: skip
    assert small.said() == ["$(touch x); '\"; `id`"]


@pytest.mark.parametrize(("word", "said"), [("yes", ["did"]), ("no", [])])
def test_when(small: Small, task: Task, word: str, said: list[str]) -> None:
    small.run(
        [task("maybe", "did", when="{{workflow.parameters.w}} == yes")],
        arguments={"parameters": [{"name": "w", "value": word}]},
    )
    assert small.said() == said


def test_failure_stops_what_depends_on_it_but_no_other_branch(small: Small, task: Task) -> None:
    fail = small.python("fail", "import sys; print('the reason'); sys.exit(3)")
    ran = small.run(
        [
            task("bad", template="fail"),
            task("after-bad", "never", depends="bad"),
            task("if-bad", "caught", depends="bad.Failed"),
            task("good", "one"),
            task("after-good", "two", depends="good"),
        ],
        fail,
    )
    assert ran.exit_code == 3
    assert sorted(small.said()) == ["caught", "one", "two"]
    assert statuses(ran)["bad"] == "Failed"
    assert "the reason" in small.shown()


def test_fail_fast_begins_nothing_new(small: Small, task: Task) -> None:
    fail = small.python("fail", "import sys; sys.exit(3)")
    path = small.write(
        [task("bad", template="fail"), task("good", "late", depends="bad || bad.Failed")], fail
    )
    path.write_text(path.read_text().replace("failFast: false", "failFast: true"))
    ran = run_workflow(read_workflow(path), {}, small.folder / "work", 2, small.console)
    assert (ran.exit_code, small.said()) == (3, [])


def retry(**fields: object) -> dict[str, Any]:
    expression = "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [-1, 75, 137]"
    backoff = {"duration": "10ms", "factor": "2"}
    return {"limit": "2", "retryPolicy": "Always", "expression": expression, "backoff": backoff,
            **fields}  # fmt: skip


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
    silent = {**small.say()}
    container = dict(silent["container"])
    silent["container"] = {**container, "args": ["pass"]}
    path = small.write([task("say", "one")])
    text = path.read_text()
    document = yaml.safe_load(text)
    document["spec"]["templates"][1] = silent
    workflow = WorkflowTemplate.model_validate(document)
    ran = run_workflow(workflow, {}, small.folder / "work", 2, small.console)
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
    leave = "import os, pathlib; pathlib.Path(os.environ['PERENNIAL_OUTPUTS'], 'already-done').touch()"
    found = {**small.say(), "name": "found", "inputs": {}, "outputs": {}}
    found["container"] = {**found["container"], "args": [leave]}
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
    two = {"parameters": [{"name": "processes", "value": 2}]}
    tasks = [{"name": n, "template": "wide", "arguments": two} for n in ("a", "b", "c")]
    small.run(tasks, wide, parallel=2)
    assert small.said() == ["+-+-+-"]


def test_environment_of_a_step(small: Small, task: Task) -> None:
    code = "import os; print(*(os.environ.get(n) for n in ('GIVEN', 'PERENNIAL_IMAGE')))"
    template = small.python("env", code)
    template["container"] = {
        "command": ["python", "-c", code],
        "env": [{"name": "GIVEN", "value": "{{workflow.name}}"},
                {"name": "PERENNIAL_IMAGE", "value": "example.org/train:1"}],
    }  # fmt: skip
    small.run([task("env", template="env")], template)
    assert (small.folder / "work/logs/env.log").read_text() == "small None\n"


def test_parameters_are_checked(small: Small, task: Task) -> None:
    declared = {"parameters": [{"name": "period"}, {"name": "store", "value": "x"}]}
    with pytest.raises(BadInputError, match="no parameter 'perod'; did you mean period"):
        small.run([task("a", "x")], arguments=declared, parameters={"perod": "1"})
    with pytest.raises(BadInputError, match="parameters without a value: period"):
        small.run([task("a", "x")], arguments=declared)
    with pytest.raises(BadInputError, match="parameters without a value: word"):
        small.run([], entrypoint="say")


def test_the_entrypoints_inputs_are_the_workflows_parameters(small: Small, task: Task) -> None:
    main = {
        "name": "begin",
        "inputs": {"parameters": [{"name": "run", "default": "{{workflow.parameters.p}}-run"}]},
        "dag": {"tasks": [task("say", "{{inputs.parameters.run}}")]},
    }
    given = {"parameters": [{"name": "p", "value": "x"}]}
    for parameters in ({}, {"run": "mine"}):
        small.run([], main, entrypoint="begin", arguments=given, parameters=parameters)
    assert small.said() == ["x-run", "mine"]


def test_with_param_that_is_no_list_is_refused(small: Small, task: Task) -> None:
    for text, why in (("{}", "expected a JSON list"), ("[", "not JSON")):
        with pytest.raises(BadInputError, match=why):
            small.run([task("each", "{{item}}", withParam=text)])
