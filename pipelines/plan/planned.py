"""One step of a plan, and what it costs."""

from dataclasses import dataclass, field

from jobs.artifacts.manifest import Manifest
from jobs.command.settings import FlagSettings
from pipelines.fleet.prices import Prices
from pipelines.fleet.sections import JOBS
from pipelines.local.engine import Step
from pipelines.plan.memory import Memory

HOUR = 3600


@dataclass(frozen=True)
class Cost:
    """What one step costs as a whole, whether its artifact is there or not; None is unknown."""

    seconds: float | None = 0
    gpus: int = 0
    """Those that it holds meanwhile."""
    processors: float = 0
    """Those that it holds, where it has no GPU."""
    slots: int = 1
    """Processes that it starts."""
    fetched_bytes: float | None = 0
    """From the hub, another bucket or an archive's server."""
    artifact_bytes: float | None = 0
    meanwhile_bytes: float | None = 0
    """What it has in the store beside its artifact while it works, at most: train's checkpoints."""
    scratch_bytes: float | None = 0
    """Of its own disk, at most."""
    tokens: float | None = 0
    """That are trained on in one epoch."""
    epochs: int = 0
    flops: float | None = 0
    """Of training."""
    memory: Memory | None = None
    """Of each GPU, in training; None, too, where nothing is known of the model's size."""
    lacks: str = ""
    """What would have to be known where something is unknown."""

    @property
    def stored_bytes(self) -> float | None:
        if self.artifact_bytes is None or self.meanwhile_bytes is None:
            return None
        return self.artifact_bytes + self.meanwhile_bytes

    @property
    def gpu_hours(self) -> float | None:
        if not self.gpus:
            return 0
        return None if self.seconds is None else self.seconds * self.gpus / HOUR

    def money(self, prices: Prices) -> float | None:
        """In the currency of the prices."""
        if self.seconds is None:
            return None
        hourly = self.gpus * prices.gpu if self.gpus else self.processors * prices.cpu
        return self.seconds / HOUR * hourly


@dataclass(frozen=True)
class Planned:
    """One step, what is known of its artifact, and what it costs."""

    step: Step
    manifest: Manifest | None
    """That of the artifact, where it is there already."""
    conflict: str = ""
    """Why the step would refuse: the artifact there was made with other settings."""
    cost: Cost = field(default_factory=Cost)

    @property
    def num_bytes(self) -> int:
        return sum(file.bytes for file in self.manifest.files) if self.manifest else 0

    @property
    def family(self) -> str | None:
        """None for what all families share."""
        first, _, rest = self.step.name.partition("/")
        return rest.partition("/")[0] if first == "family" else None


def step_settings(step: Step) -> FlagSettings:
    """The settings that the step's job will have. Raises BadInputError like the job."""
    return JOBS[step.job].from_flags(step.argv[3:])
