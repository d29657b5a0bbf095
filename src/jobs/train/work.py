"""The training loop: batches, steps, checkpoints, and the result as a model artifact."""

import logging
import math
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

import torch
from huggingface_hub import save_torch_state_dict
from torch import distributed

from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.errors import EXIT_DONE, BadInputError, StoppedError
from jobs.kinds.devices import device_name, within_memory
from jobs.kinds.model import CONFIG, INDEX, chat_files, check_loadable
from jobs.kinds.rows import HELDOUT, TRAIN, Row, sequence_length
from jobs.libraries import cause
from jobs.stopping import STOP
from jobs.train import engine as engines
from jobs.train.batches import collate
from jobs.train.canary import check_isolation
from jobs.train.checkpoints import Checkpoints, State
from jobs.train.grace import agreed, what_counts
from jobs.train.processes import of_a_peer
from jobs.train.rows import Rows
from jobs.train.schedule import learning_rate
from jobs.train.settings import TrainSettings
from jobs.train.telling import loss_curve, software

HELDOUT_ROWS = 64
NOTHING = Row.of([0], [1])
"""A row without a loss."""
EXIT_OF_A_PEER = 1
"""Less than the code of who failed by itself (`jobs.train.launch.cause`)."""
PEAK_FLOPS = {"A100": 312e12, "H100": 989e12, "H200": 989e12}  # dense bf16, by the makers

_FIX_LOSS = "lower --learning-rate (train.learning_rate in the fleet file)"

log = logging.getLogger("train")


def train(job: Job[TrainSettings]) -> Statistics:
    """As `_train`. Raises BadInputError, too, where the memory is too small for it.

    A process that waited for one that failed ends with 1 and a line: the other tells why.
    """
    settings = job.settings
    rows = settings.micro_batch_rows
    what = f"{rows} row{'s' * (rows != 1)} of each process with the model"
    try:
        with within_memory(what, _smaller(settings)):
            return _train(job)
    except RuntimeError as error:
        if STOP.told or not of_a_peer(error):
            raise
        log.debug("of a peer", exc_info=True)
        log.error("another process of this training ended: %s", cause(error))  # noqa: TRY400
        sys.exit(EXIT_OF_A_PEER)


def _smaller(settings: TrainSettings) -> str:
    """What takes less memory than these settings."""
    rows = settings.micro_batch_rows
    ways = [] if settings.activation_checkpointing else ["set --activation-checkpointing true"]
    ways += [f"lower --micro-batch-rows from {rows}"] if rows > 1 else []
    if settings.processes > 1 and settings.zero_stage < engines.HIGHEST_STAGE:
        ways.append(f"raise --zero-stage from {settings.zero_stage}")
    return " or ".join([*ways, f"raise --processes from {settings.processes}"])


def _train(job: Job[TrainSettings]) -> Statistics:
    """Trains to the end, from the newest checkpoint if there is one.

    Raises StoppedError after SIGTERM, once a checkpoint is committed where the grace allows it;
    once all steps are done, the result is written instead.
    """
    rank, world_size, device = engines.start_processes()
    torch.manual_seed(job.settings.seed)
    tensors = check_loadable(job.inputs["model"])
    engine, weights = engines.build(job.inputs["model"], tensors, job.settings, world_size, device)
    loop = _Loop(job, engine, rank, world_size, device)
    statistics = loop.run()
    made = weights.collect(engine)
    distributed.barrier()
    distributed.destroy_process_group()
    if rank:
        sys.exit(EXIT_DONE)  # process 0 alone writes and commits
    _write_result(job, made)
    return statistics


class _Loop:
    def __init__(
        self, job: Job[TrainSettings], engine: Any, rank: int, world_size: int, device: torch.device
    ) -> None:
        self._settings, self._engine, self._device = job.settings, engine, device
        self._rank, self._world_size = rank, world_size
        self._sequence_length = sequence_length(job.inputs["rows"])
        vocabulary = engine.module.vocabulary
        self._rows = Rows(job.inputs["rows"], TRAIN, vocabulary)
        if self._rows.masked != (job.settings.objective == "sft"):
            what = "conversations" if self._rows.masked else "articles"
            raise BadInputError(
                f"--objective {job.settings.objective} does not fit {job.inputs['rows'].uri}, "
                f"which was packed from {what}; cpt takes articles, sft conversations"
            )
        self._heldout = Rows(job.inputs["rows"], HELDOUT, vocabulary).first(HELDOUT_ROWS)
        self._steps = math.ceil(job.settings.epochs * self._rows.number / job.settings.batch_rows)
        self._checkpoints = Checkpoints(job.out, rank, job.settings.checkpoints_kept)

    def run(self) -> Statistics:
        leak = check_isolation(self._engine.module, self._sequence_length, self._device)
        state = self._resume()
        STOP.hold(lambda: "" if self._rank else what_counts(state.step, self._checkpoints.last))
        first_step, started = state.step, time.monotonic()
        stream = self._rows.stream(self._settings.seed, state.step * self._settings.batch_rows)
        done_tokens = state.tokens
        shown = self._rank == 0
        with Progress("train", self._steps, "steps", state.step, shown=shown) as progress:
            for step in range(state.step, self._steps):
                record = self._step(step, list(islice(stream, self._settings.batch_rows)))
                state.history.append(record)
                state.step, state.tokens = step + 1, state.tokens + int(record["tokens"])
                progress.advance(loss=round(record["loss"], 4))
                self._save_if_due(state)
        self._checkpoints.finish()
        seconds = max(1e-9, time.monotonic() - started)
        per_second = (state.tokens - done_tokens) / seconds
        return {
            **self._summary(state),
            "attention": self._engine.module.attention,
            "canary_leak": leak,
            "resumed_at_step": first_step,
            "tokens_per_second": round(per_second, 1),
            "mfu": self._utilisation(per_second),
            "processes": self._world_size,
            "device": device_name(self._device),
            "software": software(),
            "history": loss_curve(state.history),
        }

    def _resume(self) -> State:
        checkpoint = self._checkpoints.newest()
        if checkpoint is not None:
            state = self._checkpoints.load(self._engine, checkpoint)
            log.info("resumed step=%d from=%s", state.step, checkpoint.uri)
            return state
        return State(heldout_loss_before=self._heldout_loss())

    def _step(self, step: int, rows: list[Row]) -> dict[str, float]:
        """One optimizer step over `rows`, of which each process takes its share."""
        rate = learning_rate(
            step,
            self._steps,
            self._settings.learning_rate,
            self._settings.warmup_ratio,
            self._settings.final_ratio,
        )
        engines.set_learning_rate(self._engine, rate)
        labelled = sum(row.labelled_tokens for row in rows)
        if not labelled:
            raise BadInputError(
                f"the {len(rows)} rows of step {step} have no token of an answer, so no loss; "
                "raise --batch-rows (train.batch_rows in the fleet file)"
            )
        micro = list(_micro_batches(rows[self._rank :: self._world_size], self._settings))
        # DeepSpeed averages over processes and micro batches; this makes it a mean over tokens.
        scale = self._world_size * len(micro) / labelled
        total = torch.zeros((), device=self._device)
        for number, share in enumerate(micro, 1):
            self._engine.set_gradient_accumulation_boundary(number == len(micro))
            loss = self._engine(**collate(share, self._sequence_length).to(self._device))
            total += loss.detach()
            self._engine.backward(loss * scale)
            self._engine.step()
        distributed.all_reduce(total)
        loss_per_token = total.item() / labelled
        if not math.isfinite(loss_per_token):
            raise BadInputError(f"the loss is {loss_per_token} at step {step}; {_FIX_LOSS}")
        tokens = float(sum(len(row.ids) for row in rows))
        return {"step": float(step), "loss": loss_per_token, "rate": rate, "tokens": tokens}

    def _save_if_due(self, state: State) -> None:
        """Saves what is due; raises StoppedError where a process was told to stop.

        With all steps done nothing is due nor stopped: the result is smaller than a checkpoint.
        """
        saved = self._checkpoints
        now = agreed(saved.seconds, saved.is_uploaded, self._device)
        if saved.is_writing and now.is_uploaded:
            saved.complete()
        if state.step == self._steps:
            return
        if now.grace is not None:
            self._stop(state)
        if state.step % self._settings.checkpoint_steps == 0:
            saved.save(self._engine, state)

    def _stop(self, state: State) -> NoReturn:
        """Saves what the grace allows. Raises StoppedError."""
        saved = self._checkpoints
        saved.finish()
        why = "which is saved; the same command continues"
        if saved.last != state.step:
            grace = agreed(saved.seconds, saved.is_uploaded, self._device).grace
            assert grace
            if grace.is_enough:
                saved.save(self._engine, state)
                saved.finish()
            else:
                why = (
                    f"which takes about {grace.seconds_needed:.0f} s to save, and "
                    f"{grace.seconds_left:.0f} s are left: {what_counts(state.step, saved.last)}"
                )
        distributed.destroy_process_group()
        raise StoppedError("" if self._rank else f"stopped after step {state.step}, {why}")

    @torch.no_grad()
    def _heldout_loss(self) -> float | None:
        """Mean loss a token over held-out rows, in nats; None where there are none.

        Each process computes its share of them, in equally many micro batches.
        """
        if not self._heldout:
            return None
        self._engine.eval()
        total = torch.zeros((), device=self._device, dtype=torch.float64)
        missing = -len(self._heldout) % self._world_size
        mine = [*self._heldout, *[NOTHING] * missing][self._rank :: self._world_size]
        for share in _micro_batches(mine, self._settings):
            total += self._engine.module(**collate(share, self._sequence_length).to(self._device))
        self._engine.train()
        distributed.all_reduce(total)
        loss = total.item() / sum(row.labelled_tokens for row in self._heldout)
        if not math.isfinite(loss):
            raise BadInputError(f"the loss on held-out rows is {loss}; {_FIX_LOSS}")
        return loss

    def _summary(self, state: State) -> Statistics:
        return {
            "steps": self._steps,
            "tokens": state.tokens,
            "heldout_loss_before": state.heldout_loss_before,
            "heldout_loss_after": self._heldout_loss(),
        }

    def _utilisation(self, tokens_per_second: float) -> float | None:
        """Model FLOPs utilisation: 6·N·tokens/s over the peak; None where that is not known."""
        if self._device.type != "cuda":
            return None
        name = torch.cuda.get_device_name()
        peak = next((flops for key, flops in PEAK_FLOPS.items() if key in name), None)
        if peak is None:
            return None
        size = sum(parameter.numel() for parameter in self._engine.module.parameters())
        return float(6 * size * tokens_per_second / (peak * self._world_size))


def _micro_batches(rows: list[Row], settings: TrainSettings) -> Iterator[list[Row]]:
    for start in range(0, len(rows), settings.micro_batch_rows):
        yield rows[start : start + settings.micro_batch_rows]


def _write_result(job: Job[TrainSettings], tensors: dict[str, torch.Tensor]) -> None:
    """The tensors, which the model came with, and the files that make them a model.

    A tied head that the model came without is not written either.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        save_torch_state_dict(tensors, folder, max_shard_size=job.settings.shard_bytes)
        for path in sorted(folder.glob("model*.safetensors")):
            job.out.upload_file(path, path.name)
        if (folder / INDEX).exists():
            job.out.upload_file(folder / INDEX, INDEX)
    model = job.inputs["model"]
    job.out.copy(model, CONFIG)
    speaker = job.inputs.get("tokenizer", model)
    for name in chat_files(speaker):
        job.out.copy(speaker, name)
