"""A run that one means to start, and what a check finds wrong with it before it starts."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from jobs.plain_yaml import YamlSource
from pipelines.fleet.model import Fleet
from pipelines.local.workflow import WorkflowTemplate
from pipelines.plan.mirror import Mirror
from pipelines.plan.models import FleetModel, ModelFacts
from pipelines.plan.plan import Plan


@dataclass(frozen=True)
class Intent:
    """The fleet file, the command line, and what became of both."""

    source: YamlSource
    fleet: Fleet
    workflow: WorkflowTemplate
    parameters: Mapping[str, str]
    """The workflow's, for this run."""
    given: Mapping[str, str]
    """Those of them that came from the command line, by ``-p``."""
    wrong: tuple["Finding", ...] = ()
    """What the command line gives that is no value of any of them."""

    def at(self, *location: str | int) -> str:
        """Where a value of the fleet file stands: ``fleet.yaml:12:5: families[0].base.from``."""
        steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in location)
        return f"{self.source.position(location)}: {''.join(steps).removeprefix('.')}"

    def flag(self, name: str) -> str:
        """What gives a parameter of the whole run: ``--period``, or ``-p period`` over it."""
        return flag(name, self.given)

    def is_wrong(self, name: str) -> bool:
        """Whether a parameter of the whole run was given what is no value of it."""
        return any(finding.where == self.flag(name) for finding in self.wrong)

    def setting(self, job: str, field: str) -> str:
        """Where a setting of the whole fleet comes from: ``-p``, or else the fleet file."""
        key = f"{job}-{field.replace('_', '-')}"
        return f"-p {key}" if key in self.given else self.at(job, field)


def flag(name: str, given: Iterable[str]) -> str:
    """What gives a parameter of the whole run, where `given` came by ``-p``."""
    return f"-p {name}" if name in given else f"--{name}"


@dataclass(frozen=True)
class Finding:
    """What a check found: a problem, or why it is not known whether there is one."""

    where: str
    """The place in the fleet file, or the flag."""
    said: str
    """What is wrong, and the fix."""
    is_problem: bool = True

    def __str__(self) -> str:
        return f"{self.where}: {self.said}" if self.where else self.said


@dataclass(frozen=True)
class Known:
    """What a check may go by; nothing further is asked of store or hub."""

    intent: Intent
    models: Mapping[FleetModel, ModelFacts]
    plan: Plan | None
    """None where none could be made, for problems that were found before."""
    mirror: Mirror
    """That of the suite's data sets."""


Check = Callable[[Known], Iterable[Finding]]
