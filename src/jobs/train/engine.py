"""DeepSpeed's engine around a transformers model, and the model's way back to files."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import deepspeed
import torch
import transformers
from huggingface_hub import save_torch_state_dict
from torch import distributed

from jobs.artifacts.reading import Artifact
from jobs.command.importing import importing
from jobs.errors import BadInputError
from jobs.kinds.network import load_network
from jobs.train.settings import TrainSettings

ADAM_BETAS = (0.9, 0.95)
ADAM_EPSILON = 1e-8


def start_processes() -> tuple[int, int, torch.device]:
    """Joins the process group: (rank, number of processes, device). Gloo on CPU, else NCCL."""
    transformers.logging.disable_progress_bar()
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")  # theirs
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
        deepspeed.init_distributed("nccl")
    else:
        device = torch.device("cpu")
        deepspeed.init_distributed("gloo")
    return distributed.get_rank(), distributed.get_world_size(), device


def build(
    source: Artifact, scratch: Path, settings: TrainSettings, world_size: int, device: torch.device
) -> Any:
    """The engine: float32 on CPU; on a GPU bfloat16 with float32 master weights."""
    on_gpu = device.type == "cuda"
    try:
        accumulation_steps = settings.accumulation_steps(world_size)
    except ValueError as error:
        raise BadInputError(str(error)) from error
    with importing():  # loading a model imports its architecture
        dtype = torch.bfloat16 if on_gpu else torch.float32
        model = load_network(source, scratch, dtype, attn_implementation="sdpa")
    config = {
        "train_batch_size": settings.batch_rows,
        "train_micro_batch_size_per_gpu": settings.micro_batch_rows,
        "gradient_accumulation_steps": accumulation_steps,
        "gradient_clipping": settings.gradient_clip,
        "zero_optimization": {"stage": settings.zero_stage},
        "bf16": {"enabled": on_gpu},
        "optimizer": {
            "type": "AdamW",
            "params": {
                "lr": settings.learning_rate,
                "betas": ADAM_BETAS,
                "eps": ADAM_EPSILON,
                "weight_decay": settings.weight_decay,
                "torch_adam": True,
            },
        },
        "steps_per_print": 2**31,
        "wall_clock_breakdown": False,
    }
    engine, *_ = deepspeed.initialize(
        model=model, model_parameters=model.parameters(), config=config
    )
    return engine


def set_learning_rate(engine: Any, rate: float) -> None:
    """Sets the rate of the coming step."""
    for group in engine.optimizer.param_groups:
        group["lr"] = rate


def save_weights(
    engine: Any, folder: Path, names: Mapping[str, torch.dtype], shard_bytes: int, rank: int
) -> None:
    """The tensors in `names`, each in its type, as safetensors; a collective call.

    Process 0 writes. A tied head that the model came without is not written either.
    Raises BadInputError where the engine lacks a tensor.
    """
    if engine.zero_optimization_stage() == 3:
        state = engine._zero3_consolidated_16bit_state_dict()
    else:
        state = engine.module.state_dict()
    if rank == 0:
        if missing := sorted(names.keys() - state.keys()):
            raise BadInputError(f"transformers calls tensors otherwise than the model: {missing}")
        kept = {name: state[name].to("cpu", dtype) for name, dtype in names.items()}
        save_torch_state_dict(kept, folder, max_shard_size=shard_bytes)
    distributed.barrier()
