"""A fleet: which families are kept current, and with which settings.

`pipelines.fleet.reading` reads one from YAML; `Fleet.parameters` turns it into the parameters of
the refresh workflow.
"""

import json
import os
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
)

from jobs.command.quantity import Count
from jobs.records import Record
from jobs.store.source import check_source
from jobs.suites import load_suite
from jobs.validation import Shape
from jobs.words import shown
from pipelines.fleet.placement import Placement
from pipelines.fleet.prices import Prices
from pipelines.fleet.sections import (
    COUNT_SCHEMA,
    FAMILY_SECTIONS,
    FLEET_SECTIONS,
    SHARED,
    CrawlSection,
    CurateSection,
    EvaluateSection,
    MergeSection,
    PackSection,
    ReportSection,
    TrainSection,
    digest_key,
    section_keys,
    section_parameters,
    settings_digest,
)

NAME = r"^[a-z0-9]+(?:(?:\.|-+)[a-z0-9]+)*$"
MAX_NAME = 63
"""Characters; names stand in paths of the store and in the labels of a cluster."""
RESERVED = ("packed", "manifest.json", "report.json", "report.md", "report.html")
"""Names that stand beside those of families and candidates in the store."""
SCORED_ORIGINALS = ("base", "instruct", "refreshed-base")
CONTROLS = ("s1",)
PERIOD = r"^2[0-9]{3}-(0[1-9]|1[0-2])$"
OWN_PARAMETERS = {
    "fleet": "it is the fleet's name; set name in the fleet file",
    "suite": "set suite in the fleet file",
    "suite-definition": "it is made from the suite; set suite in the fleet file",
    "families": "set families in the fleet file",
    **{
        digest_key(job): f"it is made from the settings of {job}; leave it out"
        for job in FLEET_SECTIONS
    },
}
"""Parameters that ``-p`` may not set, and what to do: a run's plan and report have them of the
fleet, or they would contradict what else is given."""


def _resolved(value: Any, info: ValidationInfo) -> Any:
    """A folder given as ``./`` or ``../`` is meant from the fleet file, wherever one stands."""
    folder = (info.context or {}).get("folder")
    if folder and isinstance(value, str) and value.startswith(("./", "../")):
        return os.path.realpath(folder / value)
    return value


def _known_form(source: str) -> str:
    """A URI in its one spelling; what looks like one and is none is refused."""
    try:
        return check_source(source)
    except ValueError as error:
        raise ValueError(f"{shown(source)} {error}") from error


def _not_reserved(name: str) -> str:
    if name in RESERVED:
        raise ValueError(
            f"the name {name} is taken by what lies beside it in the store; choose another"
        )
    return name


def _each_once(controls: tuple[str, ...]) -> tuple[str, ...]:
    for position, control in enumerate(controls):
        if control in controls[:position]:
            raise ValueError(f"{control!r} stands there twice; once is enough")
    return controls


def _resolved_suite(value: Any, info: ValidationInfo) -> Any:
    """A file is meant from the fleet file, also without ``./``."""
    is_file = isinstance(value, str) and value.endswith((".yaml", ".yml"))
    is_bare = is_file and not value.startswith(("./", "../", "/"))
    return _resolved(f"./{value}" if is_bare else value, info)


SuiteName = Annotated[str, BeforeValidator(_resolved_suite)]
Source = Annotated[str, AfterValidator(_known_form), BeforeValidator(_resolved)]
Name = Annotated[
    str,
    Shape(NAME, "a name of small letters and digits, with dots or dashes between", MAX_NAME),
    AfterValidator(_not_reserved),
]


class _Entry(Record):
    model_config = ConfigDict(use_attribute_docstrings=True)


class Model(_Entry):
    """Where a model comes from."""

    source: Source = Field(alias="from", min_length=1)
    """Its id on the hub (owner/name), a folder, or a URI (s3://bucket/prefix); ./ and ../ start at
    the fleet file."""
    revision: str | None = None
    """The hub's commit, branch or tag; its commit is recorded; default: the main branch."""
    parameters: Annotated[Count, Field(ge=1, le=10**14), WithJsonSchema(COUNT_SCHEMA)] | None = None
    """How many it has, as 8B: for the plan, where neither its files nor the hub tell it."""


class Derived(Model):
    """A model derived from the family's base; its candidate is derived + (instruct − base)."""

    name: Name
    """Its name within the family; the candidate is <name>-instruct."""

    @property
    def candidate(self) -> str:
        return f"{self.name}-instruct"


class Sibling(_Entry):
    """Another version with the same shapes, whose residual is tried on the refreshed base."""

    name: Name
    """Its name within the family."""
    base: Model
    """The other version's base model."""
    instruct: Model
    """Its instruct twin."""


class Family(_Entry):
    """A base model, its instruct twin, and any models derived from the same base."""

    name: Name
    """Its name, in the store's paths and the steps."""
    base: Model
    """The model that is trained on the news."""
    instruct: Model
    """The model tuned from it, whose residual is carried over."""
    release: Name | None = None
    """Name of the main candidate and its releases; default: <family>-instruct."""
    derived: tuple[Derived, ...] = ()
    """Other models made from the same base, which get the residual, too; default: none."""
    siblings: tuple[Sibling, ...] = ()
    """Other versions, whose residuals the refreshed base gets, too; default: none."""
    pack: PackSection = {}
    train: TrainSection = {}
    merge: MergeSection = {}
    evaluate: EvaluateSection = {}
    report: ReportSection = {}

    @property
    def main_candidate(self) -> str:
        return self.release or f"{self.name}-instruct"

    def residuals(self) -> list[dict[str, str]]:
        """Residuals that go onto the refreshed base: the family's own, then its siblings'."""
        own = {"name": self.main_candidate, "base": "base", "instruct": "instruct"}
        return [own] + [
            {
                "name": f"{self.main_candidate}-from-{sibling.name}",
                "base": f"{sibling.name}-base",
                "instruct": f"{sibling.name}-instruct",
            }
            for sibling in self.siblings
        ]

    def candidates(self) -> list[str]:
        """Names of all candidates, the main one first."""
        return [item["name"] for item in self.residuals()] + [
            model.candidate for model in self.derived
        ]

    def other_models(self) -> list[dict[str, str]]:
        """What is imported beside base and instruct."""
        named: list[tuple[str, Model]] = [(model.name, model) for model in self.derived]
        for sibling in self.siblings:
            named.append((f"{sibling.name}-base", sibling.base))
            named.append((f"{sibling.name}-instruct", sibling.instruct))
        return [
            {"name": name, "from": model.source, "revision": model.revision or ""}
            for name, model in named
        ]

    def parameters(self, fleet: "Fleet") -> dict[str, str]:
        """Parameter → text of the family's own workflow; its own settings come first.

        Only what is given: all else is empty by default (`OPTIONAL`).
        """
        derived = [
            {"name": model.candidate, "base": "base", "instruct": "instruct", "onto": model.name}
            for model in self.derived
        ]
        values = {
            "name": self.name,
            "base-from": self.base.source,
            "base-revision": self.base.revision or "",
            "instruct-from": self.instruct.source,
            "instruct-revision": self.instruct.revision or "",
            "others": json.dumps(self.other_models()),
            "residuals": json.dumps(self.residuals()),
            "derived": json.dumps(derived),
            "candidates": json.dumps(self.candidates()),
            "controls": json.dumps(fleet.controls),
        }
        for job in FAMILY_SECTIONS:
            values |= section_parameters(job, self.section(job, fleet))
        return {name: value for name, value in values.items() if value}

    def section(self, job: str, fleet: "Fleet") -> dict[str, Any]:
        """The fleet's settings of a job, with the family's own put over them."""
        return {**getattr(fleet, job), **getattr(self, job)}


OPTIONAL = (
    "base-revision",
    "instruct-revision",
    "expected",  # of its jobs; `perennial run` fills it in from the plan
    *(key for job in FAMILY_SECTIONS for key in section_keys(job)),
)
"""Those of a family's parameters that it may do without."""


def _or_absent(schema: dict[str, Any]) -> None:
    """A section that is left out rather than null."""
    schema |= schema.pop("anyOf")[0]


class Fleet(_Entry):
    """The families to keep current, and the settings of a refresh."""

    name: Name
    """Its name; a run is named <fleet>-<period>."""
    suite: SuiteName
    """The evaluation suite: paper, demo, or a file of your own (./my-suite.yaml)."""
    eval_data: Source | None = None
    """A folder or URI that mirrors the suite's data sets; default: the hub."""
    families: tuple[Family, ...] = Field(min_length=1)
    """The families to keep current; one or more."""
    controls: Annotated[tuple[Literal["s1"], ...], AfterValidator(_each_once)] = ()
    """Models to compare the candidates with, [s1]: the instruct model itself trained on the news,
    with the settings of the base. It costs a training more for each family, and is never released;
    default: none."""
    crawl: CrawlSection = {}
    curate: CurateSection = {}
    pack: PackSection = {}
    train: TrainSection = {}
    merge: MergeSection = {}
    evaluate: EvaluateSection = {}
    report: ReportSection = {}
    placement: Placement = Placement()
    """Node pools, GPUs, processors and memory of the steps; default: as below."""
    prices: Prices | None = Field(None, json_schema_extra=_or_absent)
    """What an hour of each pool costs; default: no plan tells money."""

    def parameters(self) -> dict[str, str]:
        """Workflow parameter → text: all but period, store and run."""
        suite = load_suite(self.suite)
        values = {
            "fleet": self.name,
            "suite": suite.name,
            "suite-definition": suite.definition(),
            "bundle-from": self.eval_data or "",
            "tasks": json.dumps([task.name for task in suite.tasks]),
            "families": json.dumps([family.parameters(self) for family in self.families]),
        }
        for job in FLEET_SECTIONS:
            section = getattr(self, job)
            values |= section_parameters(job, section)
            if job in SHARED:
                values[digest_key(job)] = settings_digest(job, section)
        return values | self.placement.parameters()
