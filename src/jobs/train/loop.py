"""The training loop: steps, checkpoints, held-out loss, and the way back from a divergence."""

import logging
import math
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count, islice
from typing import Any, NoReturn

import torch
from torch import distributed

from jobs.artifacts.reading import Artifact
from jobs.command.progress import Progress
from jobs.command.running import Job, Statistics
from jobs.errors import BadInputError, StoppedError
from jobs.kinds.devices import device_name
from jobs.kinds.rows import HELDOUT, TRAIN, sequence_length
from jobs.numbers import num_bytes
from jobs.stopping import STOP
from jobs.train.ahead import ahead
from jobs.train.batches import StepBatch
from jobs.train.canary import check_isolation
from jobs.train.checkpoints import Checkpoints, State
from jobs.train.divergence import LAST_STEPS, divergence
from jobs.train.grace import agreed, what_counts
from jobs.train.mixture import Mixture
from jobs.train.rows import Rows
from jobs.train.schedule import learning_rate
from jobs.train.settings import TrainSettings
from jobs.train.steps import FIX_LOSS, Done, Steps
from jobs.train.telling import loss_curve, software
from jobs.train.utilisation import Work, memory_bytes, peak_flops

HELDOUT_ROWS = 64

log = logging.getLogger("train")


class DivergedError(Exception):
    """A step after which nothing that follows is of any use; it says what is wrong with it."""


class Loop:
    """One training from its newest checkpoint to its last step, on every process alike."""

    def __init__(self, job: Job[TrainSettings], engine: Any, device: torch.device) -> None:
        """Raises BadInputError for rows that do not fit the objective or each other."""
        self._settings, self._engine, self._device = job.settings, engine, device
        self._rank, self._processes = distributed.get_rank(), distributed.get_world_size()
        self._length = sequence_length(job.inputs["rows"])
        self._steps = Steps(engine, device, job.settings.micro_batch_rows, self._length)
        new = self._rows(job.inputs["rows"])
        replay = self._rows(job.inputs["replay"]) if "replay" in job.inputs else None
        told = job.settings
        self._data = Mixture(new, replay, told.replay_share, told.mask_first_tokens)
        heldout = Rows(job.inputs["rows"], HELDOUT, engine.module.vocabulary)
        self._heldout = heldout.first(HELDOUT_ROWS)
        rows = job.settings.epochs * self._data.rows_an_epoch
        self._number = math.ceil(round(rows / job.settings.batch_rows, 9))
        self._checkpoints = Checkpoints(job.out, self._rank, job.settings.checkpoints_kept)
        self._state = State()

    def _rows(self, artifact: Artifact) -> Rows:
        rows = Rows(artifact, TRAIN, self._engine.module.vocabulary)
        if rows.masked != (self._settings.objective == "sft"):
            what = "conversations" if rows.masked else "articles"
            raise BadInputError(
                f"--objective {self._settings.objective} does not fit {artifact.uri}, "
                f"which was packed from {what}; cpt takes articles, sft conversations"
            )
        return rows

    def run(self) -> Statistics:
        """Trains to the end; raises StoppedError when told to stop, BadInputError where the loss
        has diverged twice.
        """
        leak = check_isolation(self._engine.module, self._length, self._device)
        self._resume()
        STOP.hold(
            lambda: "" if self._rank else what_counts(self._state.step, self._checkpoints.last)
        )
        first_step = self._state.step
        meter = _Meter(self._engine.module.network, self._device, self._processes)
        with Progress(
            "train", self._number, "steps", first_step, shown=self._rank == 0
        ) as progress:
            while self._state.step < self._number:
                try:
                    self._advance(progress, meter)
                except DivergedError as error:
                    before = self._state.step
                    self._go_back(str(error))
                    progress.advance(self._state.step - before)
        self._checkpoints.finish()
        state = self._state
        return {
            "steps": self._number,
            "tokens": state.tokens,
            "heldout_loss_before": state.heldout_loss_before,
            "heldout_loss_after": self._steps.loss(self._heldout),
            "heldout": state.heldout,
            "skipped_batch": state.skipped,
            "attention": self._engine.module.attention,
            "canary_leak": leak,
            "resumed_at_step": first_step,
            "tokens_per_second": round(meter.tokens_per_second, 1),
            "mfu": meter.utilisation,
            "memory_bytes": memory_bytes(self._device),
            "processes": self._processes,
            "device": device_name(self._device),
            "software": software(),
            "history": loss_curve(state.history),
        }

    def _resume(self) -> None:
        checkpoint = self._checkpoints.newest()
        if checkpoint is None:
            self._state = State(heldout_loss_before=self._steps.loss(self._heldout))
            return
        self._state = self._checkpoints.load(self._engine, checkpoint)
        log.info("resumed step=%d from=%s", self._state.step, checkpoint.uri)

    def _advance(self, progress: Progress, meter: "_Meter") -> None:
        """Steps up to the end. Raises DivergedError after one that is wrong."""
        state = self._state
        with closing(ahead(self._batches())) as batches:
            for batch in batches:
                done, rate = self._step(state.step, batch)
                before = [one["loss"] for one in state.history[-LAST_STEPS:]]
                if wrong := divergence(done.loss, done.gradient_norm, before):
                    raise DivergedError(wrong)
                meter.add(batch)
                state.history.append(
                    {"step": state.step, "loss": done.loss, "rate": rate, "tokens": batch.tokens}
                )
                state.step, state.tokens = state.step + 1, state.tokens + batch.tokens
                progress.advance(1, loss=round(done.loss, 4), rate=f"{rate:.3g}", **meter.facts())
                if state.step == self._number:
                    return
                self._look_at_heldout()
                self._save_if_due()

    def _batches(self) -> Iterator[StepBatch]:
        """Those from the next step on, without the one that is skipped."""
        size, skipped = self._settings.batch_rows, self._state.skipped
        first = self._state.next_batch
        stream = self._data.stream(self._settings.seed, first * size)
        for number in count(first):
            rows = list(islice(stream, size))
            if number != skipped:
                yield self._steps.batch(rows)

    def _step(self, step: int, batch: StepBatch) -> tuple[Done, float]:
        if not batch.labelled:
            raise BadInputError(
                f"the {self._settings.batch_rows} rows of step {step} have no token of an answer, "
                "so no loss; raise --batch-rows (train.batch_rows in the fleet file)"
            )
        told = self._settings
        rate = learning_rate(
            step, self._number, told.learning_rate, told.warmup_ratio, told.final_ratio
        )
        return self._steps.train(batch, rate), rate

    def _go_back(self, wrong: str) -> None:
        """To the last checkpoint, from where this step's batch is skipped: once.

        A spike that a few rows make passes so; one that comes of the rate comes again. Raises
        BadInputError then, and where there is no checkpoint.
        """
        self._checkpoints.finish()
        state, checkpoint = self._state, self._checkpoints.newest()
        again = "" if state.skipped is None else f", though batch {state.skipped} was skipped"
        if checkpoint is None or again:
            raise BadInputError(f"{wrong} at step {state.step}{again}; {FIX_LOSS}")
        log.warning(
            "%s at step %d; back to %s, once, and without that batch",
            wrong, state.step, checkpoint.uri,
        )  # fmt: skip
        self._state = self._checkpoints.load(self._engine, checkpoint)
        self._state.skipped = state.next_batch

    def _look_at_heldout(self) -> None:
        state, every = self._state, self._settings.heldout_steps
        if every and state.step % every == 0 and self._heldout:
            loss = self._steps.loss(self._heldout)
            assert loss is not None
            state.heldout.append({"step": state.step, "loss": loss})
            if self._rank == 0:
                log.info("heldout step=%d loss=%.4f", state.step, loss)

    def _save_if_due(self) -> None:
        """Saves what is due; raises StoppedError where a process was told to stop.

        With all steps done nothing is due nor stopped: the result is smaller than a checkpoint.
        """
        state, saved = self._state, self._checkpoints
        now = agreed(saved.seconds, saved.is_uploaded, self._device)
        if saved.is_writing and now.is_uploaded:
            saved.complete()
        if now.grace is not None:
            self._stop()
        if state.step % self._settings.checkpoint_steps == 0:
            saved.save(self._engine, state)

    def _stop(self) -> NoReturn:
        """Saves what the grace allows. Raises StoppedError."""
        state, saved = self._state, self._checkpoints
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


class _Meter:
    """What this attempt has trained on, and how fast."""

    def __init__(self, network: Any, device: torch.device, processes: int) -> None:
        self._work, self._device = Work.of(network), device
        peak = peak_flops(device)
        self._peak = None if peak is None else peak * processes
        self._begun, self._tokens, self._flops = time.monotonic(), 0, 0.0

    def add(self, batch: StepBatch) -> None:
        self._tokens += batch.tokens
        self._flops += self._work.flops(batch.tokens, batch.squares)

    @property
    def tokens_per_second(self) -> float:
        return self._tokens / self._seconds

    @property
    def utilisation(self) -> float | None:
        """Of the peak of all devices; None where that is not known."""
        return None if self._peak is None else self._flops / self._seconds / self._peak

    @property
    def _seconds(self) -> float:
        return max(1e-9, time.monotonic() - self._begun)

    def facts(self) -> dict[str, str]:
        """For people, beside the loss."""
        found = {"tokens_per_second": f"{self.tokens_per_second:.4g}"}
        if self.utilisation is not None:
            found["mfu"] = f"{self.utilisation:.1%}"
        if memory := memory_bytes(self._device):
            found["memory"] = num_bytes(memory).replace(" ", "")
        return found
