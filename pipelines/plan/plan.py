"""What a refresh would do, before it does it: its steps, and what they cost.

The plan walks the very workflow that a run walks (`pipelines.local.engine`), with a runner that
looks for each step's artifact instead of running it. So it cannot differ from the run, and it
finds settings that a job would refuse, and artifacts made with other settings.
"""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.artifacts.manifest import Manifest, Work, find_manifest
from jobs.command.quantity import parse_count
from jobs.command.settings import FlagSettings, JobSettings
from jobs.kinds.promises import ImportedModel, Outputs, PackedRows
from jobs.kinds.safetensors_header import read_header
from jobs.pack.settings import PackSettings
from jobs.store.failures import OF_A_PERSON
from jobs.store.prefix import Prefix
from jobs.train.settings import TrainSettings
from pipelines.fleet.model import Fleet
from pipelines.fleet.sections import JOBS
from pipelines.local.engine import UNKNOWN, Engine, Outcome, Runner, Step
from pipelines.local.workflow import WorkflowTemplate

A100_FLOPS = 312e12
"""Peak of the paper's GPU in bfloat16, FLOP/s."""
MFU = 0.4
"""Share of the peak that training is assumed to reach."""
MAX_HEADER_MEMORY = 2**30
"""For the names and shapes of one file of weights."""
BYTES_PER_PARAMETER = 2  # bfloat16
BYTES_PER_TOKEN = 4  # int32


@dataclass(frozen=True)
class Planned:
    """One step, and what is known of its artifact."""

    step: Step
    manifest: Manifest | None
    """That of the artifact, where it is there already."""
    conflict: str = ""
    """Why the step would refuse: the artifact there was made with other settings."""

    @property
    def num_bytes(self) -> int:
        return sum(file.bytes for file in self.manifest.files) if self.manifest else 0


@dataclass(frozen=True)
class Training:
    """The cost of one family's continued pre-training; None is unknown."""

    family: str
    is_done: bool
    num_parameters: int | None
    num_tokens: int | None
    """Of one epoch: those packed, or the budget where nothing is packed yet."""
    epochs: int

    @property
    def flops(self) -> float | None:
        """6 · N · tokens · epochs, as in the paper."""
        if self.num_parameters is None or self.num_tokens is None:
            return None
        return 6.0 * self.num_parameters * self.num_tokens * self.epochs

    @property
    def gpu_hours(self) -> float | None:
        """On A100s at the assumed share of their peak."""
        return None if self.flops is None else self.flops / (A100_FLOPS * MFU) / 3600


@dataclass(frozen=True)
class Plan:
    """All steps in the order of the workflow, the trainings, and the store's share of it."""

    steps: tuple[Planned, ...]
    trainings: tuple[Training, ...]

    @property
    def bytes_there(self) -> int:
        return sum(planned.num_bytes for planned in self.steps)

    @property
    def bytes_to_add(self) -> int | None:
        """Models and rows that are missing; None where a size is unknown. The rest is small."""
        sizes = {training.family: training for training in self.trainings}
        total = 0
        for planned in self.steps:
            if planned.manifest or planned.step.job not in ("ingest", "train", "merge", "pack"):
                continue
            training = sizes[_family(planned.step)]
            is_rows = planned.step.job == "pack"
            count = training.num_tokens if is_rows else training.num_parameters
            if count is None:
                return None
            total += count * (BYTES_PER_TOKEN if is_rows else BYTES_PER_PARAMETER)
        return total


def make_plan(fleet: Fleet, workflow: WorkflowTemplate, parameters: Mapping[str, str]) -> Plan:
    """Raises BadInputError for what a run would refuse at once."""
    runner = _Planner()
    asyncio.run(Engine(workflow, parameters, runner).run())
    by_name = {planned.step.name: planned for planned in runner.planned}
    trainings = [_training(family.name, family.base.source, by_name) for family in fleet.families]
    return Plan(tuple(runner.planned), tuple(trainings))


class _Planner(Runner):
    """Runs nothing, and looks for what is there."""

    def __init__(self) -> None:
        self.planned: list[Planned] = []

    async def run(self, step: Step, attempt: int) -> Outcome:
        unknown = await super().run(step, attempt)
        out = step.inputs.get("out")
        manifest = None
        if out and UNKNOWN[0] not in out:
            manifest = await asyncio.to_thread(find_manifest, Prefix(out, OF_A_PERSON))
        self.planned.append(Planned(step, manifest, self._conflict(step, manifest)))
        return Outcome("Succeeded", outputs={**unknown.outputs, **_outputs(step, manifest)})

    def _conflict(self, step: Step, manifest: Manifest | None) -> str:
        """How the artifact's settings differ from the step's (inputs are not compared).

        Settings are parsed (3 ms each) where they are compared, and once a job to check them.
        """
        if manifest is None and step.job in {planned.step.job for planned in self.planned}:
            return ""
        settings = step_settings(step)
        if manifest is None or not isinstance(settings, JobSettings):
            return ""
        wanted = Work(
            kind=settings.artifact_kind(),
            producer=f"{settings.job} {settings.version}",
            settings=settings.identity(),
            inputs=Work.of(manifest).inputs,
        )
        return "; ".join(manifest.differences(wanted))


def step_settings(step: Step) -> FlagSettings:
    """The settings that the step's job will have. Raises BadInputError like the job."""
    return JOBS[step.job].from_flags(step.argv[3:])


def _outputs(step: Step, manifest: Manifest | None) -> dict[str, str]:
    """The step's outputs as its job wrote them, where its artifact is there."""
    if manifest is None:
        return {}
    known = Outputs.told(manifest.statistics, step.inputs["out"]).by_parameter
    known["digest"] = manifest.digest
    return {name: value for name, value in known.items() if name in step.outputs}


def _training(family: str, source: str, steps: Mapping[str, Planned]) -> Training:
    base, pack, train = (steps[f"family/{family}/{job}"] for job in ("base", "pack", "train"))
    packing, training = step_settings(pack.step), step_settings(train.step)
    assert isinstance(packing, PackSettings)
    assert isinstance(training, TrainSettings)
    tokens = packing.token_budget
    if pack.manifest:
        tokens = PackedRows.told(pack.manifest.statistics, pack.step.inputs["out"]).tokens
    return Training(
        family=family,
        is_done=train.manifest is not None,
        num_parameters=_num_parameters(source, base),
        num_tokens=tokens,
        epochs=training.epochs,
    )


def _num_parameters(source: str, base: Planned) -> int | None:
    """As ingest counted them; or from a folder's safetensors headers; or from the name's 8B."""
    if base.manifest:
        return ImportedModel.told(base.manifest.statistics, base.step.inputs["out"]).parameters
    if os.path.isdir(source):  # noqa: PTH112  Path's raises for names that no folder can have
        files = (path for path in Path(source).glob("*.safetensors") if path.is_file())
        return sum(map(_count_elements, files)) or None
    match = re.search(r"(?<![0-9.])([0-9]{1,6}(?:\.[0-9]{1,6})?[BM])(?![A-Za-z0-9])", source)
    count = parse_count(match[1]) if match else None
    return count if isinstance(count, int) else None


def _count_elements(file: Path) -> int:
    """Elements of all tensors of a safetensors file, from its header alone."""
    with file.open("rb") as opened:

        def read(start: int, length: int) -> bytes:
            opened.seek(start)
            return opened.read(length)

        size = file.stat().st_size
        tensors = read_header(read, file.name, str(file), size, MAX_HEADER_MEMORY)
    return sum(tensor.elements for tensor in tensors)


def _family(step: Step) -> str:
    return step.name.split("/")[1]
