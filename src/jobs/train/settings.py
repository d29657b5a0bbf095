"""Settings of the train job."""

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from jobs.command.quantity import Count
from jobs.command.settings import OPERATIONAL, JobSettings, Uri, artifact_input
from jobs.kinds.promises import Trained

CHECKPOINTS = "checkpoints"
"""The folder of a training's checkpoints, beside its result."""
HIGHEST_STAGE = 3
"""Of ZeRO: weights, too, lie on one process each."""
LOGITS_BYTES = 2**28
"""Of logits in float32 that are held at a time."""
BUCKET_ELEMENTS = 2 * 10**8
"""Of gradients that DeepSpeed gathers before it sends them."""


class TrainSettings(JobSettings):
    """Trains a model on packed rows with DeepSpeed; resumes from its last committed checkpoint."""

    job: ClassVar[str] = "train"
    example: ClassVar[str] = (
        "--model /data/base --rows /data/rows --objective cpt --epochs 5 --processes 8 "
        "--out /data/cpt"
    )
    kind: ClassVar[str] = "model"
    version: ClassVar[str] = "4"
    promises = Trained

    model: Annotated[Uri, artifact_input("model")]
    """URI of the model to start from."""
    rows: Annotated[Uri, artifact_input("rows")]
    """URI of the packed rows."""
    tokenizer: Annotated[Uri | None, artifact_input("model")] = None
    """URI of the model whose tokenizer files go with the weights; default: those of --model."""
    replay: Annotated[Uri | None, artifact_input("rows")] = None
    """URI of more packed rows, of the same tokenizer and length, to mix in (of what the base was
    trained on, say)."""
    replay_share: float = Field(0.05, gt=0, lt=1)
    """Share of --replay in all rows that are trained on."""
    objective: Literal["cpt", "sft"]
    """cpt: every token carries loss. sft: only the tokens that the rows mark."""
    epochs: int = Field(1, ge=1, le=1000)
    """Passes over the rows (over those of --rows alone, with --replay)."""
    mask_first_tokens: int = Field(0, ge=0, le=2**20)
    """The first so many tokens of each article carry no loss: little stands before them."""
    batch_rows: int = Field(64, ge=1, le=2**20)
    """Rows in one optimizer step, over all processes."""
    micro_batch_rows: Annotated[int, OPERATIONAL] = Field(1, ge=1, le=2**16)
    """Rows that one process takes at a time; the rest of a batch is accumulated."""
    learning_rate: float = Field(2e-5, gt=0, le=1, allow_inf_nan=False)
    """Highest learning rate, reached after the warm-up."""
    warmup_ratio: float = Field(0.01, ge=0, le=1)
    """Share of the steps in which the rate rises from 0 (re-warming)."""
    final_ratio: float = Field(0.1, ge=0, le=1)
    """The rate at the end of the cosine, as a share of the highest (re-decay)."""
    weight_decay: float = Field(0.1, ge=0, le=10, allow_inf_nan=False)
    """AdamW's decoupled weight decay."""
    gradient_clip: float = Field(1.0, gt=0, le=1e9, allow_inf_nan=False)
    """Largest norm of the gradient; longer ones are scaled down."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Decides the order of the rows."""
    zero_stage: Annotated[int, OPERATIONAL] = Field(2, ge=1, le=HIGHEST_STAGE)
    """DeepSpeed's ZeRO stage."""
    activation_checkpointing: Annotated[bool, OPERATIONAL] = False
    """Keep only what goes into each layer, and compute the rest again on the way back: far less
    memory, a third more work."""
    processes: Annotated[int, OPERATIONAL] = Field(1, ge=1, le=1024)
    """Processes to start with torchrun (one a GPU), where not under torchrun already."""
    checkpoint_steps: Annotated[int, OPERATIONAL] = Field(100, ge=1, le=10**9)
    """A checkpoint is saved to the store every so many steps, while training goes on."""
    checkpoints_kept: Annotated[int, OPERATIONAL] = Field(1, ge=1, le=1000)
    """The last so many checkpoints stay until the result is committed."""
    heldout_steps: Annotated[int, OPERATIONAL] = Field(0, ge=0, le=10**9)
    """The loss on held-out rows is worked out every so many steps, too; 0: before and after."""
    shard_bytes: Count = Field(5 * 10**9, ge=1, le=2**50)
    """Largest size of one safetensors shard of the result, in bytes."""

    @model_validator(mode="after")
    def _whole_batches(self) -> Self:
        self.accumulation_steps(self.processes)
        return self

    def accumulation_steps(self, processes: int) -> int:
        """Micro batches that one process takes in a step. Raises ValueError if not whole."""
        at_once = self.micro_batch_rows * processes
        if self.batch_rows % at_once:
            raise ValueError(
                f"--batch-rows {self.batch_rows} is no multiple of {at_once} "
                f"(--micro-batch-rows {self.micro_batch_rows} × {processes} processes); "
                f"--batch-rows {-(-self.batch_rows // at_once) * at_once} would do"
            )
        return self.batch_rows // at_once
