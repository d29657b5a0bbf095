"""Where everything lies in the store: the one place that spells its paths.

The arguments may be values (``plan``, ``run``) or the workflow's ``{{…}}`` tags (``refresh``).
"""


def model(store: str, family: str, name: str) -> str:
    """An original, imported once: ``base``, ``instruct``, or a derived or sibling model."""
    return f"{store}/models/{family}/{name}"


def bundle(store: str, suite: str) -> str:
    """The sealed data of a suite."""
    return f"{store}/eval-data/{suite}"


def crawled(store: str, period: str) -> str:
    """A period's articles as they were found."""
    return f"{store}/articles/{period}"


def curated(store: str, period: str) -> str:
    """A period's articles fit for training."""
    return f"{store}/articles-clean/{period}"


def runs(store: str) -> str:
    """What belongs to one run each; all else is shared by the runs."""
    return f"{store}/runs"


def packed(store: str, run: str, tokenizer_digest: str) -> str:
    """The rows of a run for one tokenizer."""
    return f"{runs(store)}/{run}/packed/{tokenizer_digest}"


def family_run(store: str, run: str, family: str) -> str:
    """A family's run: it holds cpt, candidates, controls, scores and the report."""
    return f"{runs(store)}/{run}/{family}"


def trained(family_run: str) -> str:
    """The refreshed base."""
    return f"{family_run}/cpt"


def check(family_run: str, candidate: str) -> str:
    """What was found of the models that a candidate will be merged from."""
    return f"{family_run}/checks/{candidate}"


def candidate(family_run: str, name: str) -> str:
    """A merged model."""
    return f"{family_run}/candidates/{name}"


def control(family_run: str, name: str) -> str:
    """A model that is made to compare with, never to release."""
    return f"{family_run}/controls/{name}"


def scores(family_run: str, model: str, task: str) -> str:
    """One model's scores on one task."""
    return f"{family_run}/scores/{model}/{task}"


def report(family_run: str) -> str:
    """The family's report."""
    return f"{family_run}/report"


def releases(store: str) -> str:
    """The numbered release records of every model."""
    return f"{store}/releases"
