"""The engine's semantics, with real child processes."""

import json
import re
from functools import partial
from typing import Any

import pytest

from jobs.errors import BadInputError
from tests.pipelines.local.conftest import Small, Task, declared, statuses

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


NAMES = "{{=toJson(map(fromJSON(workflow.parameters['items']), #.name))}}"
FIELD = "{{=find(fromJSON(workflow.parameters['items']), #.name == item)['n']}}"


def test_items_are_texts(small: Small, task: Task) -> None:
    ran = small.run(
        [task("text", "{{item}}", withParam=ITEMS)],
        arguments=declared(items='["p", "../b", "q r"]'),
        parallel=1,
    )
    assert small.said() == ["p", "../b", "q r"]
    # No item can name a path outside the logs.
    assert list(statuses(ran)) == ["text/p", "text/1", "text/2"]


def test_a_loop_over_names_looks_up_their_fields(small: Small, task: Task) -> None:
    items = [{"name": "a", "n": "1"}, {"name": "b", "n": 'x", "y'}, {"name": "c", "n": "`c`"}]
    ran = small.run(
        [task("each", f"{{{{item}}}}={FIELD}", withParam=NAMES)],
        arguments=declared(items=json.dumps(items)),
        parallel=1,
    )
    assert small.said() == ["a=1", 'b=x", "y', "c=`c`"]
    assert list(statuses(ran)) == ["each/a", "each/b", "each/c"]


@pytest.mark.parametrize(
    ("items", "says"),
    [
        ("{}", "each: items: expected a JSON list, got '{}'"),
        ("[", "each: items is not JSON"),
        ('["a"]', "each: items: expected mappings to texts, got 'a'"),
        ('[{"name": "a", "n": 1}]', "each: items: expected mappings to texts, got an object of 2"),
        ('[{"n": "1"}]', "each: withParam: the local engine does not know items such as None"),
        ('[{"name": "a"}]', "each/a: nothing to put in place of {{=find"),
    ],
)
def test_lists_of_other_things_are_refused(small: Small, task: Task, items: str, says: str) -> None:
    with pytest.raises(BadInputError, match=re.escape(says)):
        small.run([task("each", FIELD, withParam=NAMES)], arguments=declared(items=items))


def test_what_depends_on_a_task_without_items_is_run(small: Small, task: Task) -> None:
    tasks = [task("none", "{{item}}", withParam=ITEMS), task("after", "yes", depends="none")]
    ran = small.run(tasks, arguments=declared(items="[]"))
    assert (ran.exit_code, small.said()) == (0, ["yes"])


def test_values_are_never_code_nor_tags(small: Small, task: Task) -> None:
    text = "'\"; `id` $HOME } }} {"
    small.run(
        [task("say", "`touch x`; {{workflow.parameters.p}}")],
        parameters={"p": text},
        arguments=declared(p=""),
    )
    assert small.said() == [f"`touch x`; {text}"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("{{workflow.parameters.q}}", "'{{'"),
        ("{{", "'{{'"),
        ("$(HOME)", r"'\$\('"),
        ("US$$", r"'\$\$'"),
        ("\x1b[2J", r"'\\x1b'"),
        ("\x7f", r"'\\x7f'"),
        ("\U000e0001", r"'\\U000e0001'"),
        ("\t\n\r\x08\x0c\u200b\u2028\U0001f680 $ { $HOME", ""),
    ],
)
def test_what_a_cluster_would_alter_is_refused(
    small: Small, task: Task, text: str, found: str
) -> None:
    tasks = [
        task("first", "x"),
        task("given", "{{workflow.parameters.p}}", "quiet", depends="first"),
    ]
    run = partial(small.run, tasks, quiet(small), parameters={"p": text}, arguments=declared(p=""))
    if not found:
        assert run().exit_code == 0
        return
    with pytest.raises(BadInputError, match=f"given: .*holds {found}, which a cluster does not"):
        run()
    assert small.said() == []


def test_a_word_that_is_too_long_is_refused(small: Small, task: Task) -> None:
    longest = task("long", "x" * (2**17 - 1), "quiet")
    assert small.run([longest], quiet(small)).exit_code == 0
    with pytest.raises(BadInputError, match=r"long: .*word.* has more than 131071 bytes"):
        small.run([task("long", "x" * 2**17, "quiet")], quiet(small))


def quiet(small: Small) -> dict[str, Any]:
    """A step that is given a word and leaves nothing."""
    template = small.python("quiet", "pass", inputs=small.say()["inputs"])
    template["container"]["args"] = ["{{inputs.parameters.word}}"]
    return template


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
    assert (small.folder / "work/logs/env/1.log").read_text() == "x None\n"


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
        (FIELD, {}, r"late: nothing to put in place of \{\{=find"),
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
        ("[", "each: withParam is not JSON"),
        ("[1]", "does not know items such as 1"),
        ("[null]", "does not know items such as None"),
        ('[["a"]]', "does not know items such as a list of 1"),
        ('[{"a": 1}]', "does not know items such as an object of 1"),
    ],
)
def test_other_items_are_refused(small: Small, task: Task, items: str, says: str) -> None:
    with pytest.raises(BadInputError, match=says):
        small.run([task("each", "x", withParam=ITEMS)], arguments=declared(items=items))
