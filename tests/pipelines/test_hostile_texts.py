# ruff: noqa: E501
"""What `perennial` shows of records and arguments: the whole of it."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from jobs.artifacts.manifest import Input
from jobs.artifacts.releases import add
from jobs.store.prefix import Prefix
from tests.pipelines.conftest import WriteFleet, runnable
from tests.pipelines.test_cli import perennial
from tests.support.hostile import HOSTILE, MARKUP, READABLE, unseen
from tests.support.paths import ROOT


@pytest.fixture(name="write_fleet")
def write_runnable_fleet(write_fleet: WriteFleet, folders_of_fleet: None) -> WriteFleet:
    return runnable(write_fleet)


each = pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())


@each
def test_releases(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    here = Input(uri=f"s3://b/{READABLE}{text}", digest="0")
    add(Prefix(tmp_path / "releases"), "m", candidate=here, report=here, decision="GO", reasons=(text,), override=f"x{text}")  # fmt: skip
    code, out, err = perennial(capfd, monkeypatch, "releases", "--store", tmp_path)
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()[:2]] == ["model", "m"]
    assert not any(line.startswith(("2026", "INFO")) for line in out.splitlines())
    assert unseen(out) == []
    assert "hunter2" not in out
    assert READABLE.split()[0] in out
    if text == MARKUP:
        assert "[/oops][link=" in "".join(out.split())
    code, out, err = perennial(capfd, monkeypatch, "releases", text or "x", "--store", tmp_path)
    assert code == 64
    assert unseen(out + err) == []
    assert err.count("\n") == 1
    assert "hunter2" not in err


@each
def test_arguments_in_errors(
    write_fleet: WriteFleet, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, text: str,
) -> None:  # fmt: skip
    plan = ["plan", str(write_fleet()), "--store", str(tmp_path / "s"), "--period", "2026-10"]
    arguments: tuple[list[str], ...] = (
        [*plan[:-1], text], [*plan, "--run", text], [*plan, "-p", text], [*plan, "-p", f"{text}=x"],
        ["plan", f"./{text}.yaml".replace("\0", ""), *plan[2:]], [f"x{text}"], ["plan", f"--{text}"],
    )  # fmt: skip
    for given in arguments:
        code, out, err = perennial(capfd, monkeypatch, *given)
        assert code == 64
        assert unseen(out + err) == []
        assert err.count("\n") == 1
        assert "hunter2" not in out + err


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("registry={{workflow.name}}", "it has {{, which begins a workflow's tag"),
        ("registry=x{{=1}}", "it has {{"),
        ("registry=$(AWS_SECRET_ACCESS_KEY)", "it has $( or $$, which Kubernetes puts something"),
        ("crawl-publishers=US$$", "it has $( or $$"),
        ("registry=--override", "it begins with -, as flags do"),
        ("registry=a\nb", r"it has the character '\n'"),
        ("registry=\u202ex", r"it has the character '\u202e'"),
        ("registry=me:hunter2@ghcr.io", "it holds a user name, password, token or query; credentials belong"),
        ("crawl-ccnews-server=https://me:hunter2@news/", "holds a user name"),
        ("crawl-ccnews-server=https://news/?sig=hunter2", "holds a user name, password, token or query"),
        ("crawl-ccnews-server=news", "-p crawl-ccnews-server: 'news' is wrong"),
        ("run=../x", "-p run: '../x' is wrong"),
        ("run=" + "r" * 101, "expected a name of at most 100"),
        ("run=.", "-p run: '.' is wrong"),
        ("run=\u0430b", r"-p run: '\u0430b' is wrong"),
        ("period=2026-13", "-p period: '2026-13' is wrong"),
        ("period=\u0662026-10", r"-p period: '\u0662026-10' is wrong"),
        ("store=s3://me:hunter2@b/x", "holds a user name"),
        ("store=s3://b/x?sig=hunter2", "holds a user name"),
        ("tasks=[[[[", "-p tasks: its value is not JSON"),
        ("tasks=" + "[" * 5000, "it nests too deep"),
    ],
)  # fmt: skip
def test_parameters_that_are_refused(
    write_fleet: WriteFleet, tmp_path: Path, capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch, given: str, says: str,
) -> None:  # fmt: skip
    plan = ["plan", str(write_fleet()), "--store", str(tmp_path / "s"), "--period", "2026-10"]
    code, _, err = perennial(capfd, monkeypatch, *plan, "-p", given)
    assert code == 64
    assert says in err
    assert err.count("\n") == 1
    assert "hunter2" not in err


@pytest.mark.parametrize("store", ["s3://me:hunter2@b/x", "s3://b?sig=hunter2", "gs://b#hunter2"])
def test_stores_with_credentials(
    write_fleet: WriteFleet, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    store: str,
) -> None:  # fmt: skip
    commands: list[list[str]] = [["plan", str(write_fleet()), "--period", "2026-10"], ["releases"]]
    for command in commands:
        code, out, err = perennial(capfd, monkeypatch, *command, "--store", store)
        assert code == 64
        assert "credentials belong in the environment" in err
        assert "hunter2" not in out + err


@pytest.mark.parametrize(
    ("name", "value", "is_valid"),
    [
        ("store", "s3://b/x y", True),
        ("store", "s3://me:hunter2@b/x", False),
        ("store", "s3://b/x?sig=hunter2", False),
        ("store", "s3://b/{{workflow.name}}", False),
        ("registry", "ghcr.io/perennial", True),
        ("train-image", "train:1.0@sha256:abcd", True),
        ("families", '[{"name":"pico","others":[{"name":"x"}]}]', True),
        ("registry", "{{=1+1}}", False),
        ("store", "s3://b/$(HOME)", False),
        ("store", "s3://b/x$$y", False),
        ("store", "s3://b/x$y", True),
        ("registry", "--x", False),
        ("registry", "a\nb", False),
        ("crawl-ccnews-server", "https://news/", True),
        ("crawl-ccnews-server", "https://me:hunter2@news/", False),
        ("crawl-ccnews-server", "https://news/?sig=hunter2", False),
    ],
)
def test_values_of_the_chart(name: str, value: str, is_valid: bool) -> None:
    chart = ROOT / "charts/perennial"
    values = yaml.safe_load((chart / "values.yaml").read_text())
    values["parameters"][name] = value
    schema = json.loads((chart / "values.schema.json").read_text())
    assert jsonschema.Draft7Validator(schema).is_valid(values) == is_valid
