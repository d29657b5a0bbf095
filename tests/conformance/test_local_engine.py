"""The local engine does with each case what the real Argo did (`results`), or refuses it."""

import os
import re
from pathlib import Path

import pytest

from jobs.errors import BadInputError
from tests.conformance import local
from tests.conformance.cases import RESULTS, Case, Result, read_cases
from tests.support.compiling import compiled

CASES = read_cases()


def for_each(cases: list[Case]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.name)


@pytest.fixture(scope="module")
def step(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the program of all steps, the very one of the pods."""
    folder = tmp_path_factory.mktemp("step")
    compiled(Path(__file__).with_name("step.c"), folder / "step")
    return folder


@pytest.fixture(autouse=True)
def found_by_its_name(step: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{step}:{os.environ['PATH']}")


def compared(result: Result) -> Result:
    """All but the words; what else than success the whole ends with is of no account."""
    steps = {
        name: {key: value for key, value in step.items() if key != "message"}
        for name, step in result["steps"].items()
    }
    return {"succeeded": result["phase"] == "Succeeded", "steps": steps}


@for_each([case for case in CASES if not (case.refused or case.stricter)])
def test_as_argo(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compared(local.run(case, tmp_path, monkeypatch)) == compared(case.result())


@for_each([case for case in CASES if case.refused])
def test_refused_before_the_first_step(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert case.refused
    with pytest.raises(BadInputError, match=case.refused):
        local.run(case, tmp_path, monkeypatch)
    assert not (tmp_path / "run").exists()


@for_each([case for case in CASES if case.stricter])
def test_a_step_that_only_argo_lets_pass(
    case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, kept = local.run(case, tmp_path, monkeypatch), case.result()
    assert (found["phase"], kept["phase"]) == ("Failed", "Succeeded")
    assert found["steps"].keys() == case.stricter.keys()
    for name, why in case.stricter.items():
        step = found["steps"][name]
        assert (step["phase"], step["argv"]) == ("Error", kept["steps"][name]["argv"])
        assert re.search(why, step["message"])


def test_each_case_has_a_result_and_each_result_a_case() -> None:
    assert sorted(case.kept for case in CASES) == sorted(RESULTS.glob("*.json"))
