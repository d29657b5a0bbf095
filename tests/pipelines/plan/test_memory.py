"""What a training needs of a GPU's memory, and that layers keep what the plan counts."""

from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from jobs.kinds.rows import Row
from jobs.train.attention import implementation
from jobs.train.batches import collate
from jobs.train.loss import Loss
from pipelines.plan.memory import Memory, Training, shape_of
from tests.jobs.train.networks import config
from tests.pipelines.plan.conftest import LLAMA, LLAMA_PARAMETERS

SHAPE = shape_of(LLAMA)
BUCKET = 2 * 200_000_000
HEAD = 128256 * 4096
"""Elements."""
LOSS = 3 * 2**28 + 6 * HEAD
TOKENS = 64


@pytest.mark.parametrize(
    ("training", "memory"),
    [
        # By hand, a token of a layer: 16·4096 + 4·(4096 + 1024) + 8·14336 = 49·4096.
        (
            Training(LLAMA_PARAMETERS, 8, 2, 1, 4096, shape=SHAPE),
            (16_060_522_496, 4_015_130_624, 12_045_391_872, BUCKET, 4096 * 49 * 4096 * 32, LOSS),
        ),
        (
            Training(
                LLAMA_PARAMETERS, 8, 3, 2, 4096, activation_checkpointing=True, shape=SHAPE
            ),
            (2_007_565_312, 4_015_130_624, 12_045_391_872, BUCKET + 2 * HEAD,
             8192 * (2 * 32 + 49) * 4096, LOSS),
        ),
        (Training(10**9, 1, 1, 1, 8), (2e9, 4e9, 12e9, BUCKET, None, None)),
        (Training(10**9, 4, 1, 1, 8), (2e9, 4e9, 3e9, BUCKET, None, None)),
        (Training(10**9, 4, 2, 1, 8), (2e9, 1e9, 3e9, BUCKET, None, None)),
        (Training(10**9, 4, 3, 1, 8), (0.5e9, 1e9, 3e9, BUCKET, None, None)),
        (Training(1, 1, 1, 1, 8), (2, 4, 12, 2, None, None)),
    ],
)  # fmt: skip
def test_memory_of_a_training(training: Training, memory: tuple[float, ...]) -> None:
    assert training.memory == Memory(*memory)
    assert training.memory.all == sum(part or 0 for part in memory)


def test_what_takes_less_changes_little_first() -> None:
    training = Training(10**9, 8, 2, 4, 4096, shape=SHAPE)
    found = list(training.smaller())
    assert [changes for _, changes in found] == [
        {"zero_stage": 3},
        {"micro_batch_rows": 1},
        {"activation_checkpointing": True},
        {"micro_batch_rows": 1, "zero_stage": 3},
        {"activation_checkpointing": True, "zero_stage": 3},
        {"activation_checkpointing": True, "micro_batch_rows": 1},
        {"activation_checkpointing": True, "micro_batch_rows": 1, "zero_stage": 3},
    ]
    assert all(smaller.memory.all < training.memory.all for smaller, _ in found)
    alone = Training(10**9, 1, 1, 1, 4096, activation_checkpointing=True, shape=SHAPE)
    assert list(alone.smaller()) == []


@pytest.mark.parametrize(
    "change",
    [{"hidden_size": None}, {"vocab_size": "x"}, {"num_hidden_layers": -1}, {"head_dim": True}],
)
def test_odd_sizes_are_unknown(change: dict[str, Any]) -> None:
    shape = shape_of({**LLAMA, **change})
    assert shape == (SHAPE if "head_dim" in change else None)


def kept_bytes(architecture: str, layers: int, *, checkpointing: bool) -> int:
    """What real layers in bfloat16 keep of `TOKENS` tokens for the way back."""
    told = config(architecture)
    told = told.from_dict({**told.to_dict(), "num_hidden_layers": layers, "layer_types": None})
    network = AutoModelForCausalLM.from_config(
        told, dtype=torch.bfloat16, attn_implementation=implementation(told),
        trust_remote_code=False,
    )  # fmt: skip
    network.train()
    if checkpointing:
        network.activation_checkpointing_enable()
    weights = {one.untyped_storage().data_ptr() for one in network.parameters()}
    kept = dict[int, torch.Tensor]()

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        if (place := tensor.untyped_storage().data_ptr()) not in weights:
            kept[place] = tensor
        return tensor

    rows = [Row.of([3] * TOKENS, [TOKENS])]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = Loss(network)(**collate(rows, TOKENS).to(torch.device("cpu")))
    assert loss.requires_grad
    return sum(one.untyped_storage().nbytes() for one in kept.values())


@pytest.mark.parametrize("architecture", ["llama", "tied", "qwen2", "qwen3", "window", "neox"])
@pytest.mark.parametrize("checkpointing", [False, True])
def test_layers_keep_what_is_counted(architecture: str, checkpointing: bool) -> None:
    """No less, and two fifths more at most: norms of heads, the attention's log-sums and copies."""
    shape = shape_of(config(architecture).to_dict())
    assert shape
    kept = [kept_bytes(architecture, n, checkpointing=checkpointing) for n in (2, 4)]
    a_layer = (kept[1] - kept[0]) / 2
    counted = TOKENS * (2 * shape.hidden if checkpointing else shape.layer_bytes)
    assert counted <= a_layer <= counted * (1 if checkpointing else 1.4)
