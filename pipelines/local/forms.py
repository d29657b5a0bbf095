"""The texts of a workflow that have a form of their own. Any other form is refused."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from pipelines.local.tags import TAG

WORKFLOW = r"workflow\.parameters\.[\w-]+"
INPUT = r"inputs\.parameters\.[\w-]+"
OUTPUT = r"tasks\.[\w-]+\.outputs\.parameters\.[\w-]+"
ITEM = r"item(?:\.[\w-]+)?"


def _known_as(
    pattern: str, example: str, parsed: Callable[[str], Any] = lambda text: text
) -> BeforeValidator:
    """A text of one form, as what is `parsed` from the form's group."""

    def parse(value: object) -> Any:
        match = re.fullmatch(pattern, value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f"expected {example}")
        return parsed(match[1])

    return BeforeValidator(parse)


def _tagged(*forms: str) -> AfterValidator:
    """A text whose tags all have one of these forms."""

    def check(text: str) -> str:
        for tag in TAG.findall(text):
            if not any(re.fullmatch(form, tag) for form in forms):
                raise ValueError(f"the tag {{{{{tag}}}}} means nothing here")
        return text

    return AfterValidator(check)


Plain = Annotated[str, _tagged()]
OfWorkflow = Annotated[str, _tagged(WORKFLOW)]
OfInputs = Annotated[str, _tagged(INPUT)]
OfTask = Annotated[str, _tagged(WORKFLOW, INPUT, OUTPUT, ITEM)]
Seconds = Annotated[int, _known_as(r"([0-9]{1,6})s", "seconds, as 30s", int)]
Name = Annotated[
    str,
    _known_as(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})", "a name of letters, digits, dots and dashes"),
]
"""Of tasks, templates and parameters; folders and files of a run are named by them."""
VariableName = Annotated[str, _known_as(r"([A-Za-z_][A-Za-z0-9_]*)", "a name such as HF_HOME")]
ListTag = Annotated[str, _known_as(rf"(\{{\{{(?:{WORKFLOW}|{INPUT})\}}\}})", "a parameter's tag")]
TaskNames = Annotated[
    tuple[str, ...],
    _known_as(
        r"([\w-]+(?: && [\w-]+)*)",
        "names of tasks, as one && other",
        lambda names: tuple(names.split(" && ")),
    ),
]
RetryCodes = Annotated[
    frozenset[int],
    _known_as(
        r"lastRetry\.status == 'Error' \|\| "
        r"asInt\(lastRetry\.exitCode\) in \[(-?[0-9]{1,3}(?:, -?[0-9]{1,3})*)\]",
        "lastRetry.status == 'Error' || asInt(lastRetry.exitCode) in [75, 143]",
        lambda codes: frozenset(map(int, codes.split(", "))),
    ),
]
