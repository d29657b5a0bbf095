"""One template per job, its arguments taken from the job's own settings model.

Each flag of a job is an element of its argv, never text for a shell: what the fleet file may set
is a parameter of the workflow, all else an input of the template. An empty value means "not
given", so every flag is always passed.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from hera.workflows import (
    DAG,
    Container,
    Parameter,
    Resources,
    Task,
    UserContainer,
    WorkflowTemplate,
)
from hera.workflows import models as argo

from jobs.stopping import GRACE
from pipelines.fleet.sections import FAMILY_SECTIONS, FLEET_SECTIONS, JOBS, section_keys
from pipelines.workflows.guard import CHECKED, CHECKED_LABEL
from pipelines.workflows.placement import (
    IMAGES_PATCH,
    PLACES,
    RETRY_BACKOFF,
    RETRY_EXPRESSION,
    node_selector,
    parameter,
)

FLEET_JOBS = (*FLEET_SECTIONS, "bundle")
"""They run once a refresh; all others run for each family."""
PODS_STAY = "10m"
"""After the success of their Workflow, with their logs: thousands that ended halve a node's speed.
Those of a Workflow that failed stay as long as it does."""
IMAGES_SECONDS = 1800
"""Time to pull all images, train's and evaluate's of several GB among them."""
OUTPUTS = "/tmp/outputs"  # noqa: S108 - a path in the step's own container


def image_of(job: str) -> str:
    """The tag of the job's image."""
    return f"{parameter('registry')}/{parameter(f'{job}-image')}"


def job_template(job: str) -> Container:
    """The template that runs ``python -m jobs.<job>`` in its image."""
    settings, place, image = JOBS[job], PLACES[job], image_of(job)
    of_fleet = fleet_settings(job)
    arguments = []
    for flag in settings.flags():
        arguments += [f"--{flag}", of_fleet.get(flag) or given(flag)]
    return Container(
        name=job,
        inputs=[
            Parameter(name=flag) if field.is_required() else Parameter(name=flag, default="")
            for flag, field in settings.flags().items()
            if flag not in of_fleet
        ],
        outputs=[
            Parameter(name=name, value_from=argo.ValueFrom(path=f"{OUTPUTS}/{name}"))
            for name in settings.outputs
        ],
        image=image,
        command=["python", "-m", f"jobs.{job}"],
        args=arguments,
        env=[
            argo.EnvVar(name="PERENNIAL_OUTPUTS", value=OUTPUTS),
            argo.EnvVar(name="PERENNIAL_IMAGE", value=image),
            argo.EnvVar(name=GRACE, value=str(place.grace_seconds)),
        ],
        security_context=confined(),
        volume_mounts=[
            argo.VolumeMount(name="scratch", mount_path="/tmp"),  # noqa: S108 - in a container
            argo.VolumeMount(name="shared-memory", mount_path="/dev/shm"),  # noqa: S108
        ],
        node_selector=place.node_selector(),
        tolerations=tolerations(place.pool),
        pod_spec_patch=place.pod_spec_patch(),
        active_deadline_seconds=place.deadline_hours * 3600,
        retry_strategy=argo.RetryStrategy(
            limit=str(place.retries),
            retry_policy="Always",
            expression=RETRY_EXPRESSION,
            backoff=argo.Backoff(**RETRY_BACKOFF),
        ),
    )


def confined() -> argo.SecurityContext:
    """No right beyond the user's own, and nothing to write to but what is mounted."""
    return argo.SecurityContext(
        allow_privilege_escalation=False,
        capabilities=argo.Capabilities(drop=["ALL"]),
        read_only_root_filesystem=True,
    )


def images_template() -> Container:
    """Starts each job's image once, for a moment.

    Else one that cannot be pulled would be found out where it is needed: after days, by a pod that
    waits for days.
    """
    command = ["python", "-c", "import jobs"]
    resources = Resources(cpu_request="10m", memory_request="128Mi", memory_limit="512Mi")
    each: list[UserContainer | argo.UserContainer] = [
        UserContainer(
            name=job,
            image=image_of(job),
            command=command,
            resources=resources,
            security_context=confined(),
        )
        for job in PLACES
    ]
    return Container(
        name="images",
        sidecars=each,
        image=image_of("check"),
        command=command,
        resources=resources,
        security_context=confined(),
        node_selector=node_selector("cpu"),
        pod_spec_patch=IMAGES_PATCH,
        active_deadline_seconds=IMAGES_SECONDS,
        retry_strategy=argo.RetryStrategy(
            limit="3", retry_policy="OnError", backoff=argo.Backoff(**RETRY_BACKOFF)
        ),
    )


def tolerations(pool: str) -> list[argo.Toleration] | None:
    """GPU nodes are kept free for the steps that need them."""
    if pool != "gpu":
        return None
    return [argo.Toleration(key="nvidia.com/gpu", operator="Exists", effect="NoSchedule")]


def step(
    template: str,
    arguments: Mapping[str, str],
    *,
    name: str | None = None,
    after: Sequence[Task] = (),
    each: str | None = None,
) -> Task:
    """A task of the DAG being defined: `template`, begun when all of `after` succeeded.

    With `each`, the tag of a JSON list of texts, it is run once for each item, in parallel.
    """
    return Task(
        name=name or template,
        template=template,
        arguments=dict(arguments),
        depends=" && ".join(task.name for task in after) or None,
        with_param=each,
    )


def output(task: Task, name: str) -> str:
    """The tag of a task's output parameter."""
    return "{{tasks." + task.name + ".outputs.parameters." + name + "}}"


def given(name: str) -> str:
    """The tag of an input parameter of the template being defined."""
    return "{{inputs.parameters." + name + "}}"


def names(listed: str) -> str:
    """The tag of the names of a parameter's items, for a loop over them.

    A loop over the items themselves would put each whole into the name of its step, and that into
    the name of every step below.
    """
    return "{{=toJson(map(fromJSON(workflow.parameters['" + listed + "']), #.name))}}"


def field(listed: str, key: str) -> str:
    """Within such a loop, the tag of a field of the item that has the name."""
    items = f"fromJSON(workflow.parameters['{listed}'])"
    return "{{=find(" + items + ", #.name == item)['" + key + "']}}"


def fleet_settings(job: str) -> dict[str, str]:
    """Flag → tag of the workflow's parameter, for each flag that a fleet file may set.

    A check has the settings of the merge that it is asked for.
    """
    section = "merge" if job == "check" else job
    if section not in FLEET_SECTIONS + FAMILY_SECTIONS:
        return {}
    found = {key.removeprefix(f"{section}-"): parameter(key) for key in section_keys(section)}
    return {flag: text for flag, text in found.items() if flag in JOBS[job].flags()}


def workflow(
    name: str, entrypoint: str, labels: Mapping[str, str] | None = None, **fields: Any
) -> WorkflowTemplate:
    """A WorkflowTemplate whose templates are being defined; its pods have few rights.

    `labels` are expressions, label → value.
    """
    expressions = {CHECKED_LABEL: CHECKED, **(labels or {})}
    return WorkflowTemplate(
        name=name,
        entrypoint=entrypoint,
        service_account_name="perennial",
        automount_service_account_token=True,
        parallelism=100,
        workflow_metadata=argo.WorkflowMetadata(
            labels_from={
                label: argo.LabelValueFrom(expression=text) for label, text in expressions.items()
            }
        ),
        ttl_strategy=argo.TTLStrategy(seconds_after_completion=30 * 86400),
        pod_gc=argo.PodGC(strategy="OnWorkflowSuccess", delete_delay_duration=PODS_STAY),
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
        **fields,
    )


def dag(name: str, *inputs: str, **defaults: str) -> DAG:
    """A DAG with input parameters. A branch that fails stops none that can still go on."""
    parameters = [Parameter(name=key) for key in inputs]
    parameters += [Parameter(name=key, default=value) for key, value in defaults.items()]
    return DAG(name=name, inputs=parameters, fail_fast=False)
