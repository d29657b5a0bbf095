"""Settings from flags: every field of a job's settings model is one.

Included: how the contract treats a field (`Role`), and errors that name flag, value and fix.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self

from pydantic import AfterValidator, BeforeValidator, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from jobs.artifacts.reading import Artifact
from jobs.errors import BadInputError
from jobs.expected import expectation
from jobs.records import Promised
from jobs.store.uri import http_address, normal_uri
from jobs.words import invisible, nearest, shortened, shown


@dataclass(frozen=True)
class Role:
    """How the contract treats a field: an input artifact, or a matter of operation.

    Operational fields (addresses, memory, processes) do not say *what* is made, so they are
    left out when a job asks whether its artifact is already there.
    """

    input_kind: str | None = None
    operational: bool = False


OPERATIONAL = Role(operational=True)


Uri = Annotated[str, BeforeValidator(lambda value: normal_uri(value) if value else value)]
HttpAddress = Annotated[str, AfterValidator(http_address)]


def artifact_input(kind: str) -> Role:
    """Marks a field that names an artifact of `kind` to read."""
    return Role(input_kind=kind)


class FlagSettings(BaseSettings):
    """Base of all settings: every field is a flag, its docstring the help.

    An empty value means "not given": a workflow may pass every flag, set or not.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,  # halves the import: a process needs one job's model, if any
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        populate_by_name=True,
        cli_kebab_case=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        cli_exit_on_error=False,
    )

    job: ClassVar[str]
    """The job's name, as in ``python -m jobs.<job>``."""
    outputs: ClassVar[tuple[str, ...]] = ()
    """Names of the step's output parameters on which a workflow may rely."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  the library's signature
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags only: a stray environment variable never becomes a setting."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            return {name: value for name, value in values.items() if value not in ("", [""])}
        return values

    @classmethod
    def from_flags(cls, arguments: Sequence[str]) -> Self:
        """Settings from ``--flag value`` pairs. Raises BadInputError naming flag, value and fix."""
        flags = [f"--{name}" for name in cls.flags()]
        for argument in arguments:
            if odd := invisible(argument):
                raise BadInputError(f"{shown(argument)} has the character {odd!a}; leave it out")
            flag = argument.split("=")[0]
            if flag.startswith("--") and flag not in [*flags, "--help"]:
                raise BadInputError(f"unknown flag {shortened(flag)}; {nearest(flag, flags)}")
        try:
            source: CliSettingsSource[Any] = CliSettingsSource(cls, cli_prog_name=f"jobs.{cls.job}")
            return cls(**source(args=list(arguments))())
        except ValidationError as error:
            raise BadInputError(describe(error, cls)) from error
        except SettingsError as error:
            raise BadInputError(str(error).splitlines()[0]) from error

    @classmethod
    def flags(cls) -> dict[str, FieldInfo]:
        """Flag name (without ``--``) → field."""
        return {
            (field.alias or name).replace("_", "-"): field
            for name, field in cls.model_fields.items()
        }


class JobSettings(FlagSettings):
    """Base of the settings of a job that writes an artifact."""

    kind: ClassVar[str]
    """The kind of artifact that it writes."""
    version: ClassVar[str]
    """Raised whenever the same settings and inputs would make other files."""
    outputs: ClassVar[tuple[str, ...]] = ("digest",)
    promises: ClassVar[type[Promised]] = Promised
    """What it promises others of its artifact's statistics."""

    out: Annotated[Uri, OPERATIONAL]
    """URI of the artifact to write."""

    def artifact_kind(self) -> str:
        """The kind of artifact that it writes with these settings."""
        return self.kind

    def identity(self) -> dict[str, Any]:
        """The settings that say what is made: neither inputs nor matters of operation."""
        values = self.model_dump(mode="json")
        return {
            name: values[name] for name, field in type(self).model_fields.items() if not role(field)
        }

    def open_inputs(self) -> dict[str, Artifact]:
        """Input name → artifact, for each input field that is given."""
        opened = {}
        for name, field in type(self).model_fields.items():
            marked, uri = role(field), getattr(self, name)
            if uri and marked and marked.input_kind:
                opened[name] = Artifact.open(uri, marked.input_kind)
        return opened


def role(field: FieldInfo) -> Role | None:
    """The contract's view of a field, or None for a plain setting."""
    return next((item for item in field.metadata if isinstance(item, Role)), None)


def describe(error: ValidationError, model: type[FlagSettings]) -> str:
    """The first problem of a validation error, as one line: flag, value, what was expected."""
    first = error.errors()[0]
    if not first["loc"]:
        return expectation(first)
    name = str(first["loc"][0])
    flag = "--" + name.replace("_", "-")
    if first["type"] == "missing":
        return f"{flag} is required; see python -m jobs.{model.job} --help"
    message = expectation(first)
    return f"{flag} {shown(first['input'])} is wrong: {message[0].lower()}{message[1:]}"
