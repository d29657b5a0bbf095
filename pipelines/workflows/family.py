"""One family of a refresh, as a Workflow of its own.

    base ────────┐
    instruct ────┼─ checks ─ pack ─ train ─┬─ scores of the three ───────────────┐
    others ──────┘                         ├─ each candidate: merge ─ scores ────┼─ report ─ promote
                                           └─ each control: train ─ scores ──────┘

The others are derived and sibling models. A check asks of each candidate, before anything costly is
begun, whether merge will take its models; the three are base, instruct and refreshed base.

The refresh makes it, with its own parameters and the family's settings.
"""

import re
from collections.abc import Sequence

from hera.workflows import Parameter, Task, WorkflowTemplate

from jobs.kinds.scores import HELDOUT_TASK
from pipelines import layout
from pipelines.fleet.model import OPTIONAL
from pipelines.fleet.sections import SHARED, digest_key
from pipelines.workflows.placement import PLACES, parameter
from pipelines.workflows.steps import (
    FLEET_JOBS,
    dag,
    field,
    given,
    job_template,
    names,
    output,
    step,
    workflow,
)

NAME = "perennial-family"

STORE, RUN, FAMILY = parameter("store"), parameter("run"), parameter("name")
ARTICLES = layout.curated(STORE, parameter("period"), *(parameter(digest_key(j)) for j in SHARED))
BUNDLE = layout.bundle(STORE, parameter("suite"))
FAMILY_RUN = layout.family_run(STORE, RUN, FAMILY)
BASE, INSTRUCT = (layout.model(STORE, FAMILY, name) for name in ("base", "instruct"))
REFRESHED = layout.trained(FAMILY_RUN)


def family_dag() -> None:
    """Its models, the refreshed base, the candidates, the report, the releases."""
    with dag("family"):
        base, instruct, others = import_originals()
        checks = check_merges(after=[base, instruct, others])
        rows = layout.packed(STORE, RUN, output(base, "tokenizer-digest"))
        packing = {"articles": ARTICLES, "tokenizer": BASE, "out": rows}
        pack = step("pack", packing, after=[base, *checks])
        training = {"model": BASE, "rows": rows, "objective": "cpt", "out": REFRESHED}
        train = step("train", training, after=[pack])
        scored = [
            score("base", BASE, rows, after=[pack]),
            score("instruct", INSTRUCT, rows, after=[pack, instruct]),
            score("refreshed-base", REFRESHED, rows, after=[train]),
            candidates("residuals", REFRESHED, rows, after=[train, instruct, others]),
            candidates("derived", _derived(), rows, after=[pack, instruct, others]),
            controls(rows, after=[pack, instruct]),
        ]
        told = {"run": FAMILY_RUN, "expected": parameter("expected")}
        report = step("report", told | {"out": layout.report(FAMILY_RUN)}, after=scored)
        promote(after=[report])


def candidate_dag() -> None:
    """One candidate: onto + (instruct − base), then its scores."""
    with dag("candidate", "name", "rows", "base", "instruct", "onto"):
        merged = layout.candidate(FAMILY_RUN, given("name"))
        models = {name: given(name) for name in ("base", "instruct", "onto")}
        merge = step("merge", {**models, "out": merged})
        scored = {"name": given("name"), "rows": given("rows"), "model": merged}
        step("scores", scored, after=[merge])


def control_dag() -> None:
    """A control: a model trained as the base is, on the same rows, then its scores.

    The rows are of the base's tokens, to which `merge` holds the instruct model, too.
    """
    with dag("control", "name", "rows", "model"):
        trained = layout.control(FAMILY_RUN, given("name"))
        start = {name: given(name) for name in ("model", "rows")}
        train = step("train", {**start, "objective": "cpt", "out": trained})
        scored = {"name": given("name"), "rows": given("rows"), "model": trained}
        step("scores", scored, after=[train])


def scores_dag() -> None:
    """One model: the suite's tasks in parallel, and the loss on held-out articles."""
    with dag("scores", "name", "rows", "model"):

        def evaluation(task: str) -> dict[str, str]:
            out = layout.scores(FAMILY_RUN, given("name"), task)
            return {"model": given("model"), "task": task, "bundle": BUNDLE, "out": out}

        step("evaluate", evaluation("{{item}}"), each=parameter("tasks"))
        step("evaluate", evaluation(HELDOUT_TASK) | {"rows": given("rows")}, name=HELDOUT_TASK)


def import_originals() -> tuple[Task, Task, Task]:
    """Base, instruct, and the derived and sibling models; each into the store, once for ever."""

    def imported(name: str, source: str, revision: str) -> dict[str, str]:
        return {"from": source, "revision": revision, "out": layout.model(STORE, FAMILY, name)}

    base, instruct = (
        step(
            "ingest",
            imported(name, parameter(f"{name}-from"), parameter(f"{name}-revision")),
            name=name,
        )
        for name in ("base", "instruct")
    )
    other = imported("{{item}}", field("others", "from"), field("others", "revision"))
    return base, instruct, step("ingest", other, name="others", each=names("others"))


def check_merges(after: Sequence[Task]) -> list[Task]:
    """Of each candidate, whether its models fit; the base stands for what it is trained to."""
    out = {"out": layout.check(FAMILY_RUN, "{{item}}")}
    trained = merged_from("residuals", BASE) | {"will-train": "true"}
    return [
        step("check", models | out, name=f"check-{key}", each=names(key), after=after)
        for key, models in (("residuals", trained), ("derived", merged_from("derived", _derived())))
    ]


def score(name: str, model: str, rows: str, after: Sequence[Task]) -> Task:
    """The scores of one model that is no candidate."""
    scored = {"name": name, "model": model, "rows": rows}
    return step("scores", scored, name=f"scores-{name}", after=after)


def candidates(key: str, onto: str, rows: str, after: Sequence[Task]) -> Task:
    """A candidate for each item of the family's list `key`.

    ``residuals`` go onto the refreshed base, the family's own and its siblings'; ``derived`` are
    models that get the family's residual.
    """
    arguments = {"name": "{{item}}", "rows": rows} | merged_from(key, onto)
    return step("candidate", arguments, name=key, each=names(key), after=after)


def merged_from(key: str, onto: str) -> dict[str, str]:
    """The models that an item of the list `key` is merged from."""
    pair = {name: layout.model(STORE, FAMILY, field(key, name)) for name in ("base", "instruct")}
    return pair | {"onto": onto}


def _derived() -> str:
    return layout.model(STORE, FAMILY, field("derived", "onto"))


def controls(rows: str, after: Sequence[Task]) -> Task:
    """S1, where the fleet asks for it: the instruct model itself, trained on the news."""
    start = {"name": "{{item}}", "rows": rows, "model": INSTRUCT}
    return step("control", start, name="controls", each=parameter("controls"), after=after)


def promote(after: Sequence[Task]) -> Task:
    """A release of each candidate that the report's gate lets through."""
    gated = {
        "candidate": layout.candidate(FAMILY_RUN, "{{item}}"),
        "report": layout.report(FAMILY_RUN),
    }
    record = {"releases": layout.releases(STORE), "name": "{{item}}"}
    return step("promote", gated | record, each=parameter("candidates"), after=after)


def family() -> WorkflowTemplate:
    """The WorkflowTemplate; it has each parameter that its templates name."""
    with workflow(NAME, "family") as made:
        for define in (family_dag, candidate_dag, control_dag, scores_dag):
            define()
        for job in (job for job in PLACES if job not in FLEET_JOBS):
            job_template(job)
    named = re.findall(r"workflow\.parameters[^\w]+(?!json\b)([\w-]+)", made.to_yaml())
    made.arguments = [
        Parameter(name=name, value="") if name in OPTIONAL else Parameter(name=name)
        for name in dict.fromkeys(named)
    ]
    return made
