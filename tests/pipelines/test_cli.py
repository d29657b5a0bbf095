# ruff: noqa: E501
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from jobs.artifacts.manifest import Work
from jobs.artifacts.writing import ArtifactWriter
from jobs.errors import BadInputError
from jobs.store.prefix import Prefix
from jobs.suites import load_suite
from pipelines import cli
from pipelines.commands import refreshing
from pipelines.commands.parameters import WORKFLOW
from pipelines.fleet.reading import read_fleet
from pipelines.plan.preflight import Preflight
from tests.pipelines.conftest import WriteFleet, runnable
from tests.support.paths import ROOT


@pytest.fixture(name="write_fleet")
def write_runnable_fleet(write_fleet: WriteFleet, folders_of_fleet: None) -> WriteFleet:
    return runnable(write_fleet)


HEAVY = ["torch", "transformers", "hera", "numpy", "pyarrow", "boto3", "kubernetes", "lm_eval"]


def perennial(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str | Path
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of the command."""
    monkeypatch.setattr(sys, "argv", ["perennial", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capfd.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, out, err


@pytest.mark.parametrize(
    "module",
    ["pipelines.cli", "pipelines.plan.plan", "pipelines.fleet.reading", "pipelines.local.run",
     "pipelines.plan.view"],
)  # fmt: skip
def test_imports_nothing_heavy(module: str) -> None:
    code = (
        f"import json, sys, {module}; "
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(found.stdout) == []


def test_plan(
    write_fleet: WriteFleet, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    code, out, err = perennial(
        capfd, monkeypatch, "plan", write_fleet(), "--period", "2026-10", "--store", tmp_path / "s"
    )
    assert (code, err) == (0, "")
    assert "fleet small · period 2026-10 · run small-2026-10" in out
    assert "evaluate     0    40" in out
    code, out, _ = perennial(
        capfd, monkeypatch, "run", write_fleet(), "--period", "2026-10", "--store", tmp_path / "s",
        "--dry-run",
    )  # fmt: skip
    assert code == 0
    assert "family/pico/residuals/pico-instruct/scores/evaluate/piqa" in out
    assert not (tmp_path / "s").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["plan", "FLEET", "--store", "s", "--period", "2026-13"], "expected a month such as 2026-10"),
        (["plan", "FLEET", "--store", "x://s", "--period", "2026-10"], "unknown scheme 'x'"),
        (["plan", "FLEET", "--store", "s", "--period", "2026-10", "-p", "x"], "perennial: -p x: expected NAME=VALUE\n"),
        (["plan", "FLEET", "--store", "s", "--period", "2026-10", "-p", "regisry=x"], "-p regisry: the workflow has no such parameter; did you mean registry?"),
        (["plan", "FLEET", "--store", "s", "--period", "2026-10", "-p", "crawl-processes=x"], "-p crawl-processes: 'x' is wrong: "),
        (["plan", "no.yaml", "--store", "s", "--period", "2026-10"], "no.yaml cannot be read"),
        (["plan", "FLEET", "--store", "s", "--period", "2026-10", "--run", "../x"], "--run: '../x' is wrong"),
        (["releases", "--store", "s"], "/s: there is no such folder"),
        (["plan", "FLEET", "--store", "s", "--period", "2026-10", "-p", "families=[]"], "-p families: set families in the fleet file"),
        (["plan", "FLEET", "--store", "s", "--period", "2026-10", "-p", "suite=paper"], "-p suite: set suite in the fleet file"),
        (["plan", "FLEET", "--store", "s", "--period", "0001-01"], "--period: '0001-01' is wrong: expected a month"),
        (["releases", "nobody", "--store", "."], "no release of 'nobody'; there are no releases yet"),
        (["plan", "FLEET", "--store", "s", "--period", "2026-10", "-p", "fleet=x"], "-p fleet: it is the fleet's name; set name in the fleet file"),
        (["parameters", "FLEET"], "fleet.yaml:14:3: train.processes: 1 for pico, but placement.train_gpus is 8"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_64(
    write_fleet: WriteFleet, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    given = [str(write_fleet()) if word == "FLEET" else word for word in arguments]
    code, _, err = perennial(capfd, monkeypatch, *given)
    assert code == 64
    assert says in err
    assert err.count("\n") == 1


def small_workflow(folder: Path, code: str) -> Path:
    """The refresh with a single step in place of its templates."""
    document = yaml.safe_load(WORKFLOW[0].read_text())
    inputs = {"parameters": [{"name": "run"}]}
    container = {"command": ["python", "-c", code], "args": ["{{inputs.parameters.run}}"]}
    tasks = [{
        "name": "only", "template": "only",
        "arguments": {"parameters": [{"name": "run", "value": "{{inputs.parameters.run}}"}]},
    }]  # fmt: skip
    document["spec"]["templates"] = [
        {"name": "refresh", "inputs": inputs, "dag": {"failFast": False, "tasks": tasks}},
        {"name": "only", "inputs": inputs, "container": container},
    ]
    path = folder / "workflow.yaml"
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.mark.parametrize("expected", [0, 64, 1])
def test_run_ends_with_the_steps_exit_code(
    write_fleet: WriteFleet, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, expected: int,
) -> None:  # fmt: skip
    code = f"import sys; print(sys.argv[1]); sys.exit({expected})"
    monkeypatch.setattr(refreshing, "WORKFLOW", [small_workflow(tmp_path, code)])
    monkeypatch.setattr(refreshing, "checked", lambda *_, **__: Preflight(None, ()))
    work, store = tmp_path / "work", tmp_path / "store"
    ended, out, _ = perennial(
        capfd, monkeypatch, "run", write_fleet(), "--period", "2026-10", "--store", store,
        "--work", work,
    )  # fmt: skip
    assert ended == expected
    assert (work / "latest/logs/only/1.log").read_text() == "small-2026-10\n"
    report = f"pico: no report at {store}/runs/small-2026-10/pico/report\n"
    assert (report in out) == (expected == 0)


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_run_refuses_all_that_a_plan_does_before_its_first_step(
    write_fleet: WriteFleet, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, more: list[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    of_run: list[str | Path] = [
        write_fleet("[us, uk]", "[ukk]"), "--period", "2999-01", "--store", tmp_path / "s",
        "-p", "train-gpus=three",
    ]  # fmt: skip
    code, _, err = perennial(capfd, monkeypatch, "plan", *of_run)
    assert (code, err.count("\n")) == (64, 3)
    assert perennial(capfd, monkeypatch, "run", *of_run, *more)[::2] == (code, err)
    assert not (tmp_path / "s").exists()
    assert not (tmp_path / ".perennial").exists()


def test_run_writes_a_probe(
    write_fleet: WriteFleet, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """What cannot be seen without writing is met before the first step."""

    def refused(self: Prefix, path: str, data: bytes) -> None:
        raise BadInputError(f"no permission for {self.uri}/{path}")

    monkeypatch.setattr(Prefix, "write", refused)
    code, _, err = perennial(
        capfd, monkeypatch, "run", write_fleet(), "--period", "2026-10", "--store", tmp_path / "s",
        "--work", tmp_path / "work",
    )  # fmt: skip
    assert code == 64
    assert f"perennial: no permission for {tmp_path}/s/probe-" in err
    assert not (tmp_path / "work").exists()


def test_releases(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    for number in (1, 2):
        record: dict[str, Any] = {
            "model": "pico", "number": number, "decision": "GO", "reasons": [],
            "candidate": {"uri": f"/c{number}", "digest": "d"},
            "report": {"uri": "/r", "digest": "d"}, "created": "2026-11-03T06:00:00Z",
            "override": "J. Doe: it\nanswers" if number == 2 else None,
        }  # fmt: skip
        path = store / f"releases/pico/{number:06d}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
    code, out, _ = perennial(capfd, monkeypatch, "releases", "--store", store)
    assert code == 0
    assert [" ".join(line.split()) for line in out.splitlines()[1:]] == [
        "pico 2 GO (overridden) 2026-11-03 06:00Z /c2",
        r"why: J. Doe: it\nanswers",
        "pico 1 GO 2026-11-03 06:00Z /c1",
    ]


def test_suite_prints_the_name_in_the_store(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = ROOT / "fleets/suites/geography.yaml"
    code, out, _ = perennial(capfd, monkeypatch, "suite", own)
    assert (code, out) == (0, f"{load_suite(str(own)).name}\n")
    assert perennial(capfd, monkeypatch, "suite", "paper") == (0, "paper\n", "")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("tasks: [{name: piqa, shots: 2}, {name: capitals}]\n")
    for given, said in (
        ("paperr", "perennial: no suite 'paperr'; did you mean 'paper'?; or give the file"),
        (wrong, f"perennial: {wrong}:1:22: tasks[0].shots: unknown field"),
        (tmp_path / "none.yaml", "none.yaml cannot be read: there is no such file; files of"),
        ("s3://b/x.yaml", "the suite 's3://b/x.yaml' is no file of this machine; copy it here"),
        ("", "perennial: no suite ''; there are: demo, paper; or give the file of your own"),
        ("x" * 2000, "xx...; there are: demo, paper"),
    ):
        code, out, err = perennial(capfd, monkeypatch, "suite", given)
        assert (code, out) == (64, "")
        assert said in err


def test_parameters_are_values_of_the_chart(
    write_fleet: WriteFleet, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_fleet("epochs: 2", "epochs: 2\n  processes: 8")
    code, out, _ = perennial(capfd, monkeypatch, "parameters", path)
    values = yaml.safe_load(out)
    assert code == 0
    assert values == {"parameters": read_fleet(path).parameters()}
    chart = WORKFLOW[0].parent.parent
    defaults = yaml.safe_load((chart / "values.yaml").read_text())
    defaults["parameters"] |= values["parameters"]
    jsonschema.validate(defaults, json.loads((chart / "values.schema.json").read_text()))
    # The chart refuses a parameter that the workflow does not have.
    workflow = yaml.safe_load(WORKFLOW[0].read_text())
    known = {item["name"] for item in workflow["spec"]["arguments"]["parameters"]}
    assert values["parameters"].keys() <= known


@pytest.mark.parametrize(
    ("artifact", "advice"),
    [
        ("models/pico/base", "name the family otherwise (its name is another fleet's), or choose"),
        ("eval-data/demo", "give the fleet the eval_data of the one that made it, or choose anot"),
        ("runs/small-2026-10/pico/cpt", "choose another --run or --store, or delete"),
    ],
)
def test_the_advice_on_a_conflict_would_help(
    write_fleet: WriteFleet, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, artifact: str, advice: str,
) -> None:  # fmt: skip
    store = tmp_path / "store"
    work = Work(kind="model", producer="another 1", settings={}, inputs={})
    writer = ArtifactWriter(Prefix(store / artifact), work, {})
    writer.write("model.safetensors", bytes(100))
    writer.commit({"parameters": 1, "outputs": {"tokenizer_digest": "abc"}})
    code, _, err = perennial(
        capfd, monkeypatch, "plan", write_fleet(), "--period", "2026-10", "--store", store
    )
    assert code == 64
    assert advice in err


def test_render_check(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert perennial(capfd, monkeypatch, "render", "--check")[0] == 0


COMMANDS = ["plan", "run", "status", "logs", "parameters", "suite", "releases", "export", "verify",
            "reproduce", "render"]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_in_a_users_words(
    command: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No braces or types of a library's, one example, and how the command may end."""
    code, out, err = perennial(capfd, monkeypatch, command, "--help")
    assert (code, err) == (0, "")
    assert re.findall(r"<(?:str|path|int|float|list)\b|[{}]|\[\[|\bTEXT\b", out) == []
    assert out.count("Example: ") == 1
    assert f"Example: perennial {command} " in " ".join(out.split())
    assert "Exit codes: 0 done; 64 bad input" in out
    usage = out.split("\n\n")[0].split()
    for argument in re.findall(r"^  ([A-Z]+)  ", out, re.MULTILINE):
        assert {argument, f"[{argument}]", f"[{argument}]..."} & {*usage}, argument


def test_alone_it_tells_its_commands(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = perennial(capfd, monkeypatch)
    assert (code, out) == (64, "")
    assert [line.split()[0] for line in err.split("Commands:\n")[1].splitlines()
            if re.match(r"  \w", line)] == COMMANDS  # fmt: skip


def test_all_commands_are_helped() -> None:
    callbacks = [command.callback for command in cli.app.registered_commands]
    assert [found.__name__ for found in callbacks if found] == COMMANDS


def test_version_is_one_line(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, err = perennial(capfd, monkeypatch, "--version")
    assert (code, err) == (0, "")
    # A build without a checkout says no commit.
    pattern = (
        r"perennial \d+\.\d+\.\d+( \([0-9a-f]{12}(-dirty)?\))? · Python \d+\.\d+\.\d+\S* · \S+\n"
    )
    assert re.fullmatch(pattern, out), out
