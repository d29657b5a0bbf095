"""DeepSpeed's engine around a transformers model, and the model's way back to files."""

import os
import warnings
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import deepspeed
import torch
import transformers
from deepspeed.runtime.zero.partition_parameters import register_external_parameter
from torch import distributed

from jobs.artifacts.reading import Artifact
from jobs.command.importing import importing
from jobs.errors import BadInputError, TransientError
from jobs.kinds.safetensors_header import Tensor
from jobs.libraries import cause
from jobs.train.attention import implementation
from jobs.train.files import Files
from jobs.train.loss import Loss
from jobs.train.network import Network
from jobs.train.settings import BUCKET_ELEMENTS, HIGHEST_STAGE, TrainSettings
from jobs.train.weights import Weights

MOST_WAITING = timedelta(minutes=30)
"""For another process in a collective call: none does anything alone meanwhile that takes long, but
for reading the model, and who is lost is mostly found at once."""
ADAM_BETAS = (0.9, 0.95)
ADAM_EPSILON = 1e-8


def start_processes() -> tuple[int, int, torch.device]:
    """Joins the process group: (rank, number of processes, device). Gloo on CPU, else NCCL."""
    transformers.logging.disable_progress_bar()
    deepspeed.ops.__compatible_ops__ = {}  # it builds none of its extensions: no compiler is needed
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch.distributed")  # theirs
    if torch.cuda.is_available():
        device = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(device)
        backend = "nccl"
    else:
        device, backend = torch.device("cpu"), "gloo"
    try:
        deepspeed.init_distributed(backend, timeout=MOST_WAITING)
    except distributed.DistError as error:
        raise TransientError(
            f"the processes of train do not find each other: {cause(error)}; the same command "
            "tries again"
        ) from error
    return distributed.get_rank(), distributed.get_world_size(), device


def computing_type(device: torch.device) -> torch.dtype:
    """float32 on CPU; on a GPU bfloat16, with float32 master weights."""
    return torch.bfloat16 if device.type == "cuda" else torch.float32


def build(
    model: Artifact,
    tensors: Mapping[str, Tensor],
    settings: TrainSettings,
    world_size: int,
    device: torch.device,
) -> tuple[Any, Weights]:
    """The engine around a model, whose files have these `tensors`. A collective call.

    Raises BadInputError for a model that transformers cannot load whole.
    """
    computing = computing_type(device)
    try:
        accumulation_steps = settings.accumulation_steps(world_size)
    except ValueError as error:
        raise BadInputError(str(error)) from error
    config = _config(settings, accumulation_steps, computing)
    files = Files(model, tensors)
    with importing():  # loading a model imports its architecture
        network = Network(files, computing, implementation)
    if settings.activation_checkpointing:
        network.recompute_activations()
    weights = Weights(files, network.outline)
    divided = settings.zero_stage == HIGHEST_STAGE
    # What is not divided DeepSpeed's engine gives to all processes.
    weights.fill(network, device, _Divider(config, computing) if divided else lambda _: None)
    engine, *_ = deepspeed.initialize(
        model=Loss(network.module), optimizer=_optimizer(network.module, settings), config=config
    )
    if divided:
        for parameter in engine.module.head.parameters_used:
            register_external_parameter(engine.module.head, parameter)
    if computing == torch.bfloat16:
        weights.set_masters(engine, device)
    return engine, weights


class _Divider:
    """Gives each process its part of a parameter's values on process 0: ZeRO 3."""

    def __init__(self, config: Mapping[str, Any], computing: torch.dtype) -> None:
        self._config, self._computing = config, computing
        self._first: Any = None

    def __call__(self, parameter: Any) -> None:
        """Afterwards no process holds the whole any more. A collective call."""
        if self._first is not None:
            self._first.convert_to_zero_parameters([parameter])
            return
        self._first = parameter
        one = torch.nn.ParameterList([parameter])
        deepspeed.zero.Init(module=one, config_dict_or_path=self._config, dtype=self._computing)


def _optimizer(network: Any, settings: TrainSettings) -> torch.optim.AdamW:
    return torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, betas=ADAM_BETAS, eps=ADAM_EPSILON,
        weight_decay=settings.weight_decay, fused=True,
    )  # fmt: skip


def _config(
    settings: TrainSettings, accumulation_steps: int, computing: torch.dtype
) -> dict[str, Any]:
    """DeepSpeed's."""
    return {
        "train_batch_size": settings.batch_rows,
        "train_micro_batch_size_per_gpu": settings.micro_batch_rows,
        "gradient_accumulation_steps": accumulation_steps,
        "gradient_clipping": settings.gradient_clip,
        "zero_optimization": {
            "stage": settings.zero_stage,
            "reduce_bucket_size": BUCKET_ELEMENTS,
            "allgather_bucket_size": BUCKET_ELEMENTS,
        },
        "bf16": {"enabled": computing == torch.bfloat16},
        "data_types": {"grad_accum_dtype": "fp32"},
        "steps_per_print": 2**31,
        "wall_clock_breakdown": False,
    }


def set_learning_rate(engine: Any, rate: float) -> None:
    """Sets the rate of the coming step."""
    for group in engine.optimizer.param_groups:
        group["lr"] = rate
