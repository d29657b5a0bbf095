"""Settings of the merge job."""

from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from jobs.command.quantity import Count
from jobs.command.settings import OPERATIONAL, JobSettings, Uri, artifact_input
from jobs.kinds.promises import MovedWeights

FORMS = (
    "--base --instruct --onto (a candidate), --base --instruct (their residual), "
    "or --residual --onto (a candidate)"
)


class MergeSettings(JobSettings):
    """Carries instruction following over: candidate = onto + (instruct - base), in one stream.

    Without --onto it writes the residual, instruct - base, as an artifact of its own; with
    --residual in place of --base and --instruct it adds a stored one.
    """

    job: ClassVar[str] = "merge"
    example: ClassVar[str] = (
        "--base /data/base --instruct /data/instruct --onto /data/cpt --out /data/candidate"
    )
    kind: ClassVar[str] = "model"
    version: ClassVar[str] = "2"
    promises = MovedWeights

    base: Annotated[Uri | None, artifact_input("model")] = None
    """URI of the original base model."""
    instruct: Annotated[Uri | None, artifact_input("model")] = None
    """URI of its instruct twin, which also gives tokenizer, chat template, generation settings."""
    residual: Annotated[Uri | None, artifact_input("residual")] = None
    """URI of a stored residual, in place of --base and --instruct."""
    onto: Annotated[Uri | None, artifact_input("model")] = None
    """URI of the model that receives the residual: the newly trained base, or a derived model."""
    vocabulary: Literal["refuse", "extend"] = "refuse"
    """Embeddings of different numbers of rows: refuse, or take rows that one side lacks from
    the other."""
    allow_config: tuple[str, ...] = Field((), examples=[["rope_scaling"]])
    """Fields of config.json that may differ, each by name: rope_scaling,max_position_embeddings
    between Llama 3 and 3.1."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Type of a residual's tensors (a candidate has those of --instruct)."""
    shard_bytes: Count = Field(5 * 10**9, ge=1, le=2**50)
    """Largest size of one shard of the result, in bytes, unless one tensor is larger."""
    max_bytes: Annotated[Count, OPERATIONAL] = Field(2**28, ge=2**16, le=2**50)
    """Most bytes of tensors held in memory at a time."""

    @model_validator(mode="after")
    def _one_of_the_forms(self) -> Self:
        given = {name for name in ("base", "instruct", "residual", "onto") if getattr(self, name)}
        if given not in ({"base", "instruct", "onto"}, {"base", "instruct"}, {"residual", "onto"}):
            said = " ".join(f"--{name}" for name in sorted(given)) or "none of them"
            raise ValueError(f"expected {FORMS}; given: {said}")
        return self

    def artifact_kind(self) -> str:
        """A candidate is a model; without --onto the result is a residual."""
        return self.kind if self.onto else "residual"

    def identity(self) -> dict[str, Any]:
        """Without what the result does not depend on."""
        values = super().identity()
        values["allow_config"] = sorted(values["allow_config"])
        if self.onto:
            del values["dtype"]
        return values
