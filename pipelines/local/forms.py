"""The texts of a workflow that have a form of their own. Any other form is refused."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from pipelines.local.tags import FIELD, NAMES, TAG

WORKFLOW = r"workflow\.parameters\.[\w-]+"
INPUT = r"inputs\.parameters\.[\w-]+"
OUTPUT = r"tasks\.[\w-]+\.outputs\.parameters\.[\w-]+"
ITEM = "item"


def _known_as(
    pattern: str, example: str, parsed: Callable[..., Any] = lambda text: text
) -> BeforeValidator:
    """A text of one form, as what is `parsed` from the form's groups."""

    def parse(value: object) -> Any:
        match = re.fullmatch(pattern, value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f"expected {example}")
        return parsed(*match.groups())

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
OfInputs = Annotated[str, _tagged(WORKFLOW, INPUT)]
OfTask = Annotated[str, _tagged(WORKFLOW, INPUT, OUTPUT, ITEM, FIELD)]
Seconds = Annotated[int, _known_as(r"([0-9]{1,6})s", "seconds, as 30s", int)]
Name = Annotated[
    str,
    _known_as(r"([A-Za-z0-9_][A-Za-z0-9_.-]{0,127})", "a name of letters, digits, dots and dashes"),
]
"""Of tasks and templates; folders of a run are named by them. Those of a file have no dots."""
CLUSTER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")
ParameterName = Annotated[
    str,
    _known_as(r"([A-Za-z0-9_-]{1,128})", "a name of letters, digits, underscores and dashes"),
]
VariableName = Annotated[str, _known_as(r"([A-Za-z_][A-Za-z0-9_]*)", "a name such as HF_HOME")]
ListTag = Annotated[
    str,
    _known_as(
        rf"(\{{\{{(?:{WORKFLOW}|{NAMES})\}}\}})",
        "a parameter's tag, or that of the names in it",
        lambda text, _: text,
    ),
]
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
FamilyManifest = Annotated[
    str,
    _known_as(
        r"apiVersion: argoproj\.io/v1alpha1\n"
        r"kind: Workflow\n"
        r"metadata:\n(?:  .*\n)+"
        r"spec:\n"
        r"  workflowTemplateRef:\n"
        r"    name: ([a-z0-9-]+)\n"
        r"  arguments:\n"
        r"    parameters: "
        + re.escape(
            "{{=toJson(concat("
            "map(['run', 'period'], ({'name': #, 'value': inputs.parameters[#]})), "
            "map(filter(fromJSON(workflow.parameters.json), "
            "#.name not in ['families', 'run', 'period']), "
            "({'name': #.name, 'value': #.value})), "
            "map(sortBy(toPairs(find(fromJSON(workflow.parameters['families']), "
            "#.name == inputs.parameters['name'])), #[0]), ({'name': #[0], 'value': #[1]}))))}}"
        )
        + r"\n",
        "a family's Workflow, as pipelines/workflows renders it",
    ),
]
"""As the name of the WorkflowTemplate that it is made from. It is given the inputs `run` and
`period`, this workflow's other parameters but `families`, and those of the item of `families` that
has the input `name`."""
