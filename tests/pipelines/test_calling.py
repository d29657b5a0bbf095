# ruff: noqa: E501
"""Command lines that are no call of a command: each is told in our words, with what to write."""

import pytest

from tests.pipelines.test_cli import COMMANDS, perennial

OF_A_RUN = ["plan", "f.yaml", "--store", "s", "--period", "2026-10"]
NEEDS = {
    "plan": "FLEET, --period 2026-10 and --store URI",
    "run": "FLEET, --period 2026-10 and --store URI",
    "logs": "STEP",
    "parameters": "FLEET",
    "releases": "--store URI",
    "export": "ARTIFACT and FOLDER",
    "verify": "STORE",
    "reproduce": "RUN and --store URI",
}
CALLS = [
    *([[name], f"{name} needs {needs}; see perennial {name} --help"] for name, needs in NEEDS.items()),
    *([[name, "--quux"], f"{name} has no option --quux; see perennial {name} --help"] for name in COMMANDS),
    *([[name, "-q"], f"{name} has no option -q; see perennial {name} --help"] for name in COMMANDS),
    *([[name, "--help=1"], "--help takes no value; write --help alone"] for name in COMMANDS),
    (["plan", "f"], "plan needs --period 2026-10 and --store URI; see perennial plan --help"),
    (["plan", "--", "-x"], "plan needs --period 2026-10 and --store URI; see perennial plan --help"),
    (["plan", "f", "--store", "s"], "plan needs --period 2026-10; see perennial plan --help"),
    (["export", "a"], "export needs FOLDER; see perennial export --help"),
    (["plan", "f", "--stor", "s"], "plan has no option --stor; did you mean --store?"),
    (["plan", "f", "--Store", "s"], "plan has no option --Store; did you mean --store?"),
    (["plan", "f", "-store", "s"], "plan has no option -store; did you mean --store?"),
    (["plan", "f", "--perod=2026-10"], "plan has no option --perod; did you mean --period?"),
    (["run", "f", "--paralel", "3"], "run has no option --paralel; did you mean --parallel or --parameter?"),
    (["verify", "x", "--dep"], "verify has no option --dep; did you mean --deep or --help?"),
    (["--versio"], "perennial has no option --versio; did you mean --version?"),
    (["-v"], "perennial has no option -v; see perennial --help"),
    (["--foo", "plan"], "perennial has no option --foo; see perennial --help"),
    (["plan", "f", "--\x1b[2J"], "plan has no option --\\x1b[2J; see perennial plan --help"),
    (["plan", "f", "--store"], "--store lacks its value; write --store URI"),
    (["plan", "f", "--store", "--gpus", "2"], "--store lacks its value; write --store URI"),
    (["plan", "-p"], "-p lacks its value; write -p NAME=VALUE"),
    (["plan", "f", "--gpus"], "--gpus lacks its value; write --gpus N"),
    (["plan", "f", "--steps=1"], "--steps takes no value; write --steps alone"),
    (["logs", "x", "--follow=3"], "--follow takes no value; write --follow alone"),
    (["--version=1"], "--version takes no value; write --version alone"),
    ([*OF_A_RUN, "x"], "plan takes no more than FLEET and options; left over: 'x'"),
    ([*OF_A_RUN, *"vwxyz"], "FLEET and options; left over: 'v', 'w', 'x' and 2 more"),
    (["export", "a", "b", "c\n"], "no more than ARTIFACT, FOLDER and options; left over: 'c\\n'"),
    (["status", "a", "b"], "status takes no more than RUN and options; left over: 'b'"),
    (["render", "x"], "render takes no more than options; left over: 'x'"),
    ([*OF_A_RUN, "--gpus", "three"], "--gpus 'three' is wrong: expected a whole number"),
    ([*OF_A_RUN, "--gpus", "0"], "--gpus '0' is wrong: expected at least 1"),
    (["run", *OF_A_RUN[1:], "--parallel", "1.5"], "--parallel '1.5' is wrong: expected a whole"),
    ([*OF_A_RUN, "--gpus="], "--gpus '' is wrong: expected a whole number"),
    (["paln"], "there is no command 'paln'; did you mean plan?"),
    (["PLAN"], "there is no command 'PLAN'; see perennial --help"),
    (["quux"], "there is no command 'quux'; see perennial --help"),
    ([""], "there is no command ''; see perennial --help"),
    (["x" * 200], "xxx...; see perennial --help"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "says"), CALLS)
def test_what_is_wrong_and_what_to_write(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    arguments: list[str], says: str,
) -> None:  # fmt: skip
    code, out, err = perennial(capfd, monkeypatch, *arguments)
    assert (code, out) == (64, "")
    assert err.startswith("perennial: ")
    assert says in err
    assert err.count("\n") == 1
