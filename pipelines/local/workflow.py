"""The part of a WorkflowTemplate that the local engine understands; anything else is refused.

Each class lists the fields that are interpreted, then, as `Idle`, those that by nature mean
nothing on one machine (images, pools, volumes, …). A field in neither list is an error that
names it: nothing is ever silently ignored.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from jobs.errors import BadInputError
from pipelines.yaml_source import YamlSource

Idle = Any
"""A field that has no meaning on one machine."""

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "": 1.0}


def _seconds(value: object) -> object:
    """Argo's durations: ``30s``, ``2m``, or bare seconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|)", str(value))
    if not match:
        raise ValueError("expected a duration such as 30s, 2m or 1h")
    return float(match[1]) * SECONDS[match[2]]


def _text(value: object) -> object:
    """Argo's parameter values are texts, also where YAML reads a number or a truth value."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_text)]
Seconds = Annotated[float, BeforeValidator(_seconds)]


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, defer_build=True
    )


class Parameter(_Strict):
    """A named text. `value` wins over `default`."""

    name: str
    value: Text | None = None
    default: Text | None = None
    description: Idle = None

    @property
    def given(self) -> str | None:
        return self.default if self.value is None else self.value


class OutputPath(_Strict):
    """The file that holds an output parameter when the step ends."""

    path: str


class OutputParameter(_Strict):
    """An output parameter, by file."""

    name: str
    value_from: OutputPath


class Inputs(_Strict):
    """What a template is given."""

    parameters: tuple[Parameter, ...] = ()


class Outputs(_Strict):
    """What a template gives back."""

    parameters: tuple[OutputParameter, ...] = ()


class Variable(_Strict):
    """An environment variable."""

    name: str
    value: Text


class Container(_Strict):
    """A program with its arguments."""

    command: tuple[str, ...]
    args: tuple[Text, ...] = ()
    env: tuple[Variable, ...] = ()

    image: Idle = None
    image_pull_policy: Idle = None
    resources: Idle = None
    security_context: Idle = None
    volume_mounts: Idle = None
    env_from: Idle = None
    """Secrets of the cluster; here the steps inherit the environment of the engine."""


class Task(_Strict):
    """A node of a DAG: a template, run when `depends` is true, once for each item."""

    name: str
    template: str
    arguments: Inputs = Inputs()
    depends: str = ""
    when: str | None = None
    with_items: tuple[Any, ...] | None = None
    with_param: str | None = None


class Dag(_Strict):
    """Tasks in no order but that of their `depends`."""

    tasks: tuple[Task, ...]
    fail_fast: bool = True


class Backoff(_Strict):
    """The pause before a retry: duration · factor^(retries so far)."""

    duration: Seconds = 0.0
    factor: float = 1.0


class RetryStrategy(_Strict):
    """A failed step is tried again while `expression` is true, at most `limit` times."""

    limit: int
    retry_policy: Literal["Always"]
    expression: str
    backoff: Backoff = Backoff()


class Template(_Strict):
    """Either a container or a DAG."""

    name: str
    inputs: Inputs = Inputs()
    outputs: Outputs = Outputs()
    container: Container | None = None
    dag: Dag | None = None
    retry_strategy: RetryStrategy | None = None
    active_deadline_seconds: float | None = None

    fail_fast: Idle = None
    """Argo reads it of the `dag`; Hera writes it here too."""
    metadata: Idle = None
    node_selector: Idle = None
    tolerations: Idle = None
    pod_spec_patch: Idle = None
    security_context: Idle = None
    service_account_name: Idle = None
    volumes: Idle = None


class Spec(_Strict):
    """The workflow's templates, where it begins, and its parameters."""

    entrypoint: str
    templates: tuple[Template, ...]
    arguments: Inputs = Inputs()

    automount_service_account_token: Idle = None
    node_selector: Idle = None
    parallelism: Idle = None
    pod_metadata: Idle = None
    security_context: Idle = None
    service_account_name: Idle = None
    tolerations: Idle = None
    ttl_strategy: Idle = None
    volumes: Idle = None
    workflow_metadata: Idle = None


class WorkflowTemplate(_Strict):
    """A whole file."""

    api_version: str
    kind: str
    metadata: Idle
    spec: Spec

    def template(self, name: str) -> Template:
        """Raises BadInputError where there is none of this name."""
        for template in self.spec.templates:
            if template.name == name:
                return template
        raise BadInputError(f"no template {name!r} in the workflow")


def read_workflow(path: Path) -> WorkflowTemplate:
    """The workflow in a file. Raises BadInputError for whatever the engine does not know."""
    source = YamlSource.read(path)
    kind = source.value.get("kind") if isinstance(source.value, dict) else None
    if kind != "WorkflowTemplate":
        raise BadInputError(f"{path}: kind is {kind!r}; the local engine runs a WorkflowTemplate")
    try:
        return WorkflowTemplate.model_validate(source.value)
    except ValidationError as error:
        problems = error.errors()
        first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
        location = first["loc"]
        field = ".".join(map(str, location))
        if first["type"] == "extra_forbidden":
            place = source.place_of_key(location)
            message = "the local engine does not know this field"
        else:
            place, message = source.place(location), first["msg"].removeprefix("Value error, ")
        raise BadInputError(f"{place}: {field}: {message}") from error
