"""What pydantic says of a file of YAML: where, what was expected, and the fix, a line each."""

from collections.abc import Callable, Iterator, Sequence

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from jobs.plain_yaml.source import MOST_PROBLEMS, Location, Problem, YamlSource
from jobs.validation import expectation
from jobs.words import nearest_of, shown


def problems_of(
    error: ValidationError,
    source: YamlSource,
    whole: str,
    unknown_field: Callable[[Location], str],
) -> list[Problem]:
    """All that is wrong. `whole` is what the file holds ("fleet"); `unknown_field` tells of one."""
    found = error.errors(include_url=False)
    others = [problem for problem in found if not _is_told_otherwise(problem)]
    others.sort(key=lambda problem: source.problem(problem["loc"], ""))

    def told(problem: ErrorDetails) -> Problem:
        location = problem["loc"]
        field = dotted(location) or whole
        if problem["type"] == "extra_forbidden":
            return source.problem(location, f"{field}: {unknown_field(location)}", "key")
        return source.problem(location, f"{field}: {_expected(problem)}{_near_choice(problem)}")

    # The nearest name of each takes a while, and no more than the first are told.
    counted = (source.problem(problem["loc"], "") for problem in others[MOST_PROBLEMS:])
    return [*_lacking(found, source, whole), *map(told, others[:MOST_PROBLEMS]), *counted]


def dotted(location: Location) -> str:
    """``families[0].train.epochs``, as a person would write it."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
    return "".join(parts).removeprefix(".")


def _is_told_otherwise(problem: ErrorDetails) -> bool:
    """What is missing, and a list that has too few entries only as those it has are wrong."""
    is_short = problem["type"] == "too_short" and problem["ctx"]["actual_length"] < 1
    return problem["type"] == "missing" or (is_short and len(problem["input"]) > 0)


def _lacking(problems: Sequence[ErrorDetails], source: YamlSource, whole: str) -> Iterator[Problem]:
    """What is missing, by what lacks it; unless it is misspelt, which is then what to name."""
    missing: dict[Location, list[str]] = {}
    unknown: dict[Location, list[str]] = {}
    for problem in problems:
        *around, name = problem["loc"] or ("",)
        if problem["type"] in ("missing", "extra_forbidden"):
            found = missing if problem["type"] == "missing" else unknown
            found.setdefault(tuple(around), []).append(str(name))
    for place, names in missing.items():
        misspelt = unknown.get(place, ())[:MOST_PROBLEMS]
        lacks = [name for name in names if nearest_of(name, misspelt) is None]
        if lacks:
            said = f"{dotted(place) or whole}: lacks {', '.join(lacks)}"
            yield source.problem(place, said, "lack")


def _expected(problem: ErrorDetails) -> str:
    got, said = problem["input"], expectation(problem)
    if got == "" and problem["type"] == "string_too_short":
        return "is empty; give it a value"
    if got in ([], ""):
        return f"is empty; {said}"
    is_told = isinstance(got, dict | list) or not said.startswith("expected")
    return said if is_told else f"{said}, got {shown(got)}"


def _near_choice(problem: ErrorDetails) -> str:
    if problem["type"] != "literal_error":
        return ""
    expected = str(problem["ctx"]["expected"]).replace(" or ", ", ")
    choices = [part.strip("'") for part in expected.split(", ")]
    near = nearest_of(str(problem["input"]), choices)
    return f"; did you mean {near}?" if near else ""
