"""A suite by what stands for it: a name, a file, or a definition."""

from pathlib import Path

from jobs.errors import BadInputError
from jobs.suites.own_file import read_suite
from jobs.suites.suite import Suite, shipped_suite, suite_names
from jobs.words import nearest, shown

_DEFINITION = "--suite is no suite's definition"


def load_suite(given: str) -> Suite:
    """The suite of this name, in this file (./mine.yaml), or of this definition (JSON).

    Raises BadInputError with the nearest name, or all that is wrong with the file.
    """
    if given.startswith("{"):
        return _defined(given)
    if "://" in given:
        raise BadInputError(
            f"the suite {shown(given)} is no file of this machine; copy it here and give its path"
        )
    if given.endswith((".yaml", ".yml")) or "/" in given:
        return read_suite(Path(given))
    names = suite_names()
    if given not in names:
        near = nearest(repr(given), [*map(repr, names)], f"there are: {', '.join(names)}")
        own = "or give the file of your own, as ./my-suite.yaml"
        raise BadInputError(f"no suite {shown(given)}; {near}; {own}")
    return shipped_suite(given)


def _defined(text: str) -> Suite:
    suite = Suite.parse(text.encode(), _DEFINITION)
    try:
        suite.check_name()
    except ValueError as error:
        raise BadInputError(f"{_DEFINITION}: {error}") from error
    return suite
