"""Settings from flags: every field of a job's settings model is one.

Included: how the contract treats a field (`Role`), and errors that name flag, value and fix.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ValidationError,
    model_validator,
)
from pydantic.fields import FieldInfo

from jobs.artifacts.hashing import digest_of
from jobs.artifacts.reading import Artifact
from jobs.command.flags import parse_flags
from jobs.command.help import help_text
from jobs.errors import BadInputError
from jobs.records import Promised
from jobs.store.uri import check_uri, http_address
from jobs.validation import expectation
from jobs.words import joined, shown


@dataclass(frozen=True)
class Word:
    """What stands for a flag's value in the help."""

    word: str


@dataclass(frozen=True)
class Role:
    """How the contract treats a field: an input artifact, or a matter of operation.

    Operational fields (addresses, memory, processes) do not say *what* is made, so they are
    left out when a job asks whether its artifact is already there.
    """

    input_kind: str | None = None
    operational: bool = False


OPERATIONAL = Role(operational=True)
SETTINGS_DIGITS = 8
"""Of a digest in a path: enough to tell fleets apart, and who meets another is refused."""


Uri = Annotated[
    str, BeforeValidator(lambda value: check_uri(value) if value else value), Word("URI")
]
HttpAddress = Annotated[str, AfterValidator(http_address), Word("https://HOST/")]


def artifact_input(kind: str) -> Role:
    """Marks a field that names an artifact of `kind` to read."""
    return Role(input_kind=kind)


class FlagSettings(BaseModel):
    """Base of all settings: every field is a flag, its docstring the help.

    An empty value means "not given": a workflow may pass every flag, set or not.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        defer_build=True,  # halves the import: a process needs one job's model, if any
        use_attribute_docstrings=True,
        allow_inf_nan=False,
        populate_by_name=True,
    )

    job: ClassVar[str]
    """The job's name, as in ``python -m jobs.<job>``."""
    example: ClassVar[str]
    """Flags of a command as its users give it, for the help."""
    outputs: ClassVar[tuple[str, ...]] = ()
    """Names of the step's output parameters on which a workflow may rely."""

    @model_validator(mode="before")
    @classmethod
    def _empty_is_absent(cls, values: Any) -> Any:
        if isinstance(values, Mapping):
            return {name: value for name, value in values.items() if value not in ("", [""], [])}
        return values

    @classmethod
    def from_flags(cls, arguments: Sequence[str]) -> Self:
        """Settings from ``--flag value`` pairs. Raises BadInputError naming flag, value and fix."""
        fields = cls.flags()
        lists = {name: is_list(field) for name, field in fields.items()}
        given = parse_flags(arguments, lists)
        values: dict[str, Any] = {}
        for name, texts in given.items():
            text = ",".join(filter(None, texts))
            parts = [part for part in (one.strip() for one in text.split(",")) if part]
            values[fields[name].alias or name.replace("-", "_")] = parts if lists[name] else text
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise BadInputError(describe(error, cls)) from error

    @classmethod
    def help(cls) -> str:
        """What ``--help`` prints."""
        doc = cls.__doc__ or ""
        return help_text(f"python -m jobs.{cls.job}", doc, cls.flags(), cls.notes(), cls.example)

    @classmethod
    def notes(cls) -> list[str]:
        """Paragraphs that the help has beside its flags."""
        return []

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
    only_here: ClassVar[tuple[str, ...]] = ("out",)
    """Operational settings that mean nothing elsewhere; the others are recorded."""

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

    def identity_at_once(self) -> dict[str, Any]:
        """Of the identity, what is known without reading a folder whole; for a plan."""
        return self.identity()

    def operation(self) -> dict[str, Any]:
        """How it is made: operational settings, but those that only say where."""
        values = self.model_dump(mode="json")
        return {
            name: values[name]
            for name, field in type(self).model_fields.items()
            if (marked := role(field)) and marked.operational and name not in self.only_here
        }

    def open_inputs(self) -> dict[str, Artifact]:
        """Input name → artifact, for each input field that is given."""
        opened = {}
        for name, field in type(self).model_fields.items():
            marked, uri = role(field), getattr(self, name)
            if uri and marked and marked.input_kind:
                opened[name] = Artifact.open(uri, marked.input_kind)
        return opened


class SharedSettings(JobSettings):
    """Base of the settings of a job whose artifact fleets share where their settings are equal.

    Its path holds the settings' digest, so that other settings have a place of their own. Whoever
    makes the path says the digest, too, and settings that it is not of are refused before they can
    take the place of others.
    """

    only_here: ClassVar[tuple[str, ...]] = ("out", "settings_digest")

    settings_digest: Annotated[str | None, OPERATIONAL] = None
    """Digest of these settings, where the path of --out holds it; other settings are refused."""

    def own_digest(self) -> str:
        """Of what says what is made, but the period, which stands in the path beside it.

        It begins with a letter: readers of YAML take 12345678 and 1e234567 for numbers.
        """
        said = {name: value for name, value in self.identity().items() if name != "period"}
        digits = digest_of(json.dumps(said, sort_keys=True).encode())[:SETTINGS_DIGITS]
        return "abcdef"[int(digits[0], 16) % 6] + digits[1:]

    @model_validator(mode="after")
    def _of_this_digest(self) -> Self:
        if self.settings_digest not in (None, self.own_digest()):
            raise ValueError(
                f"--settings-digest {shown(self.settings_digest)} is of other settings than these, "
                f"whose digest is {self.own_digest()}; with the workflow's parameters, give also "
                f"-p {self.job}-settings-digest={self.own_digest()}"
            )
        return self


def role(field: FieldInfo) -> Role | None:
    """The contract's view of a field, or None for a plain setting."""
    return next((item for item in field.metadata if isinstance(item, Role)), None)


def is_list(field: FieldInfo) -> bool:
    """Whether a flag takes several values, with commas between."""
    return get_origin(field.annotation) is tuple


def describe(error: ValidationError, model: type[FlagSettings]) -> str:
    """What is wrong, as one line: flags that are missing; else flag, value, what was expected."""
    problems = error.errors(include_url=False)
    missing = [
        "--" + str(p["loc"][0]).replace("_", "-") for p in problems if p["type"] == "missing"
    ]
    first = next((problem for problem in problems if problem["type"] != "missing"), None)
    if first is None:
        verb = "is" if len(missing) == 1 else "are"
        return f"{joined(missing)} {verb} required; see python -m jobs.{model.job} --help"
    if not first["loc"]:
        return expectation(first)
    flag = "--" + str(first["loc"][0]).replace("_", "-")
    message = expectation(first)
    return f"{flag} {shown(first['input'])} is wrong: {message[0].lower()}{message[1:]}"
