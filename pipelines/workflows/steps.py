"""One workflow template per job, its arguments taken from the job's own settings model.

Each flag of a job is an input parameter of its template and an element of its argv, never text
for a shell. An empty value means "not given", so every flag is always passed.
"""

from collections.abc import Mapping, Sequence

from hera.workflows import DAG, Container, Parameter, Task
from hera.workflows import models as argo

from jobs.stopping import GRACE
from pipelines.fleet.sections import FAMILY_SECTIONS, FLEET_SECTIONS, JOBS, section_keys
from pipelines.workflows.placement import PLACES, RETRY_BACKOFF, RETRY_EXPRESSION, parameter

OUTPUTS = "/tmp/outputs"  # noqa: S108 - a path in the step's own container


def job_template(job: str) -> Container:
    """The template that runs ``python -m jobs.<job>`` in its image."""
    settings, place = JOBS[job], PLACES[job]
    image = f"{parameter('registry')}/{parameter(f'{job}-image')}"
    arguments = []
    for flag in settings.flags():
        arguments += [f"--{flag}", "{{inputs.parameters." + flag + "}}"]
    return Container(
        name=job,
        inputs=[
            Parameter(name=flag) if field.is_required() else Parameter(name=flag, default="")
            for flag, field in settings.flags().items()
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
        security_context=argo.SecurityContext(
            allow_privilege_escalation=False, capabilities=argo.Capabilities(drop=["ALL"])
        ),
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

    Where the template is a job, the settings from the fleet file come on top of `arguments`.
    With `each`, the tag of a JSON list, it is run once for each item, in parallel.
    """
    return Task(
        name=name or template,
        template=template,
        arguments={**arguments, **fleet_settings(template)},
        depends=" && ".join(task.name for task in after) or None,
        with_param=each,
    )


def output(task: Task, name: str) -> str:
    """The tag of a task's output parameter."""
    return "{{tasks." + task.name + ".outputs.parameters." + name + "}}"


def given(name: str) -> str:
    """The tag of an input parameter of the DAG being defined."""
    return "{{inputs.parameters." + name + "}}"


def fleet_settings(job: str) -> dict[str, str]:
    """Flag → tag of the parameter that holds it, for each flag that a fleet file may set.

    The settings of the whole fleet are parameters of the workflow, a family's those of its DAG.
    A check has those of the merge that it is asked for.
    """
    section = "merge" if job == "check" else job
    if section not in FLEET_SECTIONS + FAMILY_SECTIONS:
        return {}
    tag = parameter if section in FLEET_SECTIONS else given
    found = {key.removeprefix(f"{section}-"): tag(key) for key in section_keys(section)}
    return {flag: text for flag, text in found.items() if flag in JOBS[job].flags()}


def passed_on(job: str) -> dict[str, str]:
    """A job's settings, for a DAG that hands them on under the same names."""
    return {key: given(key) for key in section_keys(job)}


def dag(name: str, *inputs: str, **defaults: str) -> DAG:
    """A DAG with input parameters. A branch that fails stops none that can still go on."""
    parameters = [Parameter(name=key) for key in inputs]
    parameters += [Parameter(name=key, default=value) for key, value in defaults.items()]
    return DAG(name=name, inputs=parameters, fail_fast=False)
