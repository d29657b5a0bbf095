"""What every job's command line does alike: settings from flags, the contract, the exit code.

A job's ``__main__`` is one call of `run_job` with its settings model and a function that does
the work. The order is: settings, inputs, "is it already there?", and only then the work, so
that a repeated job ends at once, before anything heavy is imported.
"""

import difflib
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Generic, Self, TypeAlias, TypeVar

from pydantic import BeforeValidator, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    CliSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from jobs.artifact import Artifact, ArtifactWriter, LostRaceError
from jobs.errors import EXIT_DONE, BadInputError, PerennialError, StoppedError
from jobs.manifest import Work, find_manifest
from jobs.store import Prefix, normal_uri


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
        populate_by_name=True,
        cli_kebab_case=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        cli_exit_on_error=False,
    )

    job: ClassVar[str]
    """The job's name, as in ``python -m jobs.<job>``."""

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
            flag = argument.split("=")[0]
            if flag.startswith("--") and flag not in [*flags, "--help"]:
                near = difflib.get_close_matches(flag, flags, 1)
                hint = f"did you mean {near[0]}?" if near else f"known: {' '.join(flags)}"
                raise BadInputError(f"unknown flag {flag}; {hint}")
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


F = TypeVar("F", bound=FlagSettings)
S = TypeVar("S", bound=JobSettings)
Statistics: TypeAlias = dict[str, Any]


def role(field: FieldInfo) -> Role | None:
    """The contract's view of a field, or None for a plain setting."""
    return next((item for item in field.metadata if isinstance(item, Role)), None)


def describe(error: ValidationError, model: type[FlagSettings]) -> str:
    """The first problem of a validation error, as one line: flag, value, what was expected."""
    first = error.errors()[0]
    if not first["loc"]:
        return str(first["msg"]).removeprefix("Value error, ")
    name = str(first["loc"][0])
    flag = "--" + name.replace("_", "-")
    if first["type"] == "missing":
        return f"{flag} is required; see python -m jobs.{model.job} --help"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{flag} {first['input']!r} is wrong: {message[0].lower()}{message[1:]}"


@dataclass(frozen=True)
class Job(Generic[S]):
    """What the work is given: settings, the opened inputs, and the artifact to write."""

    settings: S
    inputs: Mapping[str, Artifact]
    out: ArtifactWriter


def run_job(
    settings_type: type[S],
    work: Callable[[Job[S]], Statistics],
    open_inputs: Callable[[S], Mapping[str, Artifact]] = lambda settings: settings.open_inputs(),
) -> None:
    """Runs one job by the contract and exits with its code.

    `work` writes files through ``job.out`` and returns the statistics; the commit is made here.
    """

    def body(settings: S) -> None:
        inputs = open_inputs(settings)
        job = begin(settings, inputs)
        if job is None:
            return
        started = time.monotonic()
        try:
            statistics = work(job)
            finish(job, {**statistics, "seconds": round(time.monotonic() - started, 2)})
        except LostRaceError:
            begin(settings, inputs)  # says whose artifact it is now, or refuses it

    run_command(settings_type, body)


def run_command(settings_type: type[F], body: Callable[[F], None]) -> None:
    """Runs `body` with settings from the command line; errors become one line and an exit code."""
    set_up_logging()
    logging.getLogger(settings_type.job).setLevel(os.environ.get("PERENNIAL_LOG_LEVEL", "INFO"))
    try:
        signal.signal(signal.SIGTERM, _stop)
        body(settings_type.from_flags(sys.argv[1:]))
    except PerennialError as error:
        one_line = " ".join(str(error).split())
        logging.getLogger(settings_type.job).error("%s", one_line)  # noqa: TRY400  no traceback
        sys.exit(error.exit_code)
    sys.exit(EXIT_DONE)


def begin(settings: S, inputs: Mapping[str, Artifact]) -> Job[S] | None:
    """The job to do, or None where its artifact is there. Raises BadInputError for another's."""
    log = logging.getLogger(settings.job)
    wanted = Work(
        kind=settings.artifact_kind(),
        producer=f"{settings.job} {settings.version}",
        settings=settings.identity(),
        inputs={name: artifact.part or artifact.digest for name, artifact in inputs.items()},
    )
    prefix = Prefix(settings.out)
    found = find_manifest(prefix)
    if found is not None:
        if differences := found.differences(wanted):
            raise BadInputError(
                f"--out {prefix.uri} already holds another artifact: {'; '.join(differences)}; "
                "choose another --out, or delete it first"
            )
        Artifact.open(prefix.uri)
        log.info("already-done out=%s digest=%s", prefix.uri, found.digest[:12])
        write_outputs(digest=found.digest, **_outputs(found.statistics))
        return None
    named = {name: artifact.as_input() for name, artifact in inputs.items()}
    return Job(settings, inputs, ArtifactWriter(prefix, wanted, named))


def finish(job: Job[Any], statistics: Statistics) -> Artifact:
    """Commits the artifact, says so, and writes the step's output parameters."""
    artifact = job.out.commit(statistics)
    logging.getLogger(job.settings.job).info(
        "committed out=%s digest=%s %s",
        artifact.uri,
        artifact.digest[:12],
        " ".join(
            f"{k}={v}" for k, v in artifact.statistics.items() if isinstance(v, int | float | str)
        ),
    )
    write_outputs(digest=artifact.digest, **_outputs(artifact.statistics))
    return artifact


def _outputs(statistics: Statistics) -> dict[str, str]:
    outputs: dict[str, str] = statistics.get("outputs", {})
    return outputs


def write_outputs(**values: str) -> None:
    """Output parameters of the step: one file each in the folder ``PERENNIAL_OUTPUTS``, if set.

    A job declares its own by a statistic ``outputs`` (name → text); ``digest`` is always there.
    """
    folder = os.environ.get("PERENNIAL_OUTPUTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        for name, value in values.items():
            (Path(folder) / name.replace("_", "-")).write_text(value)


def set_up_logging() -> None:
    """One line an event, in UTC, on standard error; of libraries only what went wrong."""
    logging.Formatter.converter = time.gmtime
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%SZ",
        stream=sys.stderr,
    )


def _stop(number: int, _frame: object) -> None:
    raise StoppedError(f"stopped by {signal.Signals(number).name}; the same command continues")
