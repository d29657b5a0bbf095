"""What ends a run before its first pod: a value that would not reach the steps as it was given.

Argo looks for tags in the values of tags, too, and Kubernetes for ``$(NAME)`` in a command, where
``$$`` is one dollar; a word longer than Linux takes comes as a file's name. What stands in a pod's
specification, as an image's name, must be a plain word. The schedule's period is an expression that
is not evaluated yet. Control characters Argo refuses by itself.

Argo evaluates a label's expression before anything else. A text that is no label ends the run, and
is its message.
"""

from pipelines.workflows.period import PREVIOUS_MONTH

CHECKED_LABEL = "perennial.dev/parameters"
MAX_LENGTH = 100_000
"""In characters; not of the families, which no step is given as they are."""

_OF_SCHEDULE = f"#.name == 'period' && #.value == '{{' + '{{=' + `{PREVIOUS_MONTH}` + '}}' + '}}'"
_ALTERED = f"#.value matches '[{{][{{]|[$][($]' && !({_OF_SCHEDULE})"
_TOO_LONG = f"#.name != 'families' && len(#.value) > {MAX_LENGTH}"
_NOT_PLAIN = (
    "#.name matches '(-pool|-gpus|-cpu|-memory|-image|^registry)$' "
    "&& !(#.value matches '^[A-Za-z0-9][A-Za-z0-9._/:@-]*$')"
)
CHECKED = (
    "let unfit = map(filter(fromJSON(workflow.parameters.json), "
    f"{_ALTERED} || {_TOO_LONG} || {_NOT_PLAIN}), #.name); "
    "len(unfit) == 0 ? 'checked' : 'refused, as it would not reach the steps as it is: ' "
    "+ join(unfit, ', ')"
)
"""An expression of Argo's: the label's value."""

FAMILIES_LABEL = "perennial.dev/families"
FAMILIES = (
    "let families = fromJSON(workflow.parameters.families); "
    "all(families, #.name matches '^[a-z0-9][a-z0-9.-]*$') "
    "? string(len(families)) : 'refused, as families is no list of named ones'"
)
"""How many there are: else a list that is none would be found out only after the crawl."""
