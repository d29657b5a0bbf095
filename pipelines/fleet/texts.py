"""Which texts a fleet file and ``-p`` may give.

They become flags of jobs, names in the store, and parameters of a workflow whose templates are
filled in by Argo and then by Kubernetes: so what has a meaning to any of these is refused.
"""

from jobs.store.uri import CREDENTIALS
from jobs.words import invisible, without_secrets


def why_unfit(text: str) -> str | None:
    """What is wrong with a text, or None.

    >>> why_unfit("owner/model"), why_unfit("--override")
    (None, 'begins with -, as flags do')
    """
    if odd := invisible(text):
        return f"has the character {odd!a}, which cannot be shown"
    if "{{" in text:
        return "has {{, which begins a workflow's tag and means nothing here"
    if "$(" in text or "$$" in text:
        return "has $( or $$, which Kubernetes puts something else in place of"
    if text.lstrip().startswith("-"):
        return "begins with -, as flags do"
    if without_secrets(text) != text:
        return f"holds a user name, password, token or query; {CREDENTIALS}"
    return None
