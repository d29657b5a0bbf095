"""DeepSpeed's engine around a transformers model, and the model's way back to files."""

import os
from pathlib import Path
from typing import Any

import deepspeed
import torch
from torch import distributed
from transformers import AutoModelForCausalLM

from jobs.errors import BadInputError
from jobs.train.settings import TrainSettings

ADAM_BETAS = (0.9, 0.95)
ADAM_EPSILON = 1e-8


def start_processes() -> tuple[int, int, torch.device]:
    """Joins the process group: (rank, number of processes, device). Gloo on CPU, else NCCL."""
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
        deepspeed.init_distributed("nccl")
    else:
        device = torch.device("cpu")
        deepspeed.init_distributed("gloo")
    return distributed.get_rank(), distributed.get_world_size(), device


def accumulation_steps(settings: TrainSettings, world_size: int) -> int:
    """Micro batches in one optimizer step. Raises BadInputError where the batch is not whole."""
    at_once = settings.micro_batch_rows * world_size
    if settings.batch_rows % at_once:
        raise BadInputError(
            f"--batch-rows {settings.batch_rows} is no multiple of {at_once} "
            f"(--micro-batch-rows {settings.micro_batch_rows} × {world_size} processes)"
        )
    return settings.batch_rows // at_once


def build(folder: Path, settings: TrainSettings, world_size: int, device: torch.device) -> Any:
    """The engine: float32 on CPU; on a GPU bfloat16 with float32 master weights."""
    on_gpu = device.type == "cuda"
    model = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.bfloat16 if on_gpu else torch.float32,
        attn_implementation="sdpa",
    )
    config = {
        "train_batch_size": settings.batch_rows,
        "train_micro_batch_size_per_gpu": settings.micro_batch_rows,
        "gradient_accumulation_steps": accumulation_steps(settings, world_size),
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
    engine: Any, folder: Path, dtype: torch.dtype, shard_bytes: int, rank: int
) -> None:
    """The whole model as safetensors of `dtype`, written by process 0; a collective call."""
    if engine.zero_optimization_stage() == 3:
        state = engine._zero3_consolidated_16bit_state_dict()
    else:
        state = engine.module.state_dict()
    if rank == 0:
        state = {name: tensor.to("cpu", dtype) for name, tensor in state.items()}
        engine.module.save_pretrained(folder, state_dict=state, max_shard_size=shard_bytes)
    distributed.barrier()
