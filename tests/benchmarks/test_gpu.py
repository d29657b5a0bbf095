"""The command that checks GPUs, as far as it goes without one."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import checks
from benchmarks.gpu.checks import Bench, checked, prepared

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return prepared(tmp_path_factory.mktemp("bench"), CPU, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["attention within documents", "canary", "losses", "merge"])
def test_a_check_is_right_on_a_cpu(bench: Bench, name: str) -> None:
    assert checks.CHECKS[name](bench)


def test_a_check_that_fails_is_told_and_the_others_go_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(_: Bench) -> str:
        raise AssertionError(0.5)

    monkeypatch.setattr(checks, "CHECKS", {"one": wrong, "other": lambda _: "fine"})
    assert list(checked(bench)) == [("one", False, "AssertionError: 0.5"), ("other", True, "fine")]


@pytest.mark.slow
def test_all_of_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shapes, of which there is a tiny one here, and a check that is wrong."""

    def found(_: Bench) -> Iterator[tuple[str, bool, str]]:
        yield "attention", False, "0.5"

    monkeypatch.setattr(command, "checked", found)
    monkeypatch.setattr(command, "prepared", lambda *_: None)
    monkeypatch.setattr(sys, "argv", ["gpu", f"--out={tmp_path}"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 1
    assert "WRONG attention · 0.5" in capsys.readouterr().out
    (written,) = tmp_path.glob("*.json")
    told: dict[str, Any] = json.loads(written.read_text())
    assert [shape["loop"] for shape in told["shapes"]] == [
        "train",
        "train-recomputed",
        "plain-loop",
    ]
    assert all(shape["tokens_per_second"] > 0 for shape in told["shapes"])
    page = written.with_suffix(".md").read_text()
    assert "| attention | WRONG | 0.5 |" in page
    assert page.count("| tiny | ") == 3
