"""The monthly refresh of a fleet: one crawl, then each family.

    crawl ── curate ──┐
    bundle ───────────┴── each family:

    base ────────┐
    instruct ────┼─ checks ─ pack ─ train ─┬─ scores of the three ───────────────┐
    others ──────┘                         ├─ each candidate: merge ─ scores ────┼─ report ─ promote
                                           └─ each control: train ─ scores ──────┘

The others are derived and sibling models. A check asks of each candidate, before anything costly is
begun, whether merge will take its models; the three are base, instruct and refreshed base.

Each step is a job (`pipelines.workflows.steps`), and whatever no arrow orders is done in parallel.
A family's settings reach it as one item of the parameter ``families`` (`pipelines.fleet.reading`).
"""

from collections.abc import Sequence

from hera.workflows import Parameter, Task, WorkflowTemplate
from hera.workflows import models as argo

from jobs.kinds.scores import HELDOUT_TASK
from pipelines import layout
from pipelines.fleet.model import Fleet
from pipelines.fleet.sections import FAMILY_SECTIONS, SHARED, digest_key, section_keys
from pipelines.workflows.placement import PLACES, parameter
from pipelines.workflows.steps import dag, given, job_template, output, passed_on, step

NAME = "perennial-refresh"
DEFAULT_REGISTRY = "ghcr.io/perennial"

STORE, PERIOD, SUITE = parameter("store"), parameter("period"), parameter("suite")
CRAWL_DIGEST, CURATE_DIGEST = (parameter(digest_key(job)) for job in SHARED)
CRAWLED = layout.crawled(STORE, PERIOD, CRAWL_DIGEST)
ARTICLES = layout.curated(STORE, PERIOD, CRAWL_DIGEST, CURATE_DIGEST)
BUNDLE = layout.bundle(STORE, SUITE)

# Within the DAG of a family.
FAMILY = given("name")
FAMILY_RUN = layout.family_run(STORE, given("run"), FAMILY)
BASE, INSTRUCT = (layout.model(STORE, FAMILY, name) for name in ("base", "instruct"))
REFRESHED = layout.trained(FAMILY_RUN)
FAMILY_KEYS = (
    "name", "base-from", "base-revision", "instruct-from", "instruct-revision",
    "others", "residuals", "derived", "candidates", "controls", "expected",
    *(key for job in FAMILY_SECTIONS for key in section_keys(job)),
)  # fmt: skip


def fleet_dag() -> None:
    """The whole refresh. `run` names it in the store."""
    with dag("refresh", run=f"{parameter('fleet')}-{PERIOD}"):
        crawling = {"period": PERIOD, "settings-digest": CRAWL_DIGEST, "out": CRAWLED}
        crawl = step("crawl", crawling)
        curating = {"articles": CRAWLED, "settings-digest": CURATE_DIGEST, "out": ARTICLES}
        curate = step("curate", curating, after=[crawl])
        sealed = {"suite": parameter("suite-definition"), "from": parameter("bundle-from")}
        bundle = step("bundle", {**sealed, "out": BUNDLE})
        step(
            "family",
            {"run": given("run")} | {key: "{{item." + key + "}}" for key in FAMILY_KEYS},
            each=parameter("families"),
            after=[curate, bundle],
        )


def family_dag() -> None:
    """One family: its models, the refreshed base, the candidates, the report, the releases."""
    with dag("family", "run", *FAMILY_KEYS):
        base, instruct, others = import_originals()
        checks = check_merges(after=[base, instruct, others])
        rows = layout.packed(STORE, given("run"), output(base, "tokenizer-digest"))
        packing = {"articles": ARTICLES, "tokenizer": BASE, "out": rows}
        pack = step("pack", packing, after=[base, *checks])
        train = step(
            "train",
            {"model": BASE, "rows": rows, "objective": "cpt", "out": REFRESHED},
            after=[pack],
        )
        scored = [
            score("base", BASE, rows, after=[pack]),
            score("instruct", INSTRUCT, rows, after=[pack, instruct]),
            score("refreshed-base", REFRESHED, rows, after=[train]),
            residuals(rows, after=[train, instruct, others]),
            derived(rows, after=[pack, instruct, others]),
            controls(rows, after=[pack, instruct]),
        ]
        told = {"run": FAMILY_RUN, "expected": given("expected")}
        report = step("report", told | {"out": layout.report(FAMILY_RUN)}, after=scored)
        promote(after=[report])


def candidate_dag() -> None:
    """One candidate: onto + (instruct − base), then its scores."""
    settings = [*section_keys("merge"), *section_keys("evaluate")]
    with dag("candidate", "family-run", "name", "rows", "base", "instruct", "onto", *settings):
        merged = layout.candidate(given("family-run"), given("name"))
        models = {name: given(name) for name in ("base", "instruct", "onto")}
        merge = step("merge", {**models, "out": merged})
        scored = {name: given(name) for name in ("family-run", "name", "rows")}
        step("scores", {**scored, "model": merged} | passed_on("evaluate"), after=[merge])


def control_dag() -> None:
    """A control: a model trained as the base is, on the same rows, then its scores.

    The rows are of the base's tokens, to which `merge` holds the instruct model, too.
    """
    settings = [*section_keys("train"), *section_keys("evaluate")]
    with dag("control", "family-run", "name", "rows", "model", *settings):
        trained = layout.control(given("family-run"), given("name"))
        start = {name: given(name) for name in ("model", "rows")}
        train = step("train", {**start, "objective": "cpt", "out": trained})
        scored = {name: given(name) for name in ("family-run", "name", "rows")}
        step("scores", {**scored, "model": trained} | passed_on("evaluate"), after=[train])


def scores_dag() -> None:
    """One model: the suite's tasks in parallel, and the loss on held-out articles."""
    with dag("scores", "family-run", "name", "rows", "model", *section_keys("evaluate")):

        def evaluation(task: str) -> dict[str, str]:
            out = layout.scores(given("family-run"), given("name"), task)
            return {"model": given("model"), "task": task, "bundle": BUNDLE, "out": out}

        step("evaluate", evaluation("{{item}}"), each=parameter("tasks"))
        step("evaluate", evaluation(HELDOUT_TASK) | {"rows": given("rows")}, name=HELDOUT_TASK)


def import_originals() -> tuple[Task, Task, Task]:
    """Base, instruct, and the derived and sibling models; each into the store, once for ever."""

    def imported(name: str, source: str, revision: str) -> dict[str, str]:
        return {"from": source, "revision": revision, "out": layout.model(STORE, FAMILY, name)}

    base, instruct = (
        step("ingest", imported(name, given(f"{name}-from"), given(f"{name}-revision")), name=name)
        for name in ("base", "instruct")
    )
    other = imported("{{item.name}}", "{{item.from}}", "{{item.revision}}")
    return base, instruct, step("ingest", other, name="others", each=given("others"))


def check_merges(after: Sequence[Task]) -> list[Task]:
    """Of each candidate, whether its models fit; the base stands for what it is trained to."""
    own = _residual_models(onto=BASE) | {"will-train": "true"}
    out = {"out": layout.check(FAMILY_RUN, "{{item.name}}")}
    return [
        step("check", models | out, name=f"check-{key}", each=given(key), after=after)
        for key, models in (("residuals", own), ("derived", _derived_models()))
    ]


def score(name: str, model: str, rows: str, after: Sequence[Task]) -> Task:
    """The scores of one model that is no candidate."""
    scored = {"family-run": FAMILY_RUN, "name": name, "model": model, "rows": rows}
    return step("scores", scored | passed_on("evaluate"), name=f"scores-{name}", after=after)


def residuals(rows: str, after: Sequence[Task]) -> Task:
    """Candidates on the refreshed base: with the family's own residual, and with its siblings'."""
    return candidates("residuals", _residual_models(onto=REFRESHED), rows, after)


def derived(rows: str, after: Sequence[Task]) -> Task:
    """Candidates that are a derived model with the family's residual."""
    return candidates("derived", _derived_models(), rows, after)


def _residual_models(onto: str) -> dict[str, str]:
    """What an item of the family's ``residuals`` is merged from."""
    base, instruct = (
        layout.model(STORE, FAMILY, f"{{{{item.{k}}}}}") for k in ("base", "instruct")
    )
    return {"base": base, "instruct": instruct, "onto": onto}


def _derived_models() -> dict[str, str]:
    """What an item of the family's ``derived`` is merged from."""
    onto = layout.model(STORE, FAMILY, "{{item.onto}}")
    return {"base": BASE, "instruct": INSTRUCT, "onto": onto}


def candidates(key: str, models: dict[str, str], rows: str, after: Sequence[Task]) -> Task:
    """A candidate for each item of the family's list `key`."""
    common = {"family-run": FAMILY_RUN, "name": "{{item.name}}", "rows": rows}
    arguments = common | models | passed_on("merge") | passed_on("evaluate")
    return step("candidate", arguments, name=key, each=given(key), after=after)


def controls(rows: str, after: Sequence[Task]) -> Task:
    """S1, where the fleet asks for it: the instruct model itself, trained on the news."""
    start = {"family-run": FAMILY_RUN, "name": "{{item}}", "rows": rows, "model": INSTRUCT}
    arguments = start | passed_on("train") | passed_on("evaluate")
    return step("control", arguments, name="controls", each=given("controls"), after=after)


def promote(after: Sequence[Task]) -> Task:
    """A release of each candidate that the report's gate lets through."""
    gated = {
        "candidate": layout.candidate(FAMILY_RUN, "{{item}}"),
        "report": layout.report(FAMILY_RUN),
    }
    record = {"releases": layout.releases(STORE), "name": "{{item}}"}
    return step("promote", gated | record, each=given("candidates"), after=after)


def refresh(fleet: Fleet, version: str) -> WorkflowTemplate:
    """The refresh as a WorkflowTemplate whose parameters default to `fleet` and `version`."""
    with WorkflowTemplate(
        name=NAME,
        entrypoint="refresh",
        arguments=workflow_parameters(fleet, version),
        service_account_name="perennial",
        automount_service_account_token=True,
        parallelism=100,
        ttl_strategy=argo.TTLStrategy(seconds_after_completion=30 * 86400),
        security_context=argo.PodSecurityContext(
            run_as_non_root=True,
            run_as_user=65532,
            fs_group=65532,
            seccomp_profile=argo.SeccompProfile(type="RuntimeDefault"),
        ),
        volumes=[
            argo.Volume(name="scratch", empty_dir=argo.EmptyDirVolumeSource()),
            argo.Volume(name="shared-memory", empty_dir=argo.EmptyDirVolumeSource(medium="Memory")),
        ],
    ) as workflow:
        for define in (fleet_dag, family_dag, candidate_dag, control_dag, scores_dag):
            define()
        for job in PLACES:
            job_template(job)
    return workflow


def workflow_parameters(fleet: Fleet, version: str) -> list[Parameter]:
    """What a run is given; all but `period` and `store` have defaults."""
    images = {f"{job}-image": f"{job}:{version}" for job in PLACES}
    defaults = fleet.parameters() | {"registry": DEFAULT_REGISTRY} | images
    return [
        Parameter(name="period", description="The month to refresh, as 2026-10."),
        Parameter(name="store", description="URI of the store: s3://bucket/prefix, gs://…, az://…"),
        *(Parameter(name=name, value=value) for name, value in defaults.items()),
    ]
