"""The sections of a fleet file, each made from the settings model of its job.

A section's keys are the settings of the job, with their types, bounds and help, less those that
the pipeline sets itself (`WIRED`): so a new setting of a job is at once a key of the fleet file
and an argument of the job's step.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from jobs.bundle.settings import BundleSettings
from jobs.check.settings import CheckSettings
from jobs.command.help import flag_text
from jobs.command.quantity import is_count
from jobs.command.settings import FlagSettings, SharedSettings, role
from jobs.crawl.settings import CrawlSettings
from jobs.curate.settings import CurateSettings
from jobs.evaluate.settings import EvaluateSettings
from jobs.ingest.settings import IngestSettings
from jobs.kinds.scores import HELDOUT_TASK
from jobs.merge.settings import MergeSettings
from jobs.pack.settings import PackSettings
from jobs.promote.settings import PromoteSettings
from jobs.report.settings import ReportSettings
from jobs.train.settings import TrainSettings
from jobs.validation import expectation

JOBS: dict[str, type[FlagSettings]] = {
    settings.job: settings
    for settings in (
        IngestSettings, CheckSettings, BundleSettings, CrawlSettings, CurateSettings,
        PackSettings, TrainSettings, MergeSettings, EvaluateSettings, ReportSettings,
        PromoteSettings,
    )
}  # fmt: skip

FLEET_SECTIONS = ("crawl", "curate")
"""Sections that hold for the whole fleet: their jobs run once a refresh."""

FAMILY_SECTIONS = ("pack", "train", "merge", "evaluate", "report")
"""Sections that a family may override: their jobs run for each family."""

SHARED = tuple(job for job in FLEET_SECTIONS if issubclass(JOBS[job], SharedSettings))
"""Those whose artifacts fleets share where the settings are equal: the path holds their digest."""

# What the pipeline says itself, beside the URIs of inputs and `out`.
WIRED = {
    "crawl": {"period", "settings_digest"},
    "curate": {"settings_digest"},
    "pack": {"article_share"},
    "train": {"objective"},
    "merge": {"dtype"},
    "evaluate": {"task"},
    "report": {"run", "expected"},
    "promote": {"releases", "name", "override"},
}

GIVEN_INPUTS = {"train": {"replay"}}
"""Inputs that are no artifact of the refresh: a fleet file names them."""

# Stand in for what the pipeline says, where the settings of a section are checked together.
STAND_INS = {
    "period": "2026-10",
    "objective": "cpt",
    "task": HELDOUT_TASK,
    "conversations": None,
    "article_share": None,
    "residual": None,
    "settings_digest": None,
    "dtype": "float32",
    "expected": "",
}

COUNT_SCHEMA = {
    "anyOf": [
        {"type": "integer"},
        {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]+)?\s*[KkMmBbGgTt]?([Ii][Bb])?\s*$"},
    ],
    "description": "a count such as 4096, 100M, 1B or 2GiB",
}


def section_fields(job: str) -> dict[str, FieldInfo]:
    """Field name → field, for each setting of a job that a fleet file may give."""
    wired = WIRED.get(job, set()) | {"out"}
    return {
        name: field
        for name, field in JOBS[job].model_fields.items()
        if name in GIVEN_INPUTS.get(job, ()) or (name not in wired and not _names_artifact(field))
    }


def _names_artifact(field: FieldInfo) -> bool:
    found = role(field)
    return found is not None and found.input_kind is not None


@dataclass(frozen=True)
class SectionOf:
    """Marks a mapping as the section of a job; pydantic then checks it like the job would."""

    job: str

    @cached_property
    def model(self) -> type[BaseModel]:
        fields: Any = {
            name: (_published(field), field) for name, field in section_fields(self.job).items()
        }
        doc = f"Settings of the {self.job} job."
        config = ConfigDict(extra="forbid", title=self.job, allow_inf_nan=False)
        return create_model(self.job, __config__=config, __doc__=doc, **fields)

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            lambda given: given.model_dump(exclude_unset=True), handler.generate_schema(self.model)
        )


Section = Mapping[str, Any]
CrawlSection = Annotated[Section, SectionOf("crawl")]
CurateSection = Annotated[Section, SectionOf("curate")]
PackSection = Annotated[Section, SectionOf("pack")]
TrainSection = Annotated[Section, SectionOf("train")]
MergeSection = Annotated[Section, SectionOf("merge")]
EvaluateSection = Annotated[Section, SectionOf("evaluate")]
ReportSection = Annotated[Section, SectionOf("report")]


def _published(field: FieldInfo) -> Any:
    """The field's type; a count's JSON Schema also admits ``100M``, as its validator does."""
    kind: Any = field.annotation
    if is_count(field.metadata):
        return Annotated[kind, WithJsonSchema(COUNT_SCHEMA)]
    if get_origin(kind) in (Union, UnionType) and any(_is_count(arg) for arg in get_args(kind)):
        with_none = {"anyOf": [*COUNT_SCHEMA["anyOf"], {"type": "null"}]}
        return Annotated[kind, WithJsonSchema(with_none)]
    return kind


def _is_count(kind: Any) -> bool:
    return is_count(getattr(kind, "__metadata__", ()))


def check_together(job: str, values: Section) -> str:
    """What the job would say against settings that are each valid, but not together; else "".

    Those of which one is not valid by itself are not looked at.

    >>> check_together("curate", {"min_characters": 500, "max_characters": 100})
    'min_characters 500 is greater than max_characters 100; no article could be kept'
    """
    own = {name: value for name, value in values.items() if name in section_fields(job)}
    try:
        JOBS[job].model_validate({**_stand_ins(job), **own})
    except ValidationError as error:
        first = error.errors()[0]
        why = "" if first["loc"] else expectation(first)
        return re.sub(r"--([a-z-]+)", lambda flag: flag[1].replace("-", "_"), why)
    return ""


def settings_digest(job: str, values: Section) -> str:
    """The digest of a section's settings that stands in the path of the job's artifact.

    Raises ValidationError where the job would refuse them.
    """
    return _shared(JOBS[job].model_validate({**_stand_ins(job), **values})).own_digest()


def digest_of_parameters(job: str, parameters: Mapping[str, str]) -> str:
    """The same from the workflow's parameters. Raises BadInputError as the job would."""
    given = {_flag(name): parameters[_key(job, name)] for name in section_fields(job)}
    return _shared(settings_of_flags(job, given)).own_digest()


def settings_of_flags(job: str, given: Mapping[str, str]) -> FlagSettings:
    """The settings that these flags of a section give. Raises BadInputError as the job would."""
    stand_ins = {_flag(name): value for name, value in _stand_ins(job).items() if value}
    return JOBS[job].from_flags(
        [f"--{flag}={value}" for flag, value in (stand_ins | dict(given)).items()]
    )


def _shared(settings: FlagSettings) -> SharedSettings:
    assert isinstance(settings, SharedSettings)
    return settings


def _stand_ins(job: str) -> dict[str, str | None]:
    names = JOBS[job].model_fields.keys() - section_fields(job).keys()
    return {name: STAND_INS.get(name, "/") for name in names}


def digest_key(job: str) -> str:
    """The workflow's parameter for the digest of a section's settings."""
    return _key(job, "settings_digest")


def section_keys(job: str) -> list[str]:
    """Names of the workflow's parameters (``train-epochs``) for the fields of a section."""
    return [_key(job, name) for name in section_fields(job)]


def section_parameters(job: str, values: Section) -> dict[str, str]:
    """Parameter name → text, one for each field that the section may have; "" where not given."""
    return {_key(job, name): flag_text(values.get(name)) for name in section_fields(job)}


def _key(job: str, field: str) -> str:
    return f"{job}-{_flag(field)}"


def _flag(field: str) -> str:
    return field.replace("_", "-")
