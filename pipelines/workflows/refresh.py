"""The monthly refresh of a fleet: one crawl, then each family.

    images ─┬─ crawl ── curate ─┬─ each family (`pipelines.workflows.family`)
            └─ bundle ──────────┘

Each step is a job (`pipelines.workflows.steps`); whatever no arrow orders is done in parallel. A
family is a Workflow of its own, as a fleet's steps outgrow what one object of a cluster can hold.
"""

from hera.workflows import Parameter, Resource, WorkflowTemplate
from hera.workflows import models as argo

from pipelines import layout
from pipelines.fleet.model import Fleet
from pipelines.fleet.sections import SHARED, digest_key
from pipelines.workflows import family
from pipelines.workflows.guard import FAMILIES, FAMILIES_LABEL
from pipelines.workflows.placement import (
    PLACES,
    RETRY_BACKOFF,
    WAITING_PATCH,
    node_selector,
    parameter,
)
from pipelines.workflows.steps import (
    FLEET_JOBS,
    dag,
    given,
    images_template,
    job_template,
    names,
    step,
    workflow,
)

NAME = "perennial-refresh"
REFRESH_LABEL = "perennial.dev/refresh"
"""Of a refresh and its families' Workflows: the refresh's own name."""
DEFAULT_REGISTRY = "ghcr.io/perennial"
MOST_FAMILIES = 50
"""At a time. For each a pod waits, and a node takes 110 pods: where those that wait fill all nodes,
none is left to be waited for."""

STORE, PERIOD = parameter("store"), parameter("period")
CRAWL_DIGEST, CURATE_DIGEST = (parameter(digest_key(job)) for job in SHARED)
RUN = f"{parameter('fleet')}-{PERIOD}"


def fleet_dag() -> None:
    """The whole refresh. `run` names it in the store."""
    with dag("refresh", run=RUN) as whole:
        whole.parallelism = MOST_FAMILIES
        crawled = layout.crawled(STORE, PERIOD, CRAWL_DIGEST)
        crawling = {"period": PERIOD, "settings-digest": CRAWL_DIGEST, "out": crawled}
        images = step("images", {})
        crawl = step("crawl", crawling, after=[images])
        curating = {"articles": crawled, "settings-digest": CURATE_DIGEST, "out": family.ARTICLES}
        curate = step("curate", curating, after=[crawl])
        sealed = {"suite": parameter("suite-definition"), "from": parameter("bundle-from")}
        bundle = step("bundle", {**sealed, "out": family.BUNDLE}, after=[images])
        each = {"name": "{{item}}", "run": given("run"), "period": PERIOD}
        step("family", each, each=names("families"), after=[curate, bundle])


FAMILY_ARGUMENTS = (
    "{{=toJson(concat("
    "map(['run', 'period'], ({'name': #, 'value': inputs.parameters[#]})), "
    "map(filter(fromJSON(workflow.parameters.json), #.name not in ['families', 'run', 'period']), "
    "({'name': #.name, 'value': #.value})), "
    "map(sortBy(toPairs(find(fromJSON(workflow.parameters['families']), "
    "#.name == inputs.parameters['name'])), #[0]), ({'name': #[0], 'value': #[1]}))))}}"
)
"""What a family's Workflow is given: the refresh's own parameters, and the family's settings, one
item of ``families`` (`pipelines.fleet.model`). The period is an input, as it is filled in there:
what a schedule gives to the refresh is an expression."""

FAMILY_MANIFEST = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: >-
    {{{{workflow.name}}}}-{{{{=len(inputs.parameters['name']) > 32
    ? sprig.replace('.', '-', sprig.trunc(23, inputs.parameters['name'])) + '-'
    + sprig.trunc(8, sprig.sha256sum(inputs.parameters['name']))
    : inputs.parameters['name']}}}}
  labels:
    {REFRESH_LABEL}: "{{{{workflow.name}}}}"
    perennial.dev/family: "{{{{inputs.parameters.name}}}}"
spec:
  workflowTemplateRef:
    name: {family.NAME}
  arguments:
    parameters: {FAMILY_ARGUMENTS}
"""


def family_template() -> None:
    """A family's Workflow: made, or found where an earlier attempt made it, and waited for.

    What fails within it was tried again there; what is tried again here is only the waiting.
    """
    Resource(
        name="family",
        inputs=[Parameter(name=name) for name in ("name", "run", "period")],
        action="apply",
        manifest=FAMILY_MANIFEST,
        set_owner_reference=True,
        success_condition="status.phase == Succeeded",
        failure_condition="status.phase in (Failed, Error)",
        service_account_name="perennial-refresh",
        retry_strategy=argo.RetryStrategy(
            limit="5",
            retry_policy="Always",
            expression="!(lastRetry.message contains 'failure condition')",
            backoff=argo.Backoff(**RETRY_BACKOFF),
        ),
        node_selector=node_selector("cpu"),
        pod_spec_patch=WAITING_PATCH,
    )


def refresh(fleet: Fleet, version: str) -> WorkflowTemplate:
    """The refresh as a WorkflowTemplate whose parameters default to `fleet` and `version`.

    Two of one fleet and period wait for each other: the second finds all of it done.
    """
    with workflow(
        NAME,
        "refresh",
        arguments=workflow_parameters(fleet, version),
        synchronization=argo.Synchronization(mutexes=[argo.Mutex(name=RUN)]),
        labels={REFRESH_LABEL: "workflow.name", FAMILIES_LABEL: FAMILIES},
    ) as made:
        fleet_dag()
        family_template()
        images_template()
        for job in FLEET_JOBS:
            job_template(job)
    return made


def workflow_parameters(fleet: Fleet, version: str) -> list[Parameter]:
    """What a run is given; all but `period` and `store` have defaults."""
    images = {f"{job}-image": f"{job}:{version}" for job in PLACES}
    defaults = fleet.parameters() | {"registry": DEFAULT_REGISTRY} | images
    return [
        Parameter(name="period", description="The month to refresh, as 2026-10."),
        Parameter(name="store", description="URI of the store: s3://bucket/prefix, gs://…, az://…"),
        *(Parameter(name=name, value=value) for name, value in defaults.items()),
    ]
