"""Settings of the evaluate job."""

from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from jobs.artifacts.reading import Artifact
from jobs.command.settings import OPERATIONAL, JobSettings, Uri, artifact_input
from jobs.kinds.promises import Evaluated
from jobs.kinds.scores import HELDOUT_TASK
from jobs.suites.suite import shipped_suite, suite_names


class EvaluateSettings(JobSettings):
    """Scores one model on one task with lm-eval, on sealed data, without network."""

    job: ClassVar[str] = "evaluate"
    example: ClassVar[str] = (
        "--model /data/candidate --task gsm8k --bundle /data/eval-data/paper --out /data/scores"
    )
    kind: ClassVar[str] = "scores"
    version: ClassVar[str] = "2"
    promises = Evaluated

    model: Annotated[Uri, artifact_input("model")]
    """URI of the model to score."""
    task: str
    """Name of the task in the bundle's suite; or heldout, the loss on articles kept out."""
    bundle: Annotated[Uri | None, artifact_input("bundle")] = None
    """URI of the sealed evaluation bundle; heldout needs none."""
    rows: Annotated[Uri | None, artifact_input("rows")] = None
    """URI of the packed rows whose held-out articles the task heldout scores."""
    limit: int | None = Field(None, ge=1, le=10**9)
    """Score only the first so many items of each single task: a quick look, never a gate."""
    batch_size: Annotated[int, OPERATIONAL] = Field(8, ge=1, le=2**16)
    """Items a forward pass."""

    @classmethod
    def notes(cls) -> list[str]:
        """The tasks that there are."""
        suites = [shipped_suite(name) for name in suite_names()]
        tasks = [f"{suite.name}: {', '.join(t.name for t in suite.tasks)}" for suite in suites]
        return [f"tasks of the suites: {'; '.join(tasks)}; and heldout, of none"]

    @model_validator(mode="after")
    def _has_data(self) -> Self:
        if self.task == HELDOUT_TASK and self.rows is None:
            raise ValueError("--task heldout needs --rows")
        if self.task != HELDOUT_TASK and self.bundle is None:
            raise ValueError(f"--task {self.task} needs --bundle")
        return self

    def open_inputs(self) -> dict[str, Artifact]:
        """The inputs that the task reads, so that scores depend on nothing else."""
        unread = "bundle" if self.task == HELDOUT_TASK else "rows"
        return {name: item for name, item in super().open_inputs().items() if name != unread}
