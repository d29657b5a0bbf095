"""The part of a WorkflowTemplate that `pipelines.workflows` renders; anything else is refused.

Each class lists the fields that are interpreted, then, as `Idle`, those that by nature mean
nothing on one machine (images, pools, volumes, …). Whatever else a file holds is an error that
names it and where it stands: nothing is ever silently ignored.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
)
from pydantic.alias_generators import to_camel

from jobs.errors import BadInputError
from jobs.records import Record
from pipelines.local.forms import (
    FamilyManifest,
    ListTag,
    Name,
    OfInputs,
    OfTask,
    OfWorkflow,
    ParameterName,
    Plain,
    RetryCodes,
    Seconds,
    TaskNames,
    VariableName,
)

Idle = Any
"""A field that has no meaning on one machine."""


class _Strict(Record):
    model_config = ConfigDict(alias_generator=to_camel)


P = TypeVar("P", bound=BaseModel)


class Parameters(_Strict, Generic[P]):
    """The list that Argo puts within ``arguments``, ``inputs`` and ``outputs``."""

    parameters: tuple[P, ...] = ()


class WorkflowParameter(_Strict):
    """A text that a run is given; `value` where it is not."""

    name: ParameterName
    value: Plain | None = None
    description: Idle = None


class Input(_Strict):
    """A text that a template is given; `default` where it is not."""

    name: ParameterName
    default: OfWorkflow | None = None


class Argument(_Strict):
    """A text that a task gives to its template."""

    name: ParameterName
    value: OfTask


class OutputFile(_Strict):
    """Where an output parameter is read from."""

    path: str


class Output(_Strict):
    """A text that a step leaves in the file of its name in the folder `OUTPUTS`."""

    name: ParameterName
    value_from: OutputFile


class Variable(_Strict):
    """An environment variable."""

    name: VariableName
    value: OfWorkflow


class Container(_Strict):
    """A program with its arguments."""

    command: tuple[Plain, ...] = Field(min_length=1)
    args: tuple[OfInputs, ...] = ()
    env: tuple[Variable, ...] = ()

    image: Idle = None
    security_context: Idle = None
    volume_mounts: Idle = None
    """Secrets of the cluster; here the steps inherit the environment of the engine."""


class Task(_Strict):
    """A node of a DAG: a template, run when all of `depends` succeeded, once for each item."""

    name: Name
    template: str
    arguments: Parameters[Argument] = Parameters()
    depends: TaskNames = ()
    with_param: ListTag | None = None
    """The tag of the items, a list as JSON."""


class Dag(_Strict):
    """Tasks, each below those that it depends on. A failure stops only what depends on it."""

    tasks: tuple[Task, ...]
    fail_fast: Literal[False]


class Backoff(_Strict):
    """The pause before a retry: duration · factor^(retries so far)."""

    duration: Seconds
    factor: int = Field(ge=1, le=10)


class RetryStrategy(_Strict):
    """A step is tried again, at most `limit` times, after an Error or one of these exit codes."""

    limit: int = Field(ge=0, le=100)
    retry_policy: Literal["Always"]
    codes: RetryCodes = Field(alias="expression")
    backoff: Backoff


class _Template(_Strict):
    name: Name
    inputs: Parameters[Input] = Parameters()


class DagTemplate(_Template):
    """Tasks in an order."""

    dag: Dag
    fail_fast: Idle = None
    """Argo reads it of the `dag`; Hera writes it here too."""
    parallelism: Idle = None
    """Pods at a time; a machine has its own bound."""


class StepTemplate(_Template):
    """A job."""

    container: Container
    outputs: Parameters[Output] = Parameters()
    retry_strategy: RetryStrategy | None = None
    active_deadline_seconds: int | None = Field(None, ge=1, le=31 * 86400)

    node_selector: Idle = None
    pod_spec_patch: Idle = None
    tolerations: Idle = None


class FamilyResource(_Strict):
    """A family's Workflow, waited for."""

    template: FamilyManifest = Field(alias="manifest")
    """The name of its WorkflowTemplate."""
    action: Literal["apply"]
    success_condition: Literal["status.phase == Succeeded"]
    failure_condition: Literal["status.phase in (Failed, Error)"]
    set_owner_reference: Idle = None


class FamilyTemplate(_Template):
    """A family as a workflow of its own: here its steps are run below this one's."""

    resource: FamilyResource

    retry_strategy: Idle = None
    """Of the waiting; the steps have their own."""
    node_selector: Idle = None
    pod_spec_patch: Idle = None
    service_account_name: Idle = None


class ImagesTemplate(_Strict):
    """Whether each image can be had. On one machine there is none, so that nothing is run."""

    name: Name
    sidecars: Idle
    container: Idle
    active_deadline_seconds: Idle = None
    node_selector: Idle = None
    pod_spec_patch: Idle = None
    retry_strategy: Idle = None


STEP = "step template"
KINDS = {"dag": "dag template", "resource": "family template", "sidecars": "images template"}
"""The field by which a template is no step → what it is."""


def _kind(given: Any) -> str:
    keys = given if isinstance(given, dict) else ()
    return next((kind for mark, kind in KINDS.items() if mark in keys), STEP)


Template = Annotated[
    Annotated[DagTemplate, Tag(KINDS["dag"])]
    | Annotated[StepTemplate, Tag(STEP)]
    | Annotated[FamilyTemplate, Tag(KINDS["resource"])]
    | Annotated[ImagesTemplate, Tag(KINDS["sidecars"])],
    Discriminator(_kind),
]


AnyTemplate = DagTemplate | StepTemplate | FamilyTemplate | ImagesTemplate


class Spec(_Strict):
    """The workflow's templates, each below those that use it, and its parameters."""

    entrypoint: str
    templates: tuple[Template, ...]
    arguments: Parameters[WorkflowParameter] = Parameters()

    automount_service_account_token: Idle = None
    parallelism: Idle = None
    pod_gc: Idle = Field(None, alias="podGC")
    security_context: Idle = None
    service_account_name: Idle = None
    synchronization: Idle = None
    """A run is held by its folder's lock."""
    ttl_strategy: Idle = None
    volumes: Idle = None
    workflow_metadata: Idle = None


class Metadata(_Strict):
    """What the file's object is called."""

    name: str
    labels: Idle = None


class WorkflowFile(_Strict):
    """A whole file."""

    api_version: Literal["argoproj.io/v1alpha1"]
    kind: Literal["WorkflowTemplate"]
    metadata: Metadata
    spec: Spec


@dataclass(frozen=True)
class WorkflowTemplate:
    """A file's workflow, and those that a family's may be made from."""

    spec: Spec
    others: Mapping[str, "WorkflowTemplate"] = field(default_factory=dict)

    def entrypoint(self) -> DagTemplate | StepTemplate:
        """Where a run begins. Raises BadInputError where that is neither a DAG nor a step."""
        template = self.template(self.spec.entrypoint)
        if not isinstance(template, DagTemplate | StepTemplate):
            raise BadInputError(f"the entrypoint {template.name!r} is neither a DAG nor a step")
        return template

    def template(self, name: str) -> AnyTemplate:
        """Raises BadInputError where there is none of this name."""
        for template in self.spec.templates:
            if template.name == name:
                return template
        raise BadInputError(f"no template {name!r} in the workflow")
