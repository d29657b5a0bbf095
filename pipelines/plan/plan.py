"""What a refresh would do, before it does it: its steps, and what they cost.

The plan walks the very workflow that a run walks (`pipelines.local.engine`), with a runner that
looks for each step's artifact instead of running it. So it cannot differ from the run, and it
finds settings that a job would refuse, and artifacts made with other settings.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from jobs.artifacts.folders import is_plain_digest
from jobs.artifacts.manifest import Manifest, Work, find_manifest
from jobs.command.settings import JobSettings
from jobs.kinds.expected import Expected, ExpectedJob, total
from jobs.kinds.promises import Outputs
from jobs.store.failures import OF_A_PERSON
from jobs.store.prefix import Prefix
from jobs.suites import load_suite
from pipelines.fleet.model import Fleet
from pipelines.fleet.prices import Prices
from pipelines.fleet.sections import JOBS
from pipelines.local.engine import UNKNOWN, Engine, Outcome, Runner, Step
from pipelines.local.workflow import WorkflowTemplate
from pipelines.plan.clock import ENOUGH, Need, Room, ends
from pipelines.plan.cost import Reckoner
from pipelines.plan.mirror import Mirror, know_mirror
from pipelines.plan.models import FleetModel, ModelFacts, fleet_models, know_models
from pipelines.plan.planned import Planned, step_settings


@dataclass(frozen=True)
class Plan:
    """All steps in the order of the workflow, what is known of the models, and the clock."""

    steps: tuple[Planned, ...]
    models: Mapping[FleetModel, ModelFacts]
    clock_seconds: float
    """From now until all is there, with the steps of which the time is known."""
    family_seconds: Mapping[str, float]
    """Family → when its last step ends, were nothing there yet."""
    room: Room
    prices: Prices | None

    @property
    def to_do(self) -> tuple[Planned, ...]:
        return tuple(planned for planned in self.steps if planned.manifest is None)

    @property
    def bytes_there(self) -> int:
        return sum(planned.num_bytes for planned in self.steps)

    def expected(self, family: str) -> Expected:
        """Of all steps that a family needs, there or not, for its report."""
        needed = [planned for planned in self.steps if planned.family in (None, family)]
        jobs = dict.fromkeys(planned.step.job for planned in needed)
        return Expected(
            jobs={
                job: self._expected([one for one in needed if one.step.job == job]) for job in jobs
            },
            clock_seconds=self.family_seconds[family],
            currency=self.prices.currency if self.prices else None,
        )

    def _expected(self, steps: Iterable[Planned]) -> ExpectedJob:
        costs = [planned.cost for planned in steps]
        size = total(cost.artifact_bytes for cost in costs)
        money = total(cost.money(self.prices) for cost in costs) if self.prices else None
        return ExpectedJob(
            seconds=total(cost.seconds for cost in costs),
            gpu_hours=total(cost.gpu_hours for cost in costs),
            bytes=None if size is None else round(size),
            money=money,
        )


def make_plan(
    fleet: Fleet,
    workflow: WorkflowTemplate,
    parameters: Mapping[str, str],
    *,
    models: Mapping[FleetModel, ModelFacts] | None = None,
    mirror: Mirror | None = None,
    processes: int | None = None,
    gpus: int | None = None,
) -> Plan:
    """`processes` at a time on one machine, or else pods of a cluster; `gpus` at a time, or any.

    `models` and `mirror` are the fleet's where they are known already, as `know_models` and
    `know_mirror` give them. Raises BadInputError for what a run would refuse at once.
    """
    room = Room(processes or workflow.spec.parallelism, gpus or ENOUGH, by_process=bool(processes))
    models = models or know_models(fleet_models(fleet), parameters["store"])
    by_uri = {model.uri(parameters["store"]): (model.label, models[model]) for model in models}
    runner = _Planner({uri: facts.manifest for uri, (_, facts) in by_uri.items()})
    asyncio.run(Engine(workflow, parameters, runner).run())
    mirror = mirror or know_mirror(parameters["bundle-from"])
    reckoner = Reckoner(by_uri, parameters, load_suite(fleet.suite), mirror)
    steps = [replace(planned, cost=reckoner.cost(planned)) for planned in runner.planned]
    to_do = [planned for planned in steps if planned.manifest is None]
    ended = _ends(workflow, parameters, to_do, room)
    clock_seconds = max(ended.values(), default=0)
    if len(to_do) < len(steps):  # a second walk tells how long the whole takes
        ended = _ends(workflow, parameters, steps, room)
    return Plan(
        steps=tuple(steps),
        models=models,
        clock_seconds=clock_seconds,
        family_seconds={family.name: _last(ended, family.name) for family in fleet.families},
        room=room,
        prices=fleet.prices,
    )


def _ends(
    workflow: WorkflowTemplate, parameters: Mapping[str, str], steps: Iterable[Planned], room: Room
) -> dict[str, float]:
    """Step → when it ends, if these steps take their time and all others none."""
    needs = {
        planned.step.name: Need(
            planned.cost.seconds or 0,
            planned.cost.slots if room.by_process else 1,
            planned.cost.gpus,
        )
        for planned in steps
    }
    return ends(workflow, parameters, needs, room)


def _last(ended_at: Mapping[str, float], family: str) -> float:
    mine = (end for step, end in ended_at.items() if step.startswith(f"family/{family}/"))
    return max(mine, default=0)


class _Planner(Runner):
    """Runs nothing, and looks for what is there."""

    def __init__(self, known: Mapping[str, Manifest | None]) -> None:
        """`known` are manifests by URI that were looked for before."""
        self.planned: list[Planned] = []
        """As they begin, whichever the store tells of first."""
        self._known, self._checked = known, set[str]()

    async def run(self, step: Step, attempt: int) -> Outcome:
        position = len(self.planned)
        self.planned.append(Planned(step, None))
        unknown = await super().run(step, attempt)
        out = step.inputs.get("out")
        manifest = None
        if out and out in self._known:
            manifest = self._known[out]
        elif out and UNKNOWN[0] not in out:
            manifest = await asyncio.to_thread(find_manifest, Prefix(out, OF_A_PERSON))
        self.planned[position] = Planned(step, manifest, self._conflict(step, manifest))
        return Outcome("Succeeded", outputs={**unknown.outputs, **_outputs(step, manifest)})

    def _conflict(self, step: Step, manifest: Manifest | None) -> str:
        """How the artifact's settings differ from the step's (inputs are not compared).

        Settings are parsed (3 ms each) where they are compared, and once a job to check them. What
        a folder or bucket holds is not compared: to know it takes seconds a gigabyte, and the job
        looks first.
        """
        if step.job not in JOBS or (manifest is None and step.job in self._checked):
            return ""
        self._checked.add(step.job)
        settings = step_settings(step)
        if manifest is None or not isinstance(settings, JobSettings):
            return ""
        made_with, wanted = manifest.settings, settings.identity_at_once()
        if "source" in made_with and "source" not in wanted:
            is_alike = is_plain_digest(made_with["source"])
            wanted["source"] = made_with["source"] if is_alike else step.inputs["from"]
        work = Work(
            kind=settings.artifact_kind(),
            producer=f"{settings.job} {settings.version}",
            settings=wanted,
            inputs=Work.of(manifest).inputs,
        )
        return "; ".join(manifest.differences(work))


def _outputs(step: Step, manifest: Manifest | None) -> dict[str, str]:
    """The step's outputs as its job wrote them, where its artifact is there."""
    if manifest is None:
        return {}
    known = Outputs.told(manifest.statistics, step.inputs["out"]).by_parameter
    known["digest"] = manifest.digest
    return {name: value for name, value in known.items() if name in step.outputs}
