"""One process of a training, from its inputs to the result as a model artifact."""

import logging
import sys
import tempfile
from pathlib import Path

import torch
from huggingface_hub import save_torch_state_dict
from torch import distributed

from jobs.command.running import Job, Statistics
from jobs.errors import EXIT_DONE
from jobs.kinds.devices import within_memory
from jobs.kinds.model import CONFIG, INDEX, chat_files, check_loadable
from jobs.libraries import cause
from jobs.stopping import STOP
from jobs.train import engine as engines
from jobs.train.loop import Loop
from jobs.train.processes import of_a_peer
from jobs.train.settings import HIGHEST_STAGE, TrainSettings

EXIT_OF_A_PEER = 1
"""Less than the code of who failed by itself (`jobs.train.launch.cause`)."""

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
    if settings.processes > 1 and settings.zero_stage < HIGHEST_STAGE:
        ways.append(f"raise --zero-stage from {settings.zero_stage}")
    return " or ".join([*ways, f"raise --processes from {settings.processes}"])


def _train(job: Job[TrainSettings]) -> Statistics:
    """Trains to the end, from the newest checkpoint if there is one.

    Raises StoppedError after SIGTERM, once a checkpoint is committed where the grace allows it;
    once all steps are done, the result is written instead.
    """
    rank, processes, device = engines.start_processes()
    torch.manual_seed(job.settings.seed)
    tensors = check_loadable(job.inputs["model"])
    engine, weights = engines.build(job.inputs["model"], tensors, job.settings, processes, device)
    statistics = Loop(job, engine, device).run()
    made = weights.collect(engine)
    distributed.barrier()
    distributed.destroy_process_group()
    if rank:
        sys.exit(EXIT_DONE)  # process 0 alone writes and commits
    _write_result(job, made)
    return statistics


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
