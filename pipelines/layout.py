"""Where everything lies in the store: the one place that spells its paths.

The arguments may be values (``plan``, ``run``) or the workflow's ``{{…}}`` tags (``refresh``).
"""


def model(store: str, family: str, name: str) -> str:
    """An original, imported once: ``base``, ``instruct``, or a derived or sibling model."""
    return f"{store}/models/{family}/{name}"


def bundle(store: str, suite: str) -> str:
    """The sealed data of a suite."""
    return f"{store}/eval-data/{suite}"


def crawled(store: str, period: str, crawl_digest: str) -> str:
    """A period's articles as they were found with the settings of this digest."""
    return f"{store}/articles/{period}/{crawl_digest}"


def curated(store: str, period: str, crawl_digest: str, curate_digest: str) -> str:
    """A period's articles fit for training: made with these settings from those so crawled."""
    return f"{store}/articles-clean/{period}/{crawl_digest}-{curate_digest}"


def runs(store: str) -> str:
    """What belongs to one run each; all else is shared by the runs."""
    return f"{store}/runs"


def run(store: str, run: str) -> str:
    """All that belongs to one run."""
    return f"{runs(store)}/{run}"


def way_out(store: str, out: str) -> str:
    """What to do where the artifact at `out` was made with other settings."""
    kind = out.removeprefix(f"{store}/").partition("/")[0]
    ways = {
        "models": "name the family otherwise (its name is another fleet's), or choose another",
        "eval-data": "give the fleet the eval_data of the one that made it, or choose another",
        "runs": "choose another --run or",
    }
    return f"{ways.get(kind, 'choose another')} --store, or delete what is there"


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
